# -*- test-case-name: tests.unit.scripts.test_hook -*-
"""The commands C{git-hook}, C{svn-hook} and C{hg-hook}: print, install or run a hook.

L{buildbot.clients} reads the commits and sends them.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress

from buildbot.clients import githook, hghook, svnhook
from buildbot.clients.hookdelivery import Change, Delivery, HookFailed, Master, outlastUser, say
from buildbot.daemon.oserrors import inWords
from buildbot.files.partial import partialPath
from buildbot.scripts import output
from buildbot.scripts.hookoptions import PLACES
from buildbot.scripts.output import CommandFailed, Config, setting

#: The most seconds that a commit waits for the master.
SECONDS = 20.0
#: The file with the account, unless an option or the environment names another.
AUTH_FILE = "~/.buildbot-auth"
#: The options that a hook keeps, besides the master and the account.
_KEPT = (*PLACES, "timeout", "prefix")


class Hook:
    """I am the hook of one version control system: derive from me."""

    name = ""

    def __init__(self, config: Config, python: Sequence[str]) -> None:
        """@param python: the words that run Python."""
        self.config = config
        self._python = python
        self.arguments: list[str] = list(setting(config, "arguments", tuple, ()))

    def directory(self) -> str:
        """The directory for unsent changes. @raise HookFailed: the argument is no repository."""
        raise NotImplementedError

    def path(self, directory: str) -> str:
        """The file that has the hook."""
        raise NotImplementedError

    def place(self, directory: str) -> str:
        """The complete path of the repository, as the command line has it."""
        return directory

    def changes(self) -> Iterable[Change]:
        """The changes of the commit for which I run. @raise HookFailed: they cannot be read."""
        raise NotImplementedError

    def text(self, before: str) -> str:
        """The file with the hook. @raise CommandFailed: C{before}, its text so far, is of somebody else."""
        if before and self.mark not in before:
            raise CommandFailed(
                "the repository has such a hook already: nothing was written",
                f'add this line to it: {self.command} "$@"',
            )
        said = f"{self.mark}: sends commits to the Buildbot master {self.address}."
        return f'#!/bin/sh\n{said}\nexec {self.command} "$@"\n'

    @property
    def repository(self) -> str | None:
        """The repository on the command line."""
        return self.arguments[0] if self.arguments else None

    @property
    def mark(self) -> str:
        """The beginning of the comment by which I know my own file."""
        return f"# Made by `buildbot {self.name}`"

    @property
    def address(self) -> str:
        """The address of the master. @raise CommandFailed: the address is unknown."""
        found = setting(self.config, "master", str, "") or os.environ.get("BUILDBOT_MASTER", "")
        if not found:
            raise CommandFailed("--master=HOST:PORT is needed", status=2)
        return found

    @property
    def authFile(self) -> str:
        """The complete path of the file with the account."""
        said = setting(self.config, "auth-file", str, "") or os.environ.get("BUILDBOT_AUTH_FILE", AUTH_FILE)
        return os.path.abspath(os.path.expanduser(said))

    @property
    def command(self) -> str:
        """The command line of the hook, without the arguments that the version control adds."""
        return shlex.join([*self._python, "-m", "buildbot", self.name, "--run", *self._options()])

    def _options(self) -> list[str]:
        """The options on my command line."""
        config = self.config
        kept = [f"--{name}={config[name]}" for name in _KEPT if config.get(name) is not None]
        flags = ["--branches"] if config.get("branches") else []
        return [f"--master={self.address}", f"--auth-file={self.authFile}", *kept, *flags]

    def delivery(self) -> Delivery:
        """The object that sends the changes."""
        directory = self.directory()
        again = ["buildbot", self.name, "--deliver", *self._options()]
        command = [os.environ["BUILDBOT"]] if "BUILDBOT" in os.environ else [*self._python, "-m", "buildbot"]
        seconds = setting(self.config, "timeout", float, 0.0) or _secondsOf(os.environ)
        master = Master(self.address, self.authFile, tuple(command), seconds)
        return Delivery(directory, master, shlex.join([*again, self.place(directory)]))

    def placed(self) -> list[Change]:
        """The changes, with the values that the options name."""
        config = self.config
        places = {name: config[name] for name in PLACES if config.get(name) is not None}
        return [{**change, **places} for change in self.changes()]


class GitHook(Hook):
    """I am the hook post-receive of git."""

    name = "git-hook"

    def directory(self) -> str:
        """See L{Hook}."""
        return githook.directoryOf(self.repository)

    def path(self, directory: str) -> str:
        """See L{Hook}."""
        return githook.hookOf(directory)

    def changes(self) -> Iterable[Change]:
        """See L{Hook}."""
        return githook.pushed(sys.stdin)


class SvnHook(Hook):
    """I am the hook post-commit of Subversion."""

    name = "svn-hook"

    def directory(self) -> str:
        """See L{Hook}."""
        directory = os.path.abspath(self.repository or "")
        for name in ("hooks", "db"):  # git has hooks, too
            if not os.path.isdir(os.path.join(directory, name)):
                raise HookFailed(f"{directory} is no repository of Subversion: it has no directory {name}")
        return directory

    def path(self, directory: str) -> str:
        """See L{Hook}."""
        return os.path.join(directory, "hooks", "post-commit")

    def text(self, before: str) -> str:
        """See L{Hook}. Subversion runs hooks without C{PATH}."""
        path = shlex.quote(os.environ.get("PATH", os.defpath))
        first, mark, last = super().text(before).splitlines()
        return f"{first}\n{mark}\nPATH=${{PATH:-{path}}}\nexport PATH\n{last}\n"

    def changes(self) -> Iterable[Change]:
        """See L{Hook}."""
        repository, revision = self.arguments[:2]
        prefix = setting(self.config, "prefix", str, "")
        return svnhook.committed(repository, revision, prefix, bool(self.config.get("branches")))


class HgHook(Hook):
    """I am the hooks commit and changegroup of Mercurial."""

    name = "hg-hook"

    def directory(self) -> str:
        """See L{Hook}."""
        return hghook.directoryOf(self.repository)

    def path(self, directory: str) -> str:
        """See L{Hook}."""
        return os.path.join(directory, "hgrc")

    def place(self, directory: str) -> str:
        """See L{Hook}."""
        return os.path.dirname(directory)

    def text(self, before: str) -> str:
        """See L{Hook}. The other lines of the file stay."""
        lines = before.splitlines(keepends=True)
        for number, line in enumerate(lines):
            if line.startswith(self.mark):
                del lines[number : number + 4]
                break
        else:
            if lines and not lines[-1].endswith("\n"):
                lines[-1] += "\n"
        made = [
            f"{self.mark}: sends changesets to the Buildbot master {self.address}.\n[hooks]\n",
            *(f"{hook}.buildbot = {self.command}\n" for hook in ("changegroup", "commit")),
        ]
        return "".join([*lines, *made])

    def changes(self) -> Iterable[Change]:
        """See L{Hook}."""
        return hghook.added()


def gitHook(config: Config) -> int:
    """Carry out C{git-hook}."""
    return _do(GitHook(config, _python()))


def svnHook(config: Config) -> int:
    """Carry out C{svn-hook}."""
    return _do(SvnHook(config, _python()))


def hgHook(config: Config) -> int:
    """Carry out C{hg-hook}. The status is 0 in a hook: for hg, another one is a reason to warn."""
    status = _do(HgHook(config, _python()))
    return 0 if config.get("run") else status


def _do(hook: Hook) -> int:
    config = hook.config
    if config.get("run") and not config.get("deliver"):
        return _run(hook)
    try:
        if config.get("deliver"):
            return hook.delivery().deliver()
        if config.get("install"):
            return _install(hook)
        hook.directory()
        print(hook.text(""), end="")
    except HookFailed as why:
        raise CommandFailed(str(why)) from None
    return 0


def _run(hook: Hook) -> int:
    """Send a commit. Never raises: whatever happens, the commit is there."""
    outlastUser()
    try:
        return hook.delivery().hook(hook.placed)
    except (CommandFailed, HookFailed, OSError, UnicodeError, ValueError) as problem:
        told = inWords(problem) if isinstance(problem, OSError) else str(problem)
        say(f"the hook has failed: {told}")
        return 1


def _install(hook: Hook) -> int:
    path = hook.path(hook.directory())
    before, mode = "", 0o755 if not path.endswith("hgrc") else 0o644
    with suppress(FileNotFoundError), open(path, encoding="utf-8", errors="surrogateescape") as file:
        before, mode = file.read(), os.fstat(file.fileno()).st_mode & 0o777
    text = hook.text(before)
    partial = partialPath(path)
    try:
        with open(partial, "x", encoding="utf-8", errors="surrogateescape") as file:
            os.fchmod(file.fileno(), mode)
            file.write(text)
        os.replace(partial, os.path.realpath(path))
    finally:
        with suppress(FileNotFoundError):
            os.unlink(partial)
    output.say(hook.config, f"the hook is in {path}")
    if not os.access(hook.authFile, os.R_OK):
        output.complain(f"{hook.authFile} cannot be read yet: it must hold USER:PASSWORD")
    return 0


def _python() -> list[str]:
    """The words that run this Python. If possible, it takes no modules from the directory where it runs."""
    isolated = [sys.executable, "-I"]
    if sys.flags.isolated:
        return isolated
    tried = subprocess.run(
        [*isolated, "-c", "import buildbot"], stdin=subprocess.DEVNULL, capture_output=True
    )
    return isolated if tried.returncode == 0 else isolated[:1]


def _secondsOf(environ: os._Environ[str]) -> float:
    """The time limit in the environment, or the usual one."""
    said = environ.get("BUILDBOT_TIMEOUT", "")
    try:
        return float(said) if said else SECONDS
    except ValueError:
        say(f"BUILDBOT_TIMEOUT={said} is not a number of seconds: using {SECONDS:g}")
        return SECONDS

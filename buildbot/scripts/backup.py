# -*- test-case-name: tests.unit.scripts.test_backup -*-
"""The commands C{backup} and C{restore}: copy a master's directory, also while it runs; make one from a copy.

L{buildbot.store.backup}, L{buildbot.store.archive} and L{buildbot.store.restore} do the work.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping

from buildbot.daemon import directory
from buildbot.daemon.oserrors import inWords
from buildbot.scripts.output import CommandFailed, Config, command, complain, say, usable, waiting
from buildbot.scripts.tables import moment
from buildbot.store.archive import archive, isArchive
from buildbot.store.backup import CannotBackUp, Made, backUp
from buildbot.store.place import serverOf
from buildbot.store.restore import BadArchive, CannotRestore, Contents, check, mustBeEmpty, mustFit
from buildbot.store.restore import restore as restoreTo
from buildbot.store.schema import CURRENT
from buildbot.text.plural import counted

#: The time left is told when this part of the work is done.
_SURE = 50
#: Ends of names that promise an archive of another kind.
_OTHERS = (".gz", ".bz2", ".xz", ".zst", ".zip", ".7z")


def backup(config: Config) -> int:
    """Copy the directory of a master. Status 0 when the whole copy is on disk; 1 if the store is damaged."""
    here = usable(config)
    target = os.path.abspath(str(config["target"]))
    if directory.kindOf(directory.readTac(here)) is directory.Kind.SLAVE:
        raise CommandFailed(
            f"{here} is a buildslave's directory: `{command('create-slave')}` makes a new one"
        )
    if not isArchive(target) and (target.endswith(_OTHERS) or config.get("force")):
        raise CommandFailed(f"{target}: the name of a file for a backup must end with .tar.gz, .tgz or .tar")
    made = Made()
    try:
        with waiting(config, _Progress("copied", made, lambda: made.expected)):
            if isArchive(target):
                archive(here, target, bool(config.get("force")), made)
            else:
                backUp(here, target, made)
    except CannotBackUp as why:
        raise CommandFailed(str(why)) from None
    except KeyboardInterrupt:
        complain(f"interrupted: nothing was left in {target}")
        raise
    parts = _parts(made.counts, made.logs, made.files, made.size)
    say(config, f"{target} is a copy of {here}: {parts}")
    if made.damage:
        complain(
            f"the store is damaged ({made.damage}), and so is its copy: the first start from the copy sets"
            " the damaged store aside, and recovers the readable data"
        )
    say(config, *(f"left out, because it is not a file: {path}" for path in made.skipped))
    server = serverOf(here)
    if server:
        complain(f"changes, requests and builds are in {server}, and not in this copy: pg_dump copies them")
    return 1 if made.damage else 0


def restore(config: Config) -> int:
    """Make the directory of a master from an archive, or only check the archive. Status 0 if it is sound."""
    path, here = str(config["file"]), os.path.abspath(str(config["basedir"]))
    isCheck = bool(config.get("check"))
    if os.path.isdir(path):
        raise CommandFailed(
            f"{path} is a directory: a backup of that kind is copied with `cp -a`, and has no sums to check"
        )
    try:
        if not isCheck:
            mustBeEmpty(here)
        contents = Contents()
        with waiting(config, _Progress("checked", contents, lambda: 0)):
            check(path, contents)
        if not isCheck:
            mustFit(here, contents.size)
            done = Contents()
            with waiting(config, _Progress("restored", done, lambda: contents.size)):
                restoreTo(path, here, done)
    except BadArchive as why:
        rest = "" if isCheck else "; nothing was restored"
        raise CommandFailed(f"{path}: {why}{rest}") from None
    except CannotRestore as why:
        raise CommandFailed(str(why)) from None
    except OSError as why:
        raise CommandFailed(inWords(why)) from None
    except KeyboardInterrupt:
        complain("interrupted" if isCheck else f"interrupted: nothing was restored to {here}")
        raise
    _told(config, path, here, isCheck, contents)
    return 0


def _told(config: Config, path: str, here: str, isCheck: bool, contents: Contents) -> None:
    """Print what was restored or checked."""
    parts = _parts(contents.counts, contents.logs, contents.files, contents.size)
    done = f"{path} is sound" if isCheck else f"restored {here} from {path}"
    made = f"the backup is of {moment(contents.made)}, by release {contents.release}"
    say(config, f"{done}: {parts}", made)
    if contents.damage:
        complain(f"its store was damaged before the backup ({contents.damage}): the first start repairs it")
    if contents.schema > CURRENT.version:
        complain(
            f"its store has the schema {contents.schema}, and this release knows up to {CURRENT.version}:"
            " start it with the release that made it"
        )
    if contents.links:
        complain("it has links to other places, which are not in the backup:", *contents.links)
    if not isCheck and os.geteuid() == 0:
        say(
            config,
            f"all files belong to root: `chown -R USER {here}` gives them to the account of the master",
        )
    if not isCheck:
        say(config, f"`{command('start', here)}` starts it")


def _parts(counts: Mapping[str, int], logs: int, files: int, size: int) -> str:
    parts = [counted(counts[name], name[:-1]) for name in ("builds", "changes", "requests") if name in counts]
    return ", ".join([*parts, counted(logs, "log"), counted(files, "other file"), counted(size, "byte")])


class _Progress:
    """I make the line about the progress."""

    def __init__(self, verb: str, done: Made | Contents, total: Callable[[], int]) -> None:
        """@param total: the bytes in the end; 0 if unknown."""
        self._verb, self._done, self._total = verb, done, total

    def __call__(self, passed: float) -> str:
        done, total = self._done.size, self._total()
        if not done or not done <= total <= done * _SURE:
            return f"{self._verb} {_megabytes(done)} …"
        left = passed * (total - done) / done
        rest = f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min"
        return f"{self._verb} {_megabytes(done)} of {_megabytes(total)}, about {rest} left …"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"

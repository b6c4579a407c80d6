"""The completion scripts in real shells, at a terminal, as a person types."""

from __future__ import annotations

import os
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace

from twisted.trial import unittest

from buildbot.model.records import LogRecord, StepRecord
from buildbot.scripts.completion import scriptFor
from buildbot.store.sqlite import SqliteStore
from tests.examples import sample
from tests.stores import Turnstile, build, buildset

#: The most seconds for an answer of a shell.
PATIENCE = 60.0
#: Control-T prints the line as it is then.
_START = {
    "bash": (
        ["bash", "--norc", "--noprofile", "-i"],
        "PS1='> '; bind 'set show-all-if-ambiguous on'; bind 'set completion-query-items 0'\n"
        "bind 'set enable-bracketed-paste off'; bind 'set bell-style none'\n"
        'bind -x \'"\\C-t": printf "LINE<%s>\\n" "$READLINE_LINE"\'\n',
    ),
    "zsh": (
        ["zsh", "-f", "-i"],
        "PS1='> '; unset zle_bracketed_paste; autoload -U compinit; compinit -D -u\n"
        "show() { print -r -- \"LINE<$BUFFER>\" }; zle -N show; bindkey '^T' show\n",
    ),
}


class Terminal:
    """A shell at a terminal."""

    def __init__(self, shell: str, directory: str, environment: dict[str, str]) -> None:
        words, setUp = _START[shell]
        self.child, self._terminal = pty.fork()
        if not self.child:
            try:
                os.chdir(directory)
                os.execvpe(words[0], words, environment)
            finally:
                os._exit(127)
        os.write(self._terminal, f"{setUp}source ./script; echo READ'Y'\n".encode())
        self.until("READY")

    def until(self, text: str) -> str:
        """What the shell prints, up to a text."""
        seen = b""
        end = time.monotonic() + PATIENCE
        while text.encode() not in seen:
            ready, _, _ = select.select([self._terminal], [], [], max(0, end - time.monotonic()))
            if not ready:
                raise AssertionError(f"no {text!r} in {seen!r}")
            seen += os.read(self._terminal, 4096)
        return seen.decode()

    def completed(self, typed: str) -> str:
        """The line after a person has typed this and the Tab key."""
        os.write(self._terminal, f"\x15{typed}\t\x14".encode())
        found = re.search("LINE<([^\n]*)>", self._line())
        assert found is not None
        return found[1]

    def _line(self) -> str:
        seen = self.until("LINE<")
        return seen + (self.until("\n") if not re.search("LINE<[^\n]*\n", seen) else "")

    def end(self) -> None:
        """End the shell."""
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        os.close(self._terminal)


class CompletionCase(unittest.TestCase):
    """A directory with a stopped master, a program buildbot, and the script of a shell."""

    shell = ""

    def setUp(self) -> None:
        if not shutil.which(self.shell):
            raise unittest.SkipTest(f"no {self.shell} here")
        self.here = os.path.realpath(tempfile.mkdtemp(dir="."))
        program = os.path.join(self.here, "bin", "buildbot")
        os.mkdir(os.path.dirname(program))
        with open(program, "w", encoding="utf-8") as file:
            file.write(f"#!{sys.executable}\nfrom buildbot.__main__ import run\nrun()\n")
        os.chmod(program, 0o755)
        with open(os.path.join(self.here, "script"), "w", encoding="utf-8") as file:
            file.write(scriptFor(self.shell))
        self.environment = {
            "PATH": f"{os.path.dirname(program)}:{os.environ['PATH']}",
            "PYTHONPATH": os.pathsep.join([os.getcwd(), *sys.path]),
            **{"TERM": "vt100", "HOME": self.here, "LC_ALL": "C.UTF-8", "COLUMNS": "80"},
        }
        os.mkdir(os.path.join(self.here, "master"))
        self.build("full", "quick tests")

    def build(self, *builders: str) -> None:
        """Make a store with a build of each builder."""
        turnstile = Turnstile()
        get = turnstile.result
        store = SqliteStore(os.path.join(self.here, "master"), turnstile, pace=0)
        get(store.open())
        for builder in builders:
            _, (request,) = get(store.addBuildset(buildset(), [builder], None, ()))
            running = get(store.startBuild(build(builder, [request])))
            steps = (StepRecord("compile", 1.0, 2.0, 0, (), (LogRecord("stdio", "x", 5),)),)
            get(store.finishBuild(replace(running, steps=steps, finished=20.0, results=0)))
        get(store.close())

    def check(self, lines: Sequence[tuple[str, str]]) -> None:
        """Check what becomes of some lines after the Tab key."""
        terminal = Terminal(self.shell, self.here, self.environment)
        self.addCleanup(terminal.end)
        for typed, wanted in sample(lines, 6):
            self.assertEqual(terminal.completed(typed).rstrip(), wanted.rstrip(), typed)


LINES = (
    ("buildbot forc", "buildbot force "),
    ("buildbot force --list-p", "buildbot force --list-parameters "),
    ("buildbot force mas", "buildbot force master/"),
    ("buildbot force master fu", "buildbot force master full "),
    ("buildbot force -b x --wait master fu", "buildbot force -b x --wait master full "),
    ("buildbot force master q", "buildbot force master quick\\ tests "),
    ("buildbot log master fu", "buildbot log master full/"),
    ("buildbot log master full/", "buildbot log master full/0"),
    ("buildbot log master full/0/", "buildbot log master full/0/compile"),
    ("buildbot pause master b", "buildbot pause master bot1 "),
    ("buildbot help unp", "buildbot help unpause "),
    ("buildbot completion z", "buildbot completion zsh "),
    ("buildbot audit --token=mas", "buildbot audit --token=master/"),
    ("buildbot nosuch x", "buildbot nosuch x"),
)


class BashTests(CompletionCase):
    """bash."""

    shell = "bash"

    def test_lines(self) -> None:
        """Commands, options, directories, and names of a stopped master are completed."""
        self.check(LINES)


class ZshTests(CompletionCase):
    """zsh."""

    shell = "zsh"

    def test_lines(self) -> None:
        """Commands, options, directories, and names of a stopped master are completed."""
        self.check(LINES)


class FishTests(CompletionCase):
    """fish, which tells the candidates itself."""

    shell = "fish"

    def test_lines(self) -> None:
        """Commands, options, directories, and names of a stopped master are completed."""
        lines = sample([(typed, wanted) for typed, wanted in LINES if "nosuch" not in typed], 6)
        asked = "; ".join(f"complete -C '{typed}'; echo ====" for typed, _ in lines)
        said = subprocess.run(
            ["fish", "--no-config", "-c", f"source ./script; {asked}"],
            cwd=self.here,
            env=self.environment,
            capture_output=True,
            check=True,
            timeout=PATIENCE,
        ).stdout.decode()
        for (_, wanted), found in zip(lines, said.split("====\n"), strict=False):
            last = wanted.replace("\\ ", "\0").split()[-1].replace("\0", " ")
            self.assertEqual([line.split("\t")[0] for line in found.splitlines()], [last])

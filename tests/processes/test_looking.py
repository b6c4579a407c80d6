"""The commands that answer questions, on terminals of all widths, and for readers that go."""

from __future__ import annotations

import contextlib
import os
import pty
import struct
import subprocess
import sys
import termios
from fcntl import ioctl
from typing import Any

from buildbot.model.change import Change
from buildbot.text.printable import width
from tests.examples import sample
from tests.stores import SqliteCase

_PATH = os.pathsep.join(os.path.abspath(each) for each in sys.path)


class LookingTests(SqliteCase):
    """A stopped master with many changes, some of them odd."""

    def setUp(self) -> None:
        super().setUp()
        self.opened(self.quick())
        for number in range(300):
            who = ("ann", "日本語の名前 <nihon@example.org>", "ev\x1b[2Jil\x07")[number % 3]
            told: dict[str, Any] = {"branch": "枝" * 30 if number % 3 else "a\x1bb", "revision": "f" * 40}
            change = Change(who, ["d\x1b[31m.c"], "\u202ewhy\nコメント" * 9, when=10.0, **told)
            self.get(self.store.addChange(change))
        self.get(self.store.close())
        with open(os.path.join(self.directory, "buildbot.tac"), "w", encoding="utf-8") as file:
            file.write("application = service.Application('buildmaster')")

    def words(self, *words: str) -> list[str]:
        return [sys.executable, "-m", "buildbot", *words]

    def onTerminal(self, columns: int, *words: str) -> list[str]:
        """The lines of a command on a terminal of this width."""
        ours, theirs = pty.openpty()
        with contextlib.closing(os.fdopen(ours, "rb", 0)) as screen:
            ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
            environment = {**os.environ, "PYTHONPATH": _PATH, "TERM": "xterm", "NO_COLOR": "1"}
            environment.pop("COLUMNS", None)
            process = subprocess.Popen(
                self.words(*words), stdout=theirs, stderr=subprocess.DEVNULL, env=environment
            )
            os.close(theirs)
            said = b""
            with contextlib.suppress(OSError):  # Linux: the end of a terminal is an error
                while piece := screen.read(65536):
                    said += piece
            self.assertEqual(process.wait(300), 0)
        return said.decode().replace("\r\n", "\n").splitlines()

    def test_widths(self) -> None:
        """Tables fit the terminal, and nothing that others wrote can control it."""
        for columns in sample((60, 80, 200), 2):
            lines = self.onTerminal(columns, "changes", "-c", "9", self.directory)
            self.assertLessEqual(max(map(width, lines)), columns)
            self.assertGreater(len(lines), 9)
            self.assertFalse([line for line in lines if any(ord(each) < 32 for each in line)])

    def test_head(self) -> None:
        """A reader that has seen enough ends the command, without a word."""
        for more in ("", "--json"):
            line = f"{' '.join(self.words('changes', '-c300', more, self.directory))} | head -1"
            said = subprocess.run(
                ["sh", "-c", line],
                env={**os.environ, "PYTHONPATH": _PATH},
                capture_output=True,
                text=True,
                timeout=300,
                check=True,
            )
            self.assertEqual(len(said.stdout.splitlines()), 1)
            here = os.path.realpath(self.directory)
            note = f"no buildmaster is running in {here}: this is what it has stored"
            self.assertEqual(said.stderr.splitlines(), [note])

"""The option --color, and what is printed in colours."""

from __future__ import annotations

import io
import sys

from buildbot.scripts import colours
from buildbot.scripts.output import say
from buildbot.scripts.tables import table
from tests.commandline import command, spoken
from tests.unit.scripts.test_ask import AskingTests


class Terminal(io.StringIO):
    """A terminal."""

    def isatty(self) -> bool:
        return True


class ColourTests(AskingTests):
    """Colours are for terminals."""

    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(colours.choose, colours.NEVER)

    def isOn(self, when: str, out: io.StringIO, **environment: str) -> bool:
        """Whether colours are chosen."""
        self.patch(sys, "stdout", out)
        colours.choose(when, environment)
        return colours.painter()("x", "red") != "x"

    def test_auto(self) -> None:
        """A terminal gets colours, unless it is dumb or the user does not want them; a pipe gets none."""
        self.assertTrue(self.isOn("auto", Terminal(), TERM="xterm"))
        self.assertTrue(self.isOn("auto", Terminal(), TERM="xterm", NO_COLOR=""))
        for out, environment in (
            (Terminal(), {"TERM": "dumb"}),
            (Terminal(), {}),
            (Terminal(), {"TERM": "xterm", "NO_COLOR": "1"}),
            (io.StringIO(), {"TERM": "xterm"}),
        ):
            self.assertFalse(self.isOn("auto", out, **environment), environment)

    def test_told(self) -> None:
        """always and never count more than the terminal and the environment."""
        self.assertTrue(self.isOn("always", io.StringIO(), NO_COLOR="1"))
        self.assertFalse(self.isOn("never", Terminal(), TERM="xterm"))

    def test_option(self) -> None:
        """--color may stand before the command and behind it, which counts more; the next forgets it."""
        self.answer = {"running": [], "waiting": [], "requests": [], "storeTrouble": "", "finished": [BUILD]}
        for words, isOn in (
            (["--color=always", "builds", self.here], True),
            (["builds", "--color=always", self.here], True),
            (["builds", self.here], False),
            (["--color=always", "builds", "--color", "never", self.here], False),
        ):
            self.assertEqual("\x1b[31mfailed: compile\x1b[0m" in command(*words).out, isOn, words)
        said = command("builds", "--color=alwyas", self.here)
        self.assertIn("--color must be auto, always or never, not 'alwyas'; did you mean always?", said.err)
        self.assertEqual(said.status, 2)

    def test_json(self) -> None:
        """JSON has no colours."""
        self.answer = {"running": [], "waiting": [], "requests": [], "storeTrouble": "", "finished": [BUILD]}
        self.assertNotIn("\x1b", command("builds", "--json", "--color=always", self.here).out)

    def test_table(self) -> None:
        """Colours change no width: without them, the table is the same. A cell cannot bring its own."""
        rows = [["a", "failed: " + "x " * 30, "b\x1b[31m"], ["long name", "success", "c"]]
        for room in (None, 40, 60):
            plain = table(("NAME", "RESULT", "MORE"), rows, room)
            colours.choose(colours.ALWAYS)
            painted = table(("NAME", "RESULT", "MORE"), rows, room)
            colours.choose(colours.NEVER)
            self.assertIn("\x1b[32msuccess\x1b[0m", "".join(painted))
            bare = [
                line.replace("\x1b[31m", "").replace("\x1b[32m", "").replace("\x1b[0m", "")
                for line in painted
            ]
            self.assertEqual(bare, plain)

    def test_safe(self) -> None:
        """Only our own colours reach the terminal."""
        colours.choose(colours.ALWAYS)
        line = colours.withOutcome("full\x1b[2J: ", "failed\x1b[0m: x", " (3 s)")
        self.assertEqual(
            spoken(lambda: say({}, line, "\x1b[2J")).out,
            "full\\x1b[2J: \x1b[31mfailed\\x1b[0m: x\x1b[0m (3 s)\n\\x1b[2J\n",
        )


BUILD = {
    **{"builder": "full", "number": 7, "slave": "bot1", "started": 1.0, "finished": 2.0, "results": 2},
    **{"result": "failure", "text": ["failed", "compile"], "reason": "", "changes": [], "revision": None},
    **{"branch": None},
}

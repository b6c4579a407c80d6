"""The man page."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.scripts.commands import COMMANDS
from buildbot.scripts.described import optionsOf
from buildbot.scripts.manpage import manual


class ManualTests(unittest.SynchronousTestCase):
    """L{manual}."""

    def test_every(self) -> None:
        """The page has every command with its options, in a file of ASCII."""
        page = manual()
        page.encode("ascii")
        for name, command in COMMANDS.items():
            _, _, part = page.partition(f"\n.SS {name}\n".replace("-", "\\-"))
            part = part.partition("\n.SS ")[0]
            self.assertTrue(part, name)
            for option in optionsOf(command.options):
                if option.long not in ("--help", "--version", "--quiet", "--color"):
                    self.assertIn(f"\\fB{option.long}\\fR".replace("-", "\\-"), part)

    def test_noRequests(self) -> None:
        """No line of text is taken for a request of roff."""
        known = (".TH", ".SH", ".SS", ".B", ".PP", ".TP", '.\\"')
        for line in manual().splitlines():
            self.assertTrue(not line.startswith((".", "'")) or line.startswith(known), line)
            self.assertNotEqual(line.strip(), "")

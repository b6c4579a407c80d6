"""Names in the ids of messages."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.text.idnames import inId


class IdTests(unittest.SynchronousTestCase):
    """See L{inId}."""

    def test_short(self) -> None:
        """A short name stays as it is."""
        self.assertEqual(inId("full-2"), "full-2")

    def test_different(self) -> None:
        """Different names stay different: long ones, and those with other characters."""
        names = [
            "linux-x86-64-release-gcc",
            "linux-x86-64-release-clang",
            "a b",
            "a-b",
            "a.b",
            "сборка",
            "пакеты",
        ]
        self.assertEqual(len({inId(name) for name in names}), len(names))

    def test_characters(self) -> None:
        """No name adds a character that an id may not have, also one that is no valid text."""
        for name in ("a\r\nBcc: x", "<>@ ", "é", "\udcff", ""):
            self.assertRegex(inId(name), r"^[A-Za-z0-9-]+\Z")

"""Text that was not UTF-8."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.text.undecoded import sendable


class SendableTests(unittest.TestCase):
    """Values of a command line, as they are sent."""

    def test_values(self) -> None:
        """Undecoded bytes become bytes again; text, numbers and None stay."""
        for value in ("plain", "Jörg", "", 7, None, b"x"):
            self.assertIs(sendable(value), value)
        name = b"J\xf6rg".decode("utf-8", "surrogateescape")
        self.assertEqual(sendable(name), b"J\xf6rg")

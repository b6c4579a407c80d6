"""The arguments of the command that forces builds."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.irc.wishes import UsageError, Wish, wishOf


class WishesTests(unittest.SynchronousTestCase):
    """What somebody wants to be built."""

    def test_read(self) -> None:
        """The options of 0.8 are read, with and without an equals sign, and in quotes."""
        read = {
            "build full": Wish("full"),
            "build full it is monday": Wish("full", "it is monday"),
            "build full don't ask": Wish("full", "don't ask"),
            "build 'my builder' why": Wish("my builder", "why"),
            "build --branch=b/1.x full": Wish("full", "", "b/1.x"),
            "build --codebase=lib full": Wish("full", codebase="lib"),
            "build --branch b --revision r7 full x": Wish("full", "x", "b", "r7"),
            "build --props=a=1,b=x=y full": Wish("full", properties={"a": "1", "b": "x=y"}),
        }
        for text, wish in read.items():
            self.assertEqual(wishOf(text, "usage"), wish, text)

    def test_wrong(self) -> None:
        """Another form is told how to write it; odd characters are not passed to steps."""
        for text in ("", "full", "build", "build --branch", "build --branch=b", "build --other=x full"):
            self.assertEqual(str(self.assertRaises(UsageError, wishOf, text, "usage")), "usage", text)
        for value in ("-x", "a;b", "$(x)", "a'b", "x" * 201, "\x01"):
            for name in ("codebase", "branch", "revision"):
                self.assertRaises(UsageError, wishOf, f'build "--{name}={value}" full', "usage")
            self.assertRaises(UsageError, wishOf, f'build "--props=a={value}" full', "usage")
        self.assertRaises(UsageError, wishOf, "build --props=a full", "usage")

"""Paths on the master that contain values from others."""

from __future__ import annotations

import os

from twisted.trial import unittest

from buildbot.process.masterpath import UnsafePath, onMaster
from buildbot.process.provenance import Origin, Piece


def slave(text: str) -> Piece:
    """A value from a slave."""
    return Piece(text, Origin.SLAVE, "said")


def sender(text: str) -> Piece:
    """A value from the sender of a change."""
    return Piece(text, Origin.OTHERS, "branch")


class PathTests(unittest.SynchronousTestCase):
    """H5: no value from a slave leads out of the configured directory."""

    def setUp(self) -> None:
        self.home = os.path.realpath(self.mktemp())
        self.base = os.path.join(self.home, "master")
        os.makedirs(os.path.join(self.base, "up", "bot1"))
        self.patch(os, "environ", {**os.environ, "HOME": self.home})

    def at(self, *pieces: str | Piece) -> str:
        path = onMaster(self.base, [Piece(each) if isinstance(each, str) else each for each in pieces])
        return os.path.relpath(path, self.home)

    def refused(self, *pieces: str | Piece) -> None:
        self.assertRaises(UnsafePath, self.at, *pieces)

    def test_configured(self) -> None:
        """A path from the configuration alone is unchanged."""
        self.assertEqual([self.at("up/x"), self.at("~/x"), self.at("/")[:3]], ["master/up/x", "x", "../"])
        self.assertEqual(self.at("../x"), "x")

    def test_oneName(self) -> None:
        """H5: a value from a slave can be a name, or a part of one."""
        self.assertEqual(self.at("up/bot1/", slave("1.0")), "master/up/bot1/1.0")
        self.assertEqual(self.at("~/p-", slave("1..0"), ".tgz"), "p-1..0.tgz")
        self.assertEqual(self.at("up/", slave("v"), "/docs/", slave("w")), "master/up/v/docs/w")

    def test_elsewhere(self) -> None:
        """H5: names that lead elsewhere are refused: with slashes, '..', hidden, empty, odd ones."""
        for said in ("a/b", "/a", "..", ".", "", ".ssh", "../x", "a\0", "a\n", "..\\x"):
            self.refused("up/", slave(said))
        self.refused("up/.", slave("."))
        self.refused("up/", slave("a"), "/../../x")
        self.refused("up/", sender("a"), slave("/b"))
        self.refused("up/", sender("."), slave("."))

    def test_branches(self) -> None:
        """H5: a branch may have slashes, but cannot lead up."""
        self.assertEqual(self.at("up/", sender("feature/x"), "/y"), "master/up/feature/x/y")
        self.assertEqual(self.at("to-", sender("trunk")), "master/to-trunk")
        for said in ("../x", "a/../../x", "/etc/passwd", "..", "a/.git/config", "a\0"):
            self.refused("up/", sender(said))

    def test_links(self) -> None:
        """H5: a link that leads out of the directory is not followed; one that stays inside is."""
        os.symlink(self.home, os.path.join(self.base, "up", "out"))
        os.symlink("bot1", os.path.join(self.base, "up", "in"))
        self.refused("up/", slave("out"), "/x")
        self.refused("up/", slave("out"))
        self.assertEqual(self.at("up/", slave("in"), "/x"), "master/up/bot1/x")

    def test_ownFiles(self) -> None:
        """H5: a slave cannot name a file beside master.cfg, and a sender none that the master uses."""
        for said in ("master.cfg", "anything"):
            self.refused(slave(said))
            self.refused("x-", slave(said))
        for said in (
            "master.cfg",
            "state.sqlite",
            "twistd.log",
            "buildbot.tac",
            "logs/x",
            "git.password",
            "lib.py",
        ):
            self.refused(sender(said))
        self.refused("~/", slave("master"))
        self.refused("~/", sender("master/master.cfg"))
        self.assertEqual(self.at("~/", slave("other")), "other")

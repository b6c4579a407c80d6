"""Checks of a directory, and its kind."""

from __future__ import annotations

import os
import shutil
import tempfile

from twisted.trial import unittest

from buildbot.daemon import directory
from buildbot.daemon.directory import Kind, Unusable

OLD_MASTER = """
from twisted.application import service
from buildbot.master import BuildMaster

basedir = r'/somewhere'
configfile = r'other.cfg'

application = service.Application('buildmaster')
BuildMaster(basedir, configfile).setServiceParent(application)
"""

_CLOSED = r"Permission denied; you are \w+, and it belongs to \w+ \(mode \d+\)$"


class PlaceTests(unittest.TestCase):
    """A directory that is given to a command."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())

    def refusal(self, path: str) -> str:
        """The reason why the directory cannot be used."""
        return str(self.assertRaises(Unusable, directory.enter, path))

    def test_missing(self) -> None:
        """A missing directory gives one line that says how to make it."""
        self.assertEqual(
            self.refusal(self.here),
            f"there is no directory {self.here}: `buildbot create-master {self.here}` makes a master there",
        )

    def test_aFile(self) -> None:
        """A file is not accepted as a directory."""
        with open(self.here, "w"):
            pass
        self.assertIn("is not a directory", self.refusal(self.here))

    def test_withoutTac(self) -> None:
        """A directory without buildbot.tac is refused."""
        os.mkdir(self.here)
        self.assertIn(f"no buildbot.tac in {self.here}", self.refusal(self.here))

    def test_closed(self) -> None:
        """A directory, a .tac or a parent that this user cannot access is reported, with the owner."""
        self.here = self.open()
        os.makedirs(os.path.join(self.here, "inner"))
        tac = os.path.join(self.here, "buildbot.tac")
        with open(tac, "w"):
            pass
        self.withoutRights(tac)
        self.assertRegex(self.refusal(self.here), rf"^cannot use {tac}: {_CLOSED}")
        self.withoutRights(self.here)
        self.assertRegex(self.refusal(self.here), rf"^cannot use {self.here}: {_CLOSED}")
        inner = os.path.join(self.here, "inner")
        self.assertRegex(self.refusal(inner), rf"^cannot use {inner}: Permission denied; you are \w+, and ")

    def open(self) -> str:
        """A new directory that every user may use. The sources may be in a private directory of root."""
        path = os.path.realpath(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, path)
        os.chmod(path, 0o777)
        return path

    def withoutRights(self, path: str) -> None:
        """Make a file or directory inaccessible for the rest of the test; root becomes another user."""
        self.addCleanup(os.chmod, path, 0o700)
        if os.getuid() == 0:
            os.seteuid(0)
            self.addCleanup(os.seteuid, 0)
        os.chmod(path, 0)
        if os.getuid() == 0:
            os.seteuid(65534)

    def test_usable(self) -> None:
        """A directory with buildbot.tac is returned as its real path."""
        os.mkdir(self.here)
        with open(os.path.join(self.here, "buildbot.tac"), "w"):
            pass
        os.symlink(self.here, f"{self.here}-link")
        self.assertEqual(directory.enter(f"{self.here}-link"), self.here)

    def test_kinds(self) -> None:
        """Directories of 0.7.5, of later releases and of buildbot-worker are recognized by their .tac."""
        texts = {
            OLD_MASTER: Kind.MASTER,
            "application = service.Application(\n  'buildmaster')": Kind.MASTER,
            "from buildbot.slave.bot import BuildSlave": Kind.SLAVE,
            "application = service.Application('buildslave')": Kind.SLAVE,
            "application = service.Application('buildbot-worker')": Kind.SLAVE,
            "from buildbot_worker.bot import Worker": Kind.SLAVE,
            "application = service.Application('shop')": Kind.OTHER,
            "": Kind.OTHER,
        }
        self.assertEqual({text: directory.kindOf(text) for text in texts}, texts)

    def test_configFile(self) -> None:
        """The configuration file is the one named in the .tac, otherwise master.cfg."""
        texts = {
            OLD_MASTER: "other.cfg",
            "configfile = 'a.cfg'": "a.cfg",
            "configfile = find()": "master.cfg",
            "configfile = 7": "master.cfg",
            "not python": "master.cfg",
            "nul\0": "master.cfg",
        }
        self.assertEqual({text: directory.configFile(text) for text in texts}, texts)

    def test_logsAsJSON(self) -> None:
        """The format of the log is read from the text of the .tac, before it is executed."""
        texts = {"logFormat = 'json'": True, "logFormat = 'text'": False, OLD_MASTER: False, "(": False}
        self.assertEqual({text: directory.logsAsJSON(text) for text in texts}, texts)

    def test_unreadableTac(self) -> None:
        """A missing .tac counts as empty."""
        self.assertEqual(directory.readTac(self.here), "")

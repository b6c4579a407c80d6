"""The command C{checkconfig}."""

from __future__ import annotations

import os

from twisted.trial import unittest

from buildbot.config.model import ConfigError
from buildbot.reconfig import childload
from buildbot.reconfig.childload import LoadReport
from buildbot.scripts import checkconfig
from tests.commandline import Spoken, command


def denied(path: str) -> None:
    """Replaces os.stat in an inaccessible directory."""
    raise PermissionError(13, "Permission denied", path)


class CheckConfigTests(unittest.TestCase):
    """The checked file, and the output."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        self.report = LoadReport(True, (), (), "")
        self.asked: list[tuple[object, ...]] = []
        self.patch(childload, "checkInChild", self.check)

    def check(self, *arguments: object) -> LoadReport:
        """Replaces the child process."""
        self.asked.append(arguments)
        return self.report

    def write(self, name: str, text: str = "") -> str:
        """Write a file in the directory; return its path."""
        path = os.path.join(self.here, name)
        with open(path, "w") as stream:
            stream.write(text)
        return path

    def test_closed(self) -> None:
        """F12: a directory or file that this user cannot access is reported as such, not as missing."""
        path = self.write("master.cfg")
        inner = os.path.join(self.here, "inner")
        os.mkdir(inner)
        self.addCleanup(os.chmod, inner, 0o700)
        if os.getuid() == 0:
            self.addCleanup(os.seteuid, 0)
            self.patch(os, "stat", lambda where: denied(str(where)))
        os.chmod(inner, 0)
        for named in (os.path.join(inner, "x.cfg"), path):
            if os.getuid() == 0 or named != path:
                said = command("checkconfig", named)
                self.assertEqual((said.status, said.out), (1, ""))
                self.assertTrue(
                    said.err.startswith(f"cannot use {named}: Permission denied; you are "), said.err
                )

    def test_store(self) -> None:
        """The lines of buildbot.tac about the store are checked, too, as a start reads them."""
        self.write("master.cfg")
        self.write("db.password", "secret\n")
        os.chmod(os.path.join(self.here, "db.password"), 0o600)
        there: list[str] = []
        self.patch(checkconfig, "find_spec", lambda name: there or None)
        for lines, said in (
            ("db = 'mysql://ci@db/ci'", "the address of the store (db) cannot be used"),
            ("db = 'postgresql://ci@db/ci'", "pip install 'buildbot-classic[postgres]'"),
            ("db = 'postgresql://ci@db/ci'; dbPasswordFile = 'none'", "none: No such file or directory"),
            ("import os; db = os.name", "db"),
            ("standby = True; lease = 2", "says lease = 2: it must be a number of seconds from 3 to 3600"),
            ("pagesAddress = 'one'", "says pagesAddress = 'one': it must be an address such as"),
            ("standby = 'yes'; lease = 5", "says standby = 'yes': it must be True or False"),
        ):
            self.write("buildbot.tac", f"{lines}\n")
            found = command("checkconfig", self.here)
            self.assertEqual((found.status, found.out), (1, ""))
            self.assertIn(said, found.err)
        there.append("psycopg")
        self.write("buildbot.tac", "db = 'postgresql://ci@db/ci'\ndbPasswordFile = 'db.password'\n")
        self.assertEqual(command("checkconfig", self.here).out, "Config file is good!\n")
        self.write("buildbot.tac", "db = ''\n")
        self.assertEqual(command("checkconfig", self.here).status, 0)

    def test_unreadable(self) -> None:
        """F12: a file that this user may not read is reported like by every command, with its owner."""
        path = self.write("master.cfg")
        self.patch(os, "access", lambda where, how: where != path)
        for named in (path, self.here):
            said = command("checkconfig", named)
            self.assertEqual((said.status, said.out), (1, ""))
            self.assertRegex(
                said.err, rf"^cannot use {path}: Permission denied; you are \w+, and it belongs to \w+ \(mode"
            )

    def test_good(self) -> None:
        """For a valid file it prints 0.7.5's line, after the warnings and the file's output."""
        self.report = LoadReport(True, (), (ConfigError("unknown key", "master.cfg", 3),), "hello\n")
        said = command("checkconfig", self.write("master.cfg"))
        self.assertEqual(
            said,
            Spoken(
                0,
                "the configuration file printed:\n  hello\n"
                "warning: master.cfg:3: unknown key\nConfig file is good!\n",
                "",
            ),
        )

    def test_bad(self) -> None:
        """Every error is printed with its location, and the status is 1 (R12)."""
        errors = (ConfigError("one", "master.cfg", 1), ConfigError("two", None, None))
        self.report = LoadReport(False, errors, (ConfigError("odd", None, None),), "")
        said = command("checkconfig", self.write("master.cfg"))
        self.assertEqual(said, Spoken(1, "", "warning: odd\nmaster.cfg:1: one\ntwo\n"))

    def test_file(self) -> None:
        """A file is checked in its own directory, with the given time limit."""
        path = self.write("my.cfg")
        command("checkconfig", path)
        command("checkconfig", "--timeout=2", path)
        self.assertEqual(self.asked, [(path, self.here, 90.0, True), (path, self.here, 2.0, True)])

    def test_directory(self) -> None:
        """For a master's directory, the file named in its .tac is checked."""
        path = self.write("my.cfg")
        self.write("buildbot.tac", "configfile = 'my.cfg'")
        command("checkconfig", self.here)
        self.assertEqual(self.asked, [(path, self.here, 90.0, True)])

    def test_slave(self) -> None:
        """A slave's directory is reported as such, not as one without a configuration."""
        self.write("buildbot.tac", "application = service.Application('buildslave')")
        said = command("checkconfig", self.here)
        self.assertEqual(
            said,
            Spoken(1, "", f"{self.here} is a buildslave's directory: its master has the configuration\n"),
        )

    def test_missing(self) -> None:
        """A missing directory or file gives one line."""
        for path, reason in (
            (self.here, f"no master.cfg in {self.here}"),
            ("/no/such", "there is no /no/such"),
        ):
            said = command("checkconfig", path)
            self.assertEqual((said.status, said.out), (1, ""))
            self.assertTrue(said.err.startswith(reason), said.err)

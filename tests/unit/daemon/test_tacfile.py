"""A directory's buildbot.tac."""

from __future__ import annotations

import os

from twisted.application.service import IServiceCollection
from twisted.trial import unittest

from buildbot.daemon import tacfile
from buildbot.daemon.readiness import StartFailed

SERVICE = "from twisted.application import service\napplication = service.Application('shop')\n"


class TacTests(unittest.TestCase):
    """Its definitions and errors."""

    def setUp(self) -> None:
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        self.path = os.path.join(self.here, "buildbot.tac")

    def load(self, text: str, verbose: bool = False) -> tacfile.Tac:
        """Load a .tac with this text."""
        with open(self.path, "w") as stream:
            stream.write(text)
        return tacfile.load(self.here, verbose)

    def failure(self, text: str) -> list[str]:
        """The errors of a .tac with this text."""
        lines: list[str] = self.assertRaises(StartFailed, self.load, text).lines
        return lines

    def test_application(self) -> None:
        """The application is the one that it defines, and the log has its default limits."""
        tac = self.load(SERVICE + "service.Service().setServiceParent(application)\n")
        self.assertEqual(len(list(IServiceCollection(tac.application))), 1)
        self.assertEqual((tac.rotateLength, tac.maxRotatedFiles), (10_000_000, 10))

    def test_itsOwnPlace(self) -> None:
        """It has its path in __file__, as under twistd."""
        tac = self.load(f"import os\nassert __file__ == {self.path!r}\n{SERVICE}")
        self.assertIsNotNone(tac.application)

    def test_rotation(self) -> None:
        """It can set the rotation of its log, as those of 0.7.12 do."""
        tac = self.load(f"{SERVICE}rotateLength = 5000\nmaxRotatedFiles = None\n")
        self.assertEqual((tac.rotateLength, tac.maxRotatedFiles), (5000, None))
        self.assertEqual(self.load(f"{SERVICE}rotateLength = 'x'\n").rotateLength, 10_000_000)

    def test_logFormat(self) -> None:
        """Its log is text or JSON; another word is refused."""
        self.load(f"{SERVICE}logFormat = 'json'\n")
        (line,) = self.failure(f"{SERVICE}logFormat = 'xml'\n")
        self.assertIn("says logFormat = 'xml': it must be 'text' or 'json'", line)

    def test_store(self) -> None:
        """The address of a master's store is one that commands can read, too; a slave has none."""
        master = f"{SERVICE}from buildbot.master import BuildMaster\nBuildMaster\n"
        self.load(f"{master}db = 'postgresql://me@db/x'\ndbPasswordFile = 'db.password'\n")
        self.load(f"{master}import os as db\n")
        for line, words in (
            ("import os\ndb = os.environ['HOME']", "must say db in one line, as text in quotes"),
            ("dbPasswordFile = 7", "must say dbPasswordFile in one line"),
            ("from os import name as db", "takes db from another file: it must say db itself"),
            ("globals()['dbPasswordFile'] = 'x'", "takes dbPasswordFile from another file"),
        ):
            (said,) = self.failure(f"{master}{line}\n")
            self.assertIn(words, said)
            self.assertIn(self.path, said)
        self.load(f"{SERVICE}db = os = 7\n")

    def test_standby(self) -> None:
        """Whether a master stands by, and its lease, are lines that can be read without running the file."""
        master = f"{SERVICE}from buildbot.master import BuildMaster\nBuildMaster\n"
        self.load(f"{master}standby = True\nlease = 10\n")
        self.load(f"{master}standby = False\nlease = 2.5e2\n")
        self.load(f"{master}standby = None\nlease = None\n")
        self.load(f"{master}pagesAddress = 'https://[fd00::1]:8010/ci'\n")
        for line, words in (
            ("standby = 1", "says standby = 1: it must be True or False"),
            ("standby = bool(1)", "must say standby in one line, as True or False"),
            ("lease = 2", "says lease = 2: it must be a number of seconds from 3 to 3600"),
            ("lease = '10'", "says lease = '10'"),
            ("lease = True", "says lease = True"),
            ("pagesAddress = 'one:8010'", "says pagesAddress = 'one:8010': it must be an address such as"),
            ("pagesAddress = 7", "must say pagesAddress in one line, as text in quotes"),
            ("lease = 2 * 5", "must say lease in one line, as a number of seconds"),
            ("globals()['standby'] = True", "takes standby from another file: it must say standby itself"),
        ):
            (said,) = self.failure(f"{master}{line}\n")
            self.assertIn(words, said)

    def test_read(self) -> None:
        """What the master refuses in these lines while the file runs is told in the same words."""
        line = "from buildbot.daemon.directory import leaseOf\nleaseOf('lease = 2')\n"
        (said,) = self.failure(SERVICE + line)
        self.assertRegex(said, r"buildbot\.tac: buildbot\.tac says lease = 2: it must be a number")

    def test_umask(self) -> None:
        """F11: a master's umask decides who may read uploads; a slave sets its own umask."""
        master = f"{SERVICE}from buildbot.master import BuildMaster\nBuildMaster\n"
        told = {text: self.load(f"{master}{text}\n").umask for text in ("", "umask = None", "umask = 0o022")}
        self.assertEqual(told, {"": None, "umask = None": None, "umask = 0o022": 0o022})
        self.assertIsNone(self.load(f"{SERVICE}umask = 0o022\n").umask)
        for wrong in ("0o1000", "-1", "'022'", "True"):
            (line,) = self.failure(f"{master}umask = {wrong}\n")
            self.assertIn("or a number from 0 to 0o777, such as 0o022", line)

    def test_error(self) -> None:
        """An error is one line with the line of the file, not of our code."""
        self.assertEqual(
            self.failure("import os\ndef f():\n    nonsense\nf()\n"),
            [f"{self.path}:3: NameError: name 'nonsense' is not defined"],
        )

    def test_syntaxError(self) -> None:
        """A syntax error is reported with its line."""
        (line,) = self.failure("a = 1\nb = = 2\n")
        self.assertRegex(line, rf"^{self.path}:2: SyntaxError: invalid syntax$")

    def test_errorElsewhere(self) -> None:
        """An error in an imported module is reported at the line of the import."""
        (line,) = self.failure("\nimport no_such_module_of_ours\n")
        self.assertEqual(
            line, f"{self.path}:2: ModuleNotFoundError: No module named 'no_such_module_of_ours'"
        )

    def test_exit(self) -> None:
        """The text of its own exit is reported; an exit without a text is an error."""
        self.assertEqual(self.failure("raise SystemExit('install\\x1b that')"), ["install\\x1b that"])
        self.assertEqual(self.failure("raise SystemExit(3)"), [f"{self.path}:1: SystemExit: 3"])
        self.assertEqual(self.failure("raise KeyboardInterrupt"), [f"{self.path}:1: KeyboardInterrupt"])

    def test_verbose(self) -> None:
        """With verbose, the traceback is reported."""
        why = self.assertRaises(StartFailed, self.load, "1/0", verbose=True)
        self.assertIn("Traceback (most recent call last):", why.lines)

    def test_noApplication(self) -> None:
        """A .tac without an application is refused with an example."""
        for text in ("", "application = 7"):
            self.assertIn("defines no application", self.failure(text)[0])

    def test_unreadable(self) -> None:
        """A missing .tac is reported in one line."""
        why = self.assertRaises(StartFailed, tacfile.load, self.here)
        self.assertEqual(why.lines, [f"cannot read {self.path}: No such file or directory"])

    def test_movedDirectory(self) -> None:
        """A .tac with the path of another directory, as after a move, is refused with the remedy."""
        (line,) = self.failure(f"basedir = r'/elsewhere/master'\n{SERVICE}")
        self.assertEqual(
            line, f"{self.path} says basedir = '/elsewhere/master', but is in {self.here}: change that line"
        )
        os.symlink(self.here, f"{self.here}-link")
        self.load(f"basedir = {self.here + '-link'!r}\n{SERVICE}")

    def test_noConfiguration(self) -> None:
        """If a master has no configuration file, the error says how to make one."""
        master = f"configfile = 'my.cfg'\n{SERVICE}".replace("shop", "buildmaster")
        self.assertEqual(
            self.failure(master),
            [f"no my.cfg in {self.here}: `buildbot create-master {self.here}` makes one"],
        )
        with open(os.path.join(self.here, "master.cfg.sample"), "w"):
            pass
        self.assertEqual(
            self.failure(master),
            [f"no my.cfg in {self.here}: `cp {self.here}/master.cfg.sample {self.here}/my.cfg` makes one"],
        )
        with open(os.path.join(self.here, "my.cfg"), "w"):
            pass
        self.load(master)
        self.load(f"configfile = 'of a shop'\n{SERVICE}")
        self.load(f"configfile = None\n{master.split(chr(10), 1)[1]}")

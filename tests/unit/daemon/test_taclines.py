"""The lines of a buildbot.tac about the store."""

from __future__ import annotations

import os
import stat

from twisted.trial import unittest

from buildbot.daemon.directory import Unusable, readTac, storeAddress, storePasswordFile
from buildbot.daemon.taclines import withAddress, writeTac

PLAIN = """\
# mine
import os
umask = None

application = service.Application('buildmaster')
BuildMaster(basedir).setServiceParent(application)
"""
URL = "postgresql://me@db/x"


class LinesTests(unittest.SynchronousTestCase):
    """Another address is written, and everything else stays."""

    def test_added(self) -> None:
        """The lines stand before the application; removing them gives the first text again."""
        text = withAddress(PLAIN, URL, "secret")
        self.assertEqual((storeAddress(text), storePasswordFile(text)), (URL, "secret"))
        self.assertEqual(
            text.splitlines()[4:7],
            [f"db = '{URL}'  # where changes, requests and builds are kept", "dbPasswordFile = 'secret'", ""],
        )
        compile(text, "tac", "exec")
        self.assertEqual(withAddress(text, ""), PLAIN.replace("\n\n", "\n\n\n"))

    def test_changed(self) -> None:
        """Old lines are replaced where they stand, also long ones; a password file goes with its address."""
        old = PLAIN.replace(
            "umask = None\n", "db = ('postgresql://'\n      'you@db/x')\ndbPasswordFile = 'p'\n"
        )
        self.assertEqual(withAddress(old, URL), PLAIN.replace("umask = None\n", f"db = {URL!r}\n"))
        self.assertEqual(withAddress(old, ""), PLAIN.replace("umask = None\n", ""))
        self.assertEqual(withAddress("import os", URL).splitlines()[0], "import os")
        self.assertEqual(storeAddress(withAddress("import os", URL)), URL)

    def test_refused(self) -> None:
        """Lines that cannot be changed safely are refused."""
        for line in ("db = f()", "import os; db = 'postgresql://a/x'"):
            self.assertRaises(Unusable, withAddress, f"{line}\n{PLAIN}", URL)

    def test_written(self) -> None:
        """The file keeps its mode; one that is a link stays a link; odd bytes stay."""
        here = os.path.realpath(self.mktemp())
        os.mkdir(here)
        real = os.path.join(here, "real.tac")
        with open(real, "wb") as file:
            file.write(b"# \xff\n")
        os.chmod(real, 0o640)
        os.symlink("real.tac", os.path.join(here, "buildbot.tac"))
        writeTac(here, withAddress(readTac(here), URL))
        self.assertEqual(storeAddress(readTac(here)), URL)
        with open(real, "rb") as file:
            self.assertIn(b"\xff", file.read())
        self.assertEqual(stat.S_IMODE(os.stat(real).st_mode), 0o640)
        self.assertEqual(sorted(os.listdir(here)), ["buildbot.tac", "real.tac"])

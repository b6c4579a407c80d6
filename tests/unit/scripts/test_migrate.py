"""The option C{--migrate} of C{checkconfig}."""

from __future__ import annotations

import os
import shutil
import stat

from twisted.trial import unittest

from tests.commandline import Spoken, command
from tests.unit.config.test_migrate import WITHOUT

OLD, NEW = "x = 1\nprint x\n", "x = 1\nprint(x)\n"


class MigrateTests(unittest.TestCase):
    """A file, alone or in a master's directory."""

    skip = WITHOUT

    def setUp(self) -> None:
        """An old file."""
        self.here = os.path.realpath(self.mktemp())
        os.mkdir(self.here)
        self.path = os.path.join(self.here, "master.cfg")
        self.write(OLD)

    def write(self, text: str) -> None:
        with open(self.path, "w") as stream:
            stream.write(text)

    def read(self, ending: str = "") -> str:
        with open(self.path + ending) as stream:
            return stream.read()

    def migrate(self, *words: str) -> Spoken:
        return command("checkconfig", "--migrate", *words, self.path)

    def test_diff(self) -> None:
        """The changes are printed as a diff, and the file stays."""
        said = self.migrate()
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertEqual(
            said.out,
            f"--- {self.path}\n+++ {self.path}\n@@ -1,2 +1,2 @@\n x = 1\n-print x\n+print(x)\n",
        )
        self.assertEqual(self.read(), OLD)
        self.assertEqual(os.listdir(self.here), ["master.cfg"])

    def test_inPlace(self) -> None:
        """The file is changed, with its mode, and the old one is kept."""
        os.chmod(self.path, 0o640)
        said = self.migrate("--in-place")
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertIn(f"(1 changed line); the old file is {self.path}.python2\n", said.out)
        self.assertEqual((self.read(), self.read(".python2")), (NEW, OLD))
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o640)
        self.assertEqual(sorted(os.listdir(self.here)), ["master.cfg", "master.cfg.python2"])

    def test_module(self) -> None:
        """A converted module is no configuration that could be checked alone."""
        self.assertIn(f"now check it: buildbot checkconfig {self.path}\n", self.migrate("-i").out)
        self.path = os.path.join(self.here, "steps.py")
        self.write("print 1\n")
        self.assertIn("now check the configuration that imports it", self.migrate("-i").out)

    def test_twice(self) -> None:
        """A second time there is nothing to convert; a copy of another day is never replaced."""
        self.migrate("-i")
        said = self.migrate("-i")
        self.assertEqual(said.out, f"{self.path} is Python 3: nothing to convert\n")
        self.write("print 2\n")
        self.migrate("-i")
        self.assertEqual((self.read(".python2"), self.read(".python2.1")), (OLD, "print 2\n"))

    def test_link(self) -> None:
        """A link to the file stays a link."""
        shutil.move(self.path, os.path.join(self.here, "real.cfg"))
        os.symlink("real.cfg", self.path)
        self.migrate("-i")
        self.assertTrue(os.path.islink(self.path))
        self.assertEqual(self.read(), NEW)

    def test_neighbour(self) -> None:
        """An imported module that is Python 2 as well is named."""
        self.write("import mine\nprint 1\n")
        neighbour = os.path.join(self.here, "mine.py")
        with open(neighbour, "w") as stream:
            stream.write("print 1\n")
        self.assertEqual(
            self.migrate().err, f"it imports {neighbour}, which is Python 2 as well: convert that, too\n"
        )

    def test_note(self) -> None:
        """A part that cannot be converted is named, with its line."""
        self.write("print string.join(*parts)\n")
        self.assertIn("look at this yourself: Line 1: ", self.migrate().err)

    def test_broken(self) -> None:
        """A file that is neither is refused, with its line, and stays."""
        self.write("x = 1\nprint 'a' ]\n")
        said = self.migrate("-i")
        self.assertEqual(said.status, 1)
        self.assertIn(f"cannot convert {self.path}, line 2: this is neither Python 2 nor", said.err)
        self.assertEqual(os.listdir(self.here), ["master.cfg"])

    def test_fullDisk(self) -> None:
        """If the new file cannot be written, the old one stays."""

        def full(descriptor: int) -> None:
            raise OSError(28, "No space left on device")

        self.patch(os, "fsync", full)
        said = self.migrate("-i")
        self.assertEqual(said.status, 1)
        self.assertIn(f"cannot convert {self.path}, which is unchanged: No space left on device", said.err)
        self.assertEqual(self.read(), OLD)

    def test_inPlaceAlone(self) -> None:
        """C{--in-place} without C{--migrate} is refused."""
        said = command("checkconfig", "--in-place", self.path)
        self.assertNotEqual(said.status, 0)
        self.assertIn("--in-place belongs to --migrate", said.err)

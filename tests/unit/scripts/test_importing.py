"""The command C{import}."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from buildbot.daemon import lock, otherdaemon
from buildbot.importing.work import Import, Tally
from buildbot.scripts import importing
from buildbot.store.files import FILE
from tests.commandline import Spoken, command, directory
from tests.oldhistory import SAMPLES, InThisProcess, counters

_OLD = str(SAMPLES / "0.7.12")


class ImportTests(SynchronousTestCase):
    """An old master and a stopped new one."""

    def setUp(self) -> None:
        self.here = directory(self.mktemp())
        self.patch(importing, "PickleReader", InThisProcess)

    def import_(self, *words: str) -> Spoken:
        return command("import", *words, _OLD, self.here)

    def test_import(self) -> None:
        """The command prints what it imported, in numbers; the second time, what was imported before."""
        first = self.import_()
        self.assertEqual((first.status, first.err), (0, ""))
        self.assertIn(f"imported from {_OLD}: 4 builds, 2 changes, 32 logs with ", first.out)
        self.assertIn("keeps all these builds until c['buildHorizon']", first.out)
        again = self.import_()
        self.assertEqual((again.status, again.err), (0, ""))
        self.assertIn("imported from {}: 0 builds, 0 changes".format(_OLD), again.out)
        self.assertIn("imported before: 4 builds and 2 changes", again.out)
        self.assertNotIn("buildbot.tac", again.out)

    def test_check(self) -> None:
        """--check writes nothing, not even while the master runs."""
        lock.hold(self.here)
        self.addCleanup(lock.release, self.here)
        before = sorted(os.listdir(self.here))
        said = self.import_("--check")
        self.assertEqual((said.status, said.err), (0, ""))
        self.assertEqual(said.out, f"can be imported from {_OLD}: 4 builds, 2 changes\n")
        self.assertEqual(sorted(os.listdir(self.here)), before)

    def test_choice(self) -> None:
        """Builders can be chosen and renamed, and changes left out."""
        said = self.import_("--builder=full", "--rename", "full=new", "--no-changes")
        self.assertIn(": 2 builds, 0 changes, 16 logs", said.out)
        self.assertEqual(counters(self.here), {"build new": 2})

    def test_badChoice(self) -> None:
        """A builder that is not there is named, with the nearest one."""
        self.assertEqual(
            self.import_("--builder=ful"),
            Spoken(1, "", "the old master has no builder ful; did you mean full?\n"),
        )
        said = self.import_("--rename", "full=odd name (x86)/%")
        self.assertIn("two builders would get the name odd name (x86)/%", said.err)
        said = self.import_("--builder=full", "--rename", "odd name (x86)/%=odd")
        self.assertIn("--rename renames odd name (x86)/%, which the options --builder leave out", said.err)
        self.assertIn("--rename must be OLD=NEW", self.import_("--rename", "full").err)
        self.assertFalse(os.path.exists(os.path.join(self.here, FILE)))

    def test_conflict(self) -> None:
        """Builds of another master are not replaced, and the message says what can be done."""
        self.import_()
        said = command("import", str(SAMPLES / "0.8.14"), self.here)
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertIn(
            f"{self.here}: builder full has 2 builds of its own with the numbers of old ones: 0, 1\n",
            said.err,
        )
        self.assertIn("nothing was imported", said.err)
        self.assertIn("--rename OLD=NEW", said.err)

    def test_unreadable(self) -> None:
        """The command prints a line about an unreadable build, and ends with status 1."""
        old = Path(self.mktemp())
        shutil.copytree(_OLD, old)
        (old / "b0" / "0").write_bytes(b"")
        said = command("import", str(old), self.here)
        self.assertEqual(said.status, 1)
        self.assertIn("cannot read b0/0: it is no whole pickle (Ran out of input)\n", said.err)
        self.assertIn("1 thing could not be read", said.err)
        self.assertIn(": 3 builds, 2 changes", said.out)

    def test_wrongDirectories(self) -> None:
        """Each wrong directory is refused with the reason."""
        slave = directory(self.mktemp(), "buildslave")
        for old, new, words in (
            (_OLD, slave, "a buildslave's directory"),
            (self.here, self.here, "not the directory of a master of 0.7 or 0.8"),
            (_OLD, self.here + "-none", "create-master"),
            (_OLD + "-none", self.here, "No such file"),
        ):
            said = command("import", old, new)
            self.assertEqual((said.status, said.out), (1, ""))
            self.assertIn(words, said.err)
        self.assertEqual(command("import", _OLD).status, 2)

    def test_sameDirectory(self) -> None:
        """An old master is not imported into its own directory."""
        shutil.copytree(SAMPLES / "0.7.12" / "b0", os.path.join(self.here, "b0"))
        said = command("import", self.here, self.here)
        self.assertIn("are the same directory", said.err)

    def test_running(self) -> None:
        """A running master is left alone."""

        def running(*_: object) -> None:
            raise lock.AlreadyRunning(5, 1_700_000_000.0)

        self.patch(lock, "hold", running)
        said = self.import_()
        self.assertEqual((said.status, said.out), (1, ""))
        self.assertIn("its master is already running, pid 5", said.err)
        self.assertIn("stop it first", said.err)

    def test_interrupted(self) -> None:
        """After Ctrl-C the message says how to go on, and the lock is free."""

        def stopped(*_: object) -> None:
            raise KeyboardInterrupt

        with_ = self.patch(Import, "run", stopped)
        said = self.import_()
        self.assertEqual(said.status, 130)
        self.assertIn("stopped after 0 builds: the same command continues the import", said.err)
        with_.restore()
        self.assertEqual(self.import_().status, 0)

    def test_fullDisk(self) -> None:
        """A full disk is an error with the same advice."""

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device", "/x")

        self.patch(Import, "run", full)
        said = self.import_()
        self.assertEqual(said.status, 1)
        self.assertIn("No space left on device", said.err)
        self.assertIn("the same command continues the import", said.err)

    def test_oldRuns(self) -> None:
        """If the old master still runs, a line says that its next builds are left out."""
        self.patch(otherdaemon, "daemonIn", lambda path: 7 if path == os.path.realpath(_OLD) else None)
        said = self.import_()
        self.assertEqual(said.status, 0)
        self.assertIn(f"process 7 still runs the master in {_OLD}", said.err)

    def test_progress(self) -> None:
        """The progress has the rate and the time left."""
        tally = Tally(total=1000)
        progress = importing.Progress(tally)
        self.assertEqual(progress(2.0), "0 of 1000 builds …")
        tally.changes = 500
        self.assertEqual(progress(2.0), "500 changes, 0 of 1000 builds …")
        tally.passed, tally.before = 300, 100
        self.assertEqual(progress(2.0), "300 of 1000 builds, 100 a second, about 7 s left …")
        self.assertEqual(progress(1000.0), "300 of 1000 builds, 0.20 a second, about 58 min left …")
        tally.total = 100_300
        self.assertEqual(progress(2.0), "300 of 100300 builds, 100 a second, about 17 min left …")

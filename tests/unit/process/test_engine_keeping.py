"""Storing builds and logs, and reporting failures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.daemon.troubles import reportTroubles
from buildbot.logs.directory import orphans
from buildbot.logs.files import logFilename
from buildbot.model.results import SUCCESS
from buildbot.process import retention
from buildbot.status.report import reportBuild
from buildbot.store.interface import FILE_GONE
from buildbot.store.memory import MemoryStore
from tests.unit.process.test_builds import BuildCase


class KeepingCase(BuildCase):
    """A master with a builder, a slave, and a directory of logs."""

    def setUp(self) -> None:
        super().setUp()
        self.logs = self.botmaster.resources.logs.directory
        self.slave = self.green()

    def put(self, number: int, step: str = "old") -> str:
        """Create a log file of an earlier master; return its name."""
        filename = logFilename("full", number, step, "stdio")
        path = Path(self.logs, filename)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("5:0text,")
        return filename

    def troubles(self) -> list[str]:
        """The subjects of the current troubles."""
        return [each["subject"] for each in reportTroubles(self.botmaster.troubles)]

    def there(self) -> list[str]:
        """The log files of the builder."""
        return sorted(os.listdir(os.path.join(self.logs, "full")))


class NumberTests(KeepingCase):
    """H9: build numbers never go back."""

    def test_aboveLogs(self) -> None:
        """H9: if logs exist that the store does not know, new builds get numbers above theirs."""
        old = self.put(30)
        self.force()
        self.force(revision="2")
        self.assertEqual([build.number for build in self.builds()], [31, 32])
        self.assertEqual(Path(self.logs, old).read_text(), "5:0text,")

    def test_nameTaken(self) -> None:
        """H9: if a file already has the name of a log, the log gets another name, and the file stays."""
        taken = self.put(0, "shell")
        self.patch(self.botmaster.numbers, "least", lambda builder: 0)
        self.force()
        (log,) = self.builds()[-1].steps[0].logs
        self.assertEqual(log.filename, f"{taken}_2")
        self.assertEqual(Path(self.logs, taken).read_text(), "5:0text,")

    def test_lostBuilds(self) -> None:
        """H10: a start reports logs of builds that the store does not know."""
        for number in (5, 7):
            self.put(number)
        self.successResultOf(ensureDeferred(self.botmaster.resume()))
        self.successResultOf(ensureDeferred(self.botmaster.closeStore()))
        (trouble,) = reportTroubles(self.botmaster.troubles)
        self.assertIn("builds are lost", trouble["why"])
        self.assertIn("full 0 to 7", trouble["why"])
        self.force()
        self.assertEqual((self.troubles(), self.builds()[-1].number), ([], 8))

    def test_nothingLost(self) -> None:
        """H10: if all logs belong to known builds, nothing is reported."""
        self.force()
        self.successResultOf(ensureDeferred(self.botmaster.resume()))
        self.successResultOf(ensureDeferred(self.botmaster.closeStore()))
        self.assertEqual(self.troubles(), [])


class PruneTests(KeepingCase):
    """H9: unknown logs are removed in the end."""

    def test_orphans(self) -> None:
        """H9: logs of unknown builds are removed with builds of their age; those of kept builds stay."""
        for number in range(3):
            self.put(number, "lost")
        Path(self.logs, "full", "0-notes").write_text("of a user")
        for number in range(4):
            self.force(revision=str(number))
        self.assertEqual([build.number for build in self.builds()], [3, 4, 5, 6])
        self.botmaster.retention.horizon = 5
        self.botmaster.retention.days = None
        pruning = ensureDeferred(self.botmaster.retention.prune())
        self.wait(2)
        self.successResultOf(pruning)
        names = self.there()
        self.assertEqual([name for name in names if "lost" in name], ["2-log-lost-stdio"])
        self.assertIn("0-notes", names)
        self.assertEqual(len([name for name in names if "-log-shell" in name]), 4)

    def test_inParts(self) -> None:
        """P8: the files of very many logs are looked at in parts, so that slaves are served in between."""
        for number in range(5):
            self.put(number, "lost")
        self.force()
        self.patch(retention, "LOOKED_AT_ONCE", 2)
        self.botmaster.retention.horizon = 2
        sizes: list[int] = []
        look = orphans

        def looking(logs: str, files: Sequence[tuple[int, str]], *limits: Any) -> Any:
            sizes.append(len(files))
            return look(logs, files, *limits)

        self.patch(retention, "orphans", looking)
        pruning = ensureDeferred(self.botmaster.retention.prune())
        while not sizes:
            self.clock.advance(0)
        begun = len(sizes)
        self.wait(2)
        self.successResultOf(pruning)
        self.assertEqual((begun, sizes), (1, [2, 2, 2]))
        self.assertEqual(len(self.there()), 2)


class TroubleTests(KeepingCase):
    """F5: failures are reported until they end."""

    def test_logs(self) -> None:
        """F5: a build whose log cannot be written shows it, and so does status until logs can be written."""
        self.botmaster.useStore(self.mktemp(), self.botmaster.store)
        self.logs = self.botmaster.resources.logs.directory
        os.makedirs(os.path.dirname(self.logs))
        os.symlink("/nowhere/mounted", self.logs)
        self.force()
        (build,) = self.builds()
        self.assertEqual(build.results, SUCCESS)
        said = reportBuild(build.toRecord())
        self.assertIn("shell/stdio: not written: ", said["logTrouble"])
        self.assertEqual(sorted(self.troubles()), ["logs", "logs/full"])
        os.unlink(self.logs)
        self.assertEqual(self.troubles(), [])
        self.force(revision="2")
        self.assertEqual(reportBuild(self.builds()[-1].toRecord())["logTrouble"], "")

    def test_store(self) -> None:
        """F5: any failure of the store is in status at once, and gone when the store works."""
        store = MemoryStore()
        told: list[Any] = []
        self.patch(store, "watch", lambda *callbacks: told.extend(callbacks))
        self.botmaster.useStore(self.mktemp(), store)
        failed, works, damaged, lapsed = told
        failed("disk is full")
        self.assertEqual(self.troubles(), ["store"])
        self.assertEqual(self.botmaster.health.trouble, "disk is full")
        works()
        self.assertEqual((self.troubles(), self.botmaster.health.trouble), ([], ""))
        damaged("damaged: database disk image is malformed")
        self.assertEqual((self.troubles(), self.botmaster.health.trouble), (["damaged store"], ""))
        lapsed("what was acknowledged is gone")
        self.assertEqual(self.troubles(), ["damaged store", "lost data"])
        self.assertTrue(self.botmaster.engine.isHolding())

    def test_lookedAt(self) -> None:
        """F5: status looks whether the file of the store and the logs are in their places: nothing writes."""
        store = MemoryStore()
        self.botmaster.useStore(self.mktemp(), store)
        self.logs = self.botmaster.resources.logs.directory
        os.makedirs(self.logs)
        self.assertEqual(self.troubles(), [])
        loss = self.patch(store, "loss", lambda: f"state.sqlite {FILE_GONE}")
        os.rename(self.logs, f"{self.logs}.away")
        self.assertEqual(sorted(self.troubles()), ["logs", "store"])
        self.assertEqual(self.botmaster.health.trouble, "")
        os.rename(f"{self.logs}.away", self.logs)
        loss.restore()
        self.assertEqual(self.troubles(), [])

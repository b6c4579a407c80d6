"""What a master keeps: C{buildHorizon} and the other keys."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from twisted.internet.defer import Deferred, ensureDeferred, maybeDeferred

from buildbot.config.diff import diff
from buildbot.config.model import SlaveConfig
from buildbot.process import retention
from buildbot.store.interface import IMPORTED
from tests.unit.process.test_engine_keeping import KeepingCase


class FakeStorage:
    """I am object storage with some objects."""

    def __init__(self, objects: set[tuple[str, int, int, float]]) -> None:
        self.objects = objects
        self.forgotten: list[str] = []
        self.isAway = False

    async def usage(self) -> list[tuple[str, int, int, float]]:
        if self.isAway:
            raise OSError(5, "no route")
        return sorted(self.objects)

    async def forget(self, names: Sequence[str]) -> None:
        self.forgotten += names


class RetentionCase(KeepingCase):
    """A master whose configuration has limits."""

    def setUp(self) -> None:
        super().setUp()
        self.retention = self.botmaster.retention
        self.retention.logs.inThread = maybeDeferred

    def limit(self, **keys: Any) -> None:
        """Reconfigure the master with these keys."""
        config = replace(self.botmaster.config, **keys)
        self.botmaster.apply(config, diff(self.botmaster.config, config))

    def ran(self, coroutine: Any) -> Any:
        """Let it run to its end, and return its result."""
        running: Deferred[Any] = ensureDeferred(coroutine)
        self.wait(2)
        return self.successResultOf(running)

    def prune(self) -> list[int | None]:
        """Remove what is too much; return the numbers of the builds that are left."""
        self.ran(self.retention.prune())
        return [build.number for build in self.builds()]

    def runs(self, count: int) -> None:
        """Run some builds."""
        for number in range(count):
            self.force(revision=str(number))


class LimitTests(RetentionCase):
    """P8: how many builds are kept."""

    def test_usual(self) -> None:
        """P8: without keys, 500 builds of each builder are kept for a year."""
        self.assertEqual((self.retention.horizon, self.retention.days), (500, 365.0))

    def test_reconfig(self) -> None:
        """P8: a reconfig changes the number of builds that are kept; None keeps all of any age."""
        self.runs(4)
        self.limit(buildHorizon=None)
        self.assertEqual((self.retention.horizon, self.retention.days), (None, None))
        self.assertEqual(self.prune(), [0, 1, 2, 3])
        self.limit(buildHorizon=2)
        self.assertEqual(self.prune(), [2, 3])
        self.assertEqual(self.prune(), [2, 3])

    def test_many(self) -> None:
        """P8: many builds are removed in parts, so that the store is free for others in between."""
        self.patch(retention, "REMOVED_AT_ONCE", 2)
        self.runs(6)
        self.limit(buildHorizon=1)
        drop, sizes = self.botmaster.store.dropBuilds, list[int]()

        def dropping(keys: Any) -> Any:
            sizes.append(len(keys))
            return drop(keys)

        self.patch(self.botmaster.store, "dropBuilds", dropping)
        self.assertEqual((self.prune(), sizes), ([5], [2, 2, 1]))
        self.assertEqual([name[:2] for name in self.there()], ["5-"])

    def test_noLogs(self) -> None:
        """At a start with many builders without logs, the store is not asked about each of them."""
        asked = list[object]()
        get = self.botmaster.store.getBuilds

        def getting(*args: Any, **keys: Any) -> Any:
            asked.append(args)
            return get(*args, **keys)

        self.patch(self.botmaster.store, "getBuilds", getting)
        self.prune()
        self.assertNotIn(("full", 1), asked)
        self.put(3)
        self.prune()
        self.assertIn(("full", 1), asked)

    def test_stopped(self) -> None:
        """P8: a master that stops meanwhile removes no more, and tells no trouble; the next start goes on."""
        self.patch(retention, "REMOVED_AT_ONCE", 2)
        self.runs(6)
        self.limit(buildHorizon=1)
        pruning = ensureDeferred(self.retention.prune())
        self.retention.stop()
        self.successResultOf(self.botmaster.store.close())
        self.wait(2)
        self.successResultOf(pruning)
        self.assertEqual(self.troubles(), [])
        self.successResultOf(self.botmaster.store.open())
        self.retention.start()
        self.wait(2)
        self.assertEqual([build.number for build in self.builds()], [5])
        self.retention.stop()

    def test_told(self) -> None:
        """A reconfig tells the old and the new limit, since it decides what is deleted."""
        old = self.botmaster.config
        new = replace(old, buildHorizon=100, logMaxTotalSize=10**9)
        self.assertEqual(
            diff(old, new).describe(),
            ("~ buildHorizon: not given -> 100", "~ logMaxTotalSize: no limit -> 1000000000"),
        )
        again = diff(new, replace(new, buildHorizon=None))
        self.assertEqual(again.describe(), ("~ buildHorizon: 100 -> no limit",))

    def test_tac(self) -> None:
        """The limits of buildbot.tac count until master.cfg has the key."""
        self.retention.horizon, self.retention.days = 7, None
        self.assertEqual((self.retention.horizon, self.retention.days), (7, None))
        self.limit(buildHorizon=9, buildDays=3.5)
        self.assertEqual((self.retention.horizon, self.retention.days), (9, 3.5))

    def test_imported(self) -> None:
        """An imported history stays whole until somebody says how much of it to keep."""
        self.runs(3)
        self.successResultOf(self.botmaster.store.setState(IMPORTED, True))
        self.prune()
        self.assertEqual((self.retention.horizon, self.retention.days), (None, None))
        self.limit(buildHorizon=1)
        self.assertEqual(self.prune(), [2])

    def test_events(self) -> None:
        """eventHorizon is the number of events in memory for each slave and builder, from a reconfig on."""
        self.limit(eventHorizon=2, slaves={"other": SlaveConfig("other", "sesame")})
        status = self.botmaster.slaves["other"].slave_status
        builder = self.botmaster.builders["full"].builder_status
        for when in range(3):
            status.happened(float(when), f"event {when}")
            builder.addPointEvent([f"event {when}"])
        self.assertEqual([text for _, text in status.getEvents()], ["event 1", "event 2"])
        latest = builder.getEvent(-1)
        assert latest is not None
        self.assertEqual(latest.getText(), ["event 2"])
        self.assertIsNone(builder.getEvent(-3))
        self.limit(eventHorizon=1)
        self.assertEqual([text for _, text in status.getEvents()], ["event 2"])
        self.limit(eventHorizon=None)
        for when in range(30):
            status.happened(float(when), f"event {when}")
        self.assertEqual(len(status.getEvents()), 20)


class LogTests(RetentionCase):
    """P8: the logs of builds that stay."""

    def logs_(self) -> list[tuple[int | None, int | None, str]]:
        """The number of each build, and the length and trouble of its log."""
        return [
            (build.number, log.length, log.trouble)
            for build in self.builds()
            for step in build.steps
            for log in step.logs
        ]

    def test_horizon(self) -> None:
        """P8: logHorizon removes the logs of older builds; the builds stay, and say why."""
        self.runs(3)
        history, status = self.botmaster.resources.history, self.botmaster.builders["full"].builder_status
        self.assertIsNotNone(self.ran(history.fetch(status, 0)))
        self.limit(logHorizon=1)
        self.assertEqual(self.prune(), [0, 1, 2])
        self.assertIsNone(history.known("full", 0))
        why = "removed: logs of the last 1 build are kept"
        found = self.logs_()
        self.assertEqual(found[:2], [(0, 0, why), (1, 0, why)])
        self.assertEqual(found[2][2], "")
        self.assertEqual([name[:2] for name in self.there()], ["2-"])
        self.prune()
        self.assertEqual(self.logs_(), found)

    def test_size(self) -> None:
        """P8: logMaxTotalSize removes the oldest logs until all fit, but not those of the last build."""
        self.runs(3)
        self.limit(logMaxTotalSize=1)
        self.assertEqual(self.prune(), [0, 1, 2])
        self.assertEqual([name[:2] for name in self.there()], ["2-"])
        self.assertEqual(self.logs_()[0][2], "removed: all logs together may take 1 byte")

    def test_objectStorage(self) -> None:
        """P8: limits count what is in object storage, too, and remove it there; if it is away, next time."""
        self.runs(3)
        storage = FakeStorage({("full", number, 10, float(number)) for number in range(3)})
        for name in self.there():
            os.unlink(os.path.join(self.botmaster.resources.logs.directory, "full", name))
        self.botmaster.resources.logStorage = cast(Any, storage)
        self.limit(logMaxTotalSize=15)
        storage.isAway = True
        self.prune()
        self.assertEqual(storage.forgotten, [])
        storage.isAway = False
        self.prune()
        self.assertEqual(storage.forgotten, ["full/0-log-", "full/1-log-"])
        self.assertEqual(self.logs_()[1][2], "removed: all logs together may take 15 bytes")
        self.assertEqual(self.logs_()[2][2], "")

    def test_dropped(self) -> None:
        """P8: a build that is removed is removed in object storage, too."""
        self.runs(2)
        storage = FakeStorage(set())
        self.botmaster.resources.logStorage = cast(Any, storage)
        self.limit(buildHorizon=1)
        self.prune()
        self.assertEqual([name[:11] for name in storage.forgotten], ["full/0-log-"])

    def test_running(self) -> None:
        """P8: the log of a running build is not touched."""
        self.runs(1)
        self.put(0, "other")
        store = self.botmaster.store
        build = self.successResultOf(store.getBuild("full", 0))
        assert build is not None
        self.put(1)
        self.limit(logMaxTotalSize=1)
        self.patch(store, "getBuild", lambda *key: maybeDeferred(lambda: build.altered(finished=None)))
        before = self.there()
        self.prune()
        self.assertEqual(self.there(), before)


class ForecastTests(RetentionCase):
    """What will go is told before."""

    def test_forecast(self) -> None:
        """The forecast names what the next removal removes, and changes nothing."""
        self.runs(4)
        self.limit(buildHorizon=3, logHorizon=1)
        before = self.there()
        said = self.ran(self.retention.forecast())
        self.assertEqual((said.builds, said.changes, said.logsOf, said.wait), (1, 0, 2, None))
        self.assertEqual(said.size, said.total * 3 // 4)
        self.assertEqual(self.there(), before)
        self.prune()
        said = self.ran(self.retention.forecast())
        self.assertEqual((said.builds, said.changes, said.logsOf, said.size), (0, 0, 0, 0))
        self.assertEqual(said.toRecord()["builds"], 0)

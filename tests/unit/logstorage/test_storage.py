"""The logs of finished builds go into a bucket: through outages, kills, and with limits."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from twisted.internet.defer import ensureDeferred, fail

from buildbot.daemon.troubles import Troubles
from buildbot.logstorage import s3, storage
from buildbot.logstorage.s3 import S3
from buildbot.logstorage.spool import Spool
from buildbot.logstorage.storage import LogStorage
from buildbot.logstorage.threads import Threads
from buildbot.model.records import BuildRecord, LogRecord, StepRecord
from buildbot.model.results import SUCCESS
from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore
from tests.unit.logstorage.places import PlaceCase

HOUR = 3600.0


class Shared:
    """The resources of a master."""

    def __init__(self, clock: Any, store: MemoryStore) -> None:
        self.clock, self.store = clock, store
        self.now = lambda: 1_000_000.0 + clock.seconds()
        self.troubles = Troubles(self.now)


class StorageCase(PlaceCase):
    """One master's storage, its store and its directory of logs."""

    def setUp(self) -> None:
        super().setUp()
        found = patch.object(s3, "find_spec", lambda name: name)
        found.start()
        self.addCleanup(found.stop)
        self.setup = S3("http://server", "logs", cacheSize=0, spoolLimit=10_000)
        self.store = self.opened()
        self.holds: list[str] = []
        self.begin()

    def opened(self) -> MemoryStore:
        """An empty store."""
        store = MemoryStore()
        self.successResultOf(store.open())
        return store

    def begin(self) -> None:
        """Start a master on the store and the directory."""
        self.shared = Shared(self.clock, self.store)
        self.storage = LogStorage(
            self.shared, {"full": None}, lambda: self.top, self.holds.append, lambda: 0.5
        )
        self.storage.threads = Threads(self.clock, self.clock.inThread)
        self.storage.opener = lambda setup: self.bucket
        self.storage.configure(self.setup)
        self.do(self.storage.start())

    def do(self, work: Any) -> Any:
        """The result of a coroutine that ends at once."""
        return self.successResultOf(ensureDeferred(work))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.pump([1.0] * int(seconds))

    def build(self, size: int = 1000) -> int:
        """A build that ends. Returns its number."""
        started = BuildRecord("full", None, "bot", (), self.shared.now())
        number = self.successResultOf(self.store.startBuild(started)).number or 0
        path = self.write(number, b"x" * size)
        log = LogRecord("stdio", os.path.relpath(path, self.top), os.path.getsize(path), 1)
        ended = started.altered(
            number=number,
            finished=self.shared.now(),
            results=SUCCESS,
            steps=(StepRecord("say", 1.0, 2.0, SUCCESS, logs=(log,)),),
        )
        self.successResultOf(self.store.finishBuild(ended))
        self.storage.ended(ended)
        return number

    def state(self) -> dict[str, Any]:
        """What status says."""
        return self.storage.toRecord() or {}

    def sent(self) -> list[int]:
        """The numbers of the builds in the bucket."""
        return sorted(int(key.rpartition("/")[2].removesuffix(".logs")) for key in self.bucket.objects)

    def here(self) -> list[int]:
        """The numbers of the builds with logs on this disk."""
        return sorted(int(name.partition("-")[0]) for name in self.names() if "-log-" in name)

    def trouble(self) -> str:
        """The trouble that people see."""
        return "; ".join(
            f"{each.symptom.what}: {each.symptom.why}" for each in self.shared.troubles.current()
        )


class StorageTests(StorageCase):
    def test_stored(self) -> None:
        """The logs of a build that has ended are in the bucket; without room they are not on this disk."""
        self.build()
        self.assertEqual((self.sent(), self.here()), ([0], []))
        self.assertEqual((self.state()["waiting"], self.state()["stored"], self.trouble()), (0, 1, ""))

    def test_probed(self) -> None:
        """A bucket that cannot be used is told at the start, before a build ends; and when it works again."""
        self.bucket.why = "NoSuchBucket"
        self.begin()
        self.assertIn("the object storage of logs cannot be used: NoSuchBucket", self.trouble())
        self.wait(300)
        self.bucket.why = ""
        self.wait(300)
        self.assertEqual((self.trouble(), self.state()["failures"]), ("", 0))

    def test_outageOfAnHour(self) -> None:
        """Through an outage of an hour, builds end as always; minutes after it, nothing is missing."""
        self.bucket.why = "no route to host"
        for _ in range(6):
            self.build()
            self.wait(HOUR / 6)
        self.assertEqual((self.sent(), self.here()), ([], [0, 1, 2, 3, 4, 5]))
        self.assertIn("the logs of 6 builds wait on this disk", self.trouble())
        self.assertIn("no route to host", self.trouble())
        self.assertEqual((self.state()["waiting"], self.state()["since"]), (6, 1_000_000.0))
        self.assertLess(len(self.bucket.calls), 30)
        self.bucket.why = ""
        self.wait(301)
        self.assertEqual((self.sent(), self.here(), self.trouble()), ([0, 1, 2, 3, 4, 5], [], ""))

    def test_kill(self) -> None:
        """What waited when the master was killed is sent by the next process."""
        self.bucket.why = "no route to host"
        self.build()
        self.build()
        self.bucket.why = ""
        self.begin()  # the first one is forgotten, without a word
        self.assertEqual((self.sent(), self.here()), ([0, 1], []))

    def test_killInTheMiddle(self) -> None:
        """A kill in the middle of an upload leaves the log here; the next process sends it once more."""
        self.clock.isDawdling = True
        self.build()
        self.clock.waiting.clear()  # the thread never ends
        self.clock.isDawdling = False
        self.begin()
        self.assertEqual((self.sent(), self.here()), ([0], []))

    def test_spoolLimit(self) -> None:
        """Beyond the limit no build begins, and it is said why; when there is room again, builds begin."""
        self.bucket.why = "no route to host"
        self.build(9000)
        self.assertEqual((self.storage.hold, self.holds), ("", []))
        self.build(9000)
        self.assertIn("of logs wait for the object storage, and spoolLimit is 10000", self.holds[-1])
        self.assertIn("no build starts", self.trouble())
        self.begin()  # also after a restart
        self.assertIn("spoolLimit is 10000", self.holds[-1])
        self.bucket.why = ""
        self.wait(301)
        self.assertEqual((self.holds[-1], self.storage.hold, self.trouble()), ("", "", ""))

    def test_limitChanged(self) -> None:
        """A reconfig with a higher limit lets builds begin at once; it loses nothing that waits."""
        self.bucket.why = "no route to host"
        self.build(20_000)
        self.assertNotEqual(self.storage.hold, "")
        self.setup = replace(self.setup, spoolLimit=None)
        self.storage.configure(self.setup)
        self.assertEqual((self.storage.hold, self.holds[-1], self.state()["waiting"]), ("", "", 1))

    def test_cache(self) -> None:
        """Copies stay on this disk up to the limit; a smaller limit removes the rest at once."""
        self.setup = replace(self.setup, cacheSize=2100)
        self.storage.configure(self.setup)
        for _ in range(4):
            self.build()
            self.wait(1)
        self.assertEqual((self.sent(), self.here()), ([0, 1, 2, 3], [2, 3]))
        self.assertEqual(self.state()["copies"], 2)
        self.storage.configure(replace(self.setup, cacheSize=0))
        self.assertEqual(self.here(), [])

    def test_history(self) -> None:
        """Logs from before the key was there are sent, too, and hold no builds."""
        self.storage.configure(None)
        for _ in range(3):
            self.build(9000)
        self.assertEqual(self.sent(), [])
        os.utime(os.path.join(self.top, "full", "0-log-say-stdio"), (5, 5))
        self.bucket.why = "no route"
        self.storage.configure(self.setup)
        self.bucket.why = ""
        self.wait(10)
        self.assertEqual((self.sent(), self.here()), ([0, 1, 2], []))

    def test_runningBuild(self) -> None:
        """The logs of a running build stay until it ends, also if the key comes meanwhile."""
        self.storage.configure(None)
        started = BuildRecord("full", None, "bot", (), 1.0)
        number = self.successResultOf(self.store.startBuild(started)).number or 0
        self.write(number, b"not all yet")
        self.storage.configure(self.setup)
        self.wait(60)
        self.assertEqual((self.sent(), self.here()), ([], [0]))

    def test_otherBucket(self) -> None:
        """With another bucket, what is here is sent there; no copy goes before."""
        self.setup = replace(self.setup, cacheSize=10_000)
        self.storage.configure(self.setup)
        self.build()
        old, self.bucket = self.bucket, type(self.bucket)()
        self.storage.configure(replace(self.setup, bucket="other", cacheSize=0))
        self.assertEqual((self.sent(), self.here(), len(old.objects)), ([0], [], 1))

    def test_lostStore(self) -> None:
        """A master with an empty store overwrites nothing of the one before."""
        self.build()
        self.store = self.opened()
        self.begin()
        self.build()
        self.assertEqual(self.sent(), [0, 0])

    def test_stop(self) -> None:
        """A stop waits for no upload, and can be followed by a start, or another stop."""
        self.clock.isDawdling = True
        self.build()
        self.do(self.storage.stop())
        self.do(self.storage.stop())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.isDawdling = False
        self.clock.work()
        self.begin()
        self.assertEqual((self.sent(), self.here()), ([0], []))

    def test_brokenStoreAtStart(self) -> None:
        """A store that fails at the start delays the uploads, and not the master."""
        self.bucket.why = "no route"
        self.build()
        self.do(self.storage.stop())
        self.bucket.why = ""
        self.patch(self.store, "getStates", lambda prefix: fail(StoreFailed("the disk is full")))
        self.begin()
        self.build()
        self.assertIn("the disk is full", self.trouble())
        self.assertEqual(self.sent(), [])
        del self.store.getStates
        self.wait(31)
        self.assertEqual((self.sent(), self.trouble()), ([0, 1], ""))

    def test_endsMeanwhile(self) -> None:
        """A build that ends while the disk is looked at is not forgotten."""
        self.storage.configure(None)
        self.clock.isDawdling = True
        self.storage.configure(self.setup)
        for _ in range(5):  # until nothing waits but what comes after
            self.build()
            self.clock.work()
        self.clock.isDawdling = False
        self.clock.work()
        self.assertEqual(self.sent(), [0, 1, 2, 3, 4])

    def test_veryMany(self) -> None:
        """More builds than are remembered one by one are all sent."""
        self.patch(storage, "Spool", lambda: Spool(2))
        self.begin()
        self.bucket.why = "no route"
        for _ in range(7):
            self.build()
        self.assertEqual(self.state()["waiting"], 2)
        self.bucket.why = ""
        self.wait(301)
        self.assertEqual((self.sent(), self.state()["waitingBytes"]), (list(range(7)), 0))

    def test_refusedOne(self) -> None:
        """A build whose logs the server refuses holds up no other, and is tried again."""

        def refuse(call: str) -> None:
            self.bucket.why = "too large" if self.bucket.calls[-1] == ("put", self.key(0)) else ""

        self.bucket.during = refuse
        for _ in range(3):
            self.build()
        self.wait(60)
        self.assertEqual((self.sent(), self.here()), ([1, 2], [0]))
        self.bucket.during = lambda call: None
        self.bucket.why = ""
        self.wait(301)
        self.assertEqual((self.sent(), self.here()), ([0, 1, 2], []))

    def key(self, number: int) -> str:
        """The key of the object of a build."""
        identity = self.successResultOf(self.store.getState("logstorage/identity"))["id"]
        return f"{identity}/full/{number}.logs"

    def test_unreadable(self) -> None:
        """Logs that this disk does not give hold no others back."""
        self.bucket.why = "no route"
        self.build()
        self.build()
        path = os.path.join(self.top, "full", "0-log-say-stdio")
        os.unlink(path)
        os.mkdir(path)
        self.bucket.why = ""
        self.wait(10)
        self.assertEqual(self.sent(), [1])


class RemovalTests(StorageCase):
    def forget(self, *numbers: int) -> None:
        """Remove logs, as the retention does."""
        self.do(self.storage.forget([f"full/{number}-log-say-stdio" for number in numbers]))

    def test_both(self) -> None:
        """What the retention removes is removed in the bucket, too."""
        self.build()
        self.build()
        self.forget(0)
        self.assertEqual(self.sent(), [1])
        self.assertEqual(self.successResultOf(self.store.getStates("logstorage/gone/")), {})

    def test_outage(self) -> None:
        """A removal during an outage is noted in the store, and done after it, also by another process."""
        self.build()
        self.bucket.why = "no route"
        self.forget(0)
        self.assertEqual((self.sent(), self.state()["removals"]), ([0], 1))
        self.begin()
        self.wait(60)
        self.assertEqual((self.sent(), self.state()["removals"]), ([0], 1))
        self.bucket.why = ""
        self.wait(301)
        self.assertEqual((self.sent(), self.state()["removals"]), ([], 0))

    def test_mayNotDelete(self) -> None:
        """Keys without the right to delete are told; logs are stored all the same."""
        self.build()
        self.bucket.during = lambda call: setattr(self.bucket, "why", "denied" if call == "delete" else "")
        self.forget(0)
        self.build()
        self.wait(60)
        self.assertEqual((self.sent(), self.state()["removals"]), ([0, 1], 1))
        self.assertIn("denied", self.trouble())

    def test_waiting(self) -> None:
        """Logs that wait and are removed are not sent any more."""
        self.bucket.why = "no route"
        self.build()
        self.forget(0)
        self.assertEqual(self.state()["waiting"], 0)
        self.bucket.why = ""
        self.wait(301)
        self.assertEqual(self.sent(), [])

    def test_usage(self) -> None:
        """The objects are listed with their sizes, without those that are to be deleted."""
        self.build()
        self.build()
        size = len(next(iter(self.bucket.objects.values())))
        found = self.do(self.storage.usage())
        self.assertEqual(found, [("full", 0, size, 5.0), ("full", 1, size, 5.0)])
        self.bucket.why = "no route"
        self.forget(0)
        self.bucket.why = ""
        self.assertEqual([each[:2] for each in self.do(self.storage.usage())], [("full", 1)])

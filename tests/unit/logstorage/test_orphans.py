"""Objects of builds that were removed while nobody could note it are found and deleted; living ones never."""

from __future__ import annotations

from unittest.mock import patch

from twisted.internet.defer import ensureDeferred

from buildbot.logs.directory import directoryOf
from buildbot.logstorage import storage
from buildbot.logstorage.bucket import Held
from buildbot.logstorage.keys import Name
from buildbot.logstorage.orphans import PAUSE, REST, YOUNG, Builders, Found, orphansIn
from buildbot.logstorage.storage import Shared
from tests.unit.logstorage.test_storage import StorageCase


class OrphanTests(StorageCase):
    def drop(self, *numbers: int) -> None:
        """Remove builds from the store, without the bucket."""
        self.successResultOf(self.store.dropBuilds([("full", each) for each in numbers]))

    def test_deleted(self) -> None:
        """Builds were removed while the key logStorage was away: their objects go when it is back."""
        for _ in range(6):
            self.build()
        self.storage.configure(None)
        self.drop(0, 2, 3)
        self.storage.configure(self.setup)
        self.assertEqual(self.sent(), [0, 1, 2, 3, 4, 5])
        self.wait(PAUSE + 1)
        self.assertEqual(self.sent(), [1, 4, 5])

    def test_living(self) -> None:
        """Objects stay that may have a build: those beyond the newest one, of the last day, of others."""
        for _ in range(3):
            self.build()
        start, _, _ = next(iter(self.bucket.objects)).partition("full/")
        others = [f"{start}full/99.logs", f"{start}other/0.logs", f"{start}full/notes", "foreign/full/0.logs"]
        self.bucket.objects.update(dict.fromkeys(others, b"x"))
        self.drop(0)
        self.bucket.when = self.shared.now() - 60
        self.wait(PAUSE + 1)
        self.assertEqual(len(self.bucket.objects), 3 + len(others))
        self.wait(REST + 60)
        self.assertTrue(set(others) <= set(self.bucket.objects))
        self.assertEqual(self.bucket.objects.keys() - set(others), {f"{start}full/{n}.logs" for n in (1, 2)})

    def test_fewAtATime(self) -> None:
        """Few objects are looked at in one go; a restart goes on where the last process was."""
        with patch.object(storage, "PAGE", 2):
            for _ in range(7):
                self.build()
            self.drop(0, 1, 2, 3, 4, 5)
            self.wait(PAUSE + 1)
            self.assertEqual(self.sent(), [2, 3, 4, 5, 6])
            self.do(self.storage.stop())
            self.begin()
            self.wait(PAUSE + 1)
            self.assertEqual(self.sent(), [4, 5, 6])
            self.wait(2 * PAUSE + 2)
            self.assertEqual(self.sent(), [6])
            self.drop(6)
            lists = self.bucket.count("list")
            self.wait(600)
            self.assertEqual(self.bucket.count("list"), lists)  # the next search is tomorrow

    def test_outage(self) -> None:
        """A bucket that is away is tried again, and then the search goes on."""
        for _ in range(3):
            self.build()
        self.drop(0)
        self.bucket.why = "no route"
        self.wait(PAUSE + 1)
        self.bucket.why = ""
        self.wait(600)
        self.assertEqual((self.sent(), self.trouble()), ([1, 2], ""))

    def test_newBuilder(self) -> None:
        """A builder that comes during a search is known from its first build on."""
        shared: Shared = self.shared
        known = Builders(shared)
        self.assertEqual(self.do(known.of(["full"])), {})
        for _ in range(2):
            self.build()
        page = [Found("k", Name(directoryOf("full"), 0), Held(5, when=0.0))]
        look = orphansIn(self.store, known, page, YOUNG)
        self.assertEqual(self.successResultOf(ensureDeferred(look)), [])


del StorageCase

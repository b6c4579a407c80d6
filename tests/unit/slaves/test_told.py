"""What slaves have told is kept in the store."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.process.resources import Resources
from buildbot.slaves.told import SlavesTold
from buildbot.status.slave import SlaveStatus
from buildbot.store.interface import StoreFailed


class ToldTests(unittest.SynchronousTestCase):
    """The words of a slave survive the master."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.resources = Resources(self.clock)
        self.resources.now = self.clock.seconds
        self.successResultOf(ensureDeferred(self._opened()))
        self.names = ["bot1"]
        self.told = self.another()

    async def _opened(self) -> None:
        await self.resources.store.open()

    def another(self) -> SlavesTold:
        """What a new process of the master knows."""
        told = SlavesTold(self.resources, lambda: self.names)
        self.successResultOf(ensureDeferred(told.load()))
        told.resume()
        return told

    def tell(self, told: SlavesTold, **facts: Any) -> SlaveStatus:
        """A slave logs in."""
        status = SlaveStatus("bot1")
        status.generation = "buildslave"
        for name, value in facts.items():
            setattr(status, name, value)
        told.keep(status)
        return status

    def known(self) -> tuple[Any, ...]:
        """What another process shows of the slave while it is offline."""
        status = SlaveStatus("bot1")
        self.another().recall(status)
        return status.told, status.generation, status.version, status.getAdmin(), status.getHost()

    def test_restart(self) -> None:
        """The words and their time are known after a restart; nothing is known of others."""
        self.assertEqual(self.known(), (None,) * 5)
        self.clock.advance(100)
        self.tell(self.told, version="0.8.14", admin="ann", host="big")
        self.assertEqual(self.known(), (100, "buildslave", "0.8.14", "ann", "big"))

    def test_seldom(self) -> None:
        """The same words are stored once an hour; other words are stored at once."""
        for seconds, facts, expected in (
            (0, {"version": "1"}, 0),
            (10, {"version": "1"}, 0),
            (10, {"version": "2"}, 20),
            (3599, {"version": "2"}, 20),
            (1, {"version": "2"}, 3620),
        ):
            self.clock.advance(seconds)
            status = self.tell(self.told, **facts)
            self.assertEqual(status.told, self.clock.seconds())
            self.assertEqual(self.known()[0], expected)

    def test_long(self) -> None:
        """Very long words are cut, and are not stored again and again."""
        self.tell(self.told, host="x" * 10**6)
        self.clock.advance(5)
        self.tell(self.told, host="x" * 10**6)
        self.assertEqual((self.known()[0], len(self.known()[4])), (0, 1000))

    def test_removed(self) -> None:
        """A slave that was removed is forgotten, also if it was removed while no master ran."""
        self.tell(self.told, version="1")
        self.told.forget("bot1")
        self.assertEqual(self.known()[0], None)
        self.tell(self.told, version="1")
        self.names.clear()
        self.another()
        self.names.append("bot1")
        self.assertEqual(self.known()[0], None)

    def test_failing(self) -> None:
        """If the store fails, the next login stores the words."""
        store = self.resources.store
        with_ = store.setState

        def refuse(key: str, value: Any) -> Deferred[None]:
            return fail(StoreFailed("the disk is full"))

        self.patch(store, "setState", refuse)
        self.tell(self.told, version="1")
        self.patch(store, "setState", with_)
        self.assertEqual(self.known()[0], None)
        self.clock.advance(5)
        self.tell(self.told, version="1")
        self.assertEqual(self.known()[0], 5)

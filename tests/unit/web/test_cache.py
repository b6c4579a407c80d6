"""Tests of buildbot.web.cache."""

from __future__ import annotations

from weakref import ref

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.status.topics import Topics
from buildbot.web.cache import LONGEST, PageCache
from buildbot.web.call import Answer


class CacheTests(unittest.SynchronousTestCase):
    """Pages are kept until something has changed."""

    def setUp(self) -> None:
        self.clock = clock = Clock()
        self.topics = Topics(clock, clock.seconds, lambda topics: None, "e")
        self.cache = PageCache(self.topics, clock)

    def put(self, fresh: float = 0.0) -> None:
        """Keep a page about builders for ten seconds."""
        self.cache.put("/", Answer(b"x"), ("builders",), self.cache.version(("builders",)), 10.0, fresh)

    def test_untilChanged(self) -> None:
        """A page is given out until its topic is touched, or its time is over."""
        self.put()
        self.topics.touch("slaves")
        self.assertIsNotNone(self.cache.get("/", 5.0))
        self.topics.touch("builders")
        self.assertIsNone(self.cache.get("/", 5.0))
        self.put()
        self.assertIsNone(self.cache.get("/", 11.0))

    def test_costly(self) -> None:
        """A costly page is given out for its time although something has changed."""
        self.put(fresh=1.0)
        self.topics.touch("builders")
        self.assertIsNotNone(self.cache.get("/", 0.9))
        self.assertIsNone(self.cache.get("/", 1.0))

    def test_forgotten(self) -> None:
        """Pages that are too old are forgotten within two minutes, although nobody asks for them any more."""
        old, new = Answer(b"old"), Answer(b"new")
        answers = [ref(old), ref(new)]
        self.cache.put("/", old, ("builders",), self.cache.version(("builders",)), 10.0)
        self.clock.advance(LONGEST - 5)
        self.cache.put("/new", new, ("builders",), self.cache.version(("builders",)), LONGEST + 20)
        del old, new
        self.clock.advance(5)
        self.assertEqual([each() is None for each in answers], [True, False])
        self.clock.advance(LONGEST)
        self.assertEqual([each() is None for each in answers], [True, True])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stop(self) -> None:
        """A stopped web server leaves no timer, although it answers until the next one has its port."""
        self.put()
        self.cache.stop()
        self.put()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_room(self) -> None:
        """The pages together are limited; the one that was not asked for longest goes first."""
        for number in range(5):
            big = Answer(b"x" * (10 << 20))
            self.cache.put(number, big, ("builders",), self.cache.version(("builders",)), 10.0)
        self.assertEqual(
            [self.cache.get(n, 0.0) is not None for n in range(5)], [False, False, True, True, True]
        )

    def test_one(self) -> None:
        """Only one visitor makes a page; the others wait, and one who goes away does not stop them."""
        store: Deferred[None] = Deferred()
        done: list[str] = []

        async def make(name: str) -> None:
            async with self.cache.one("/"):
                if name == "a":
                    await store
                done.append(name)

        first = ensureDeferred(make("a"))
        gone, last = ensureDeferred(make("b")), ensureDeferred(make("c"))
        gone.addErrback(lambda why: None)
        gone.cancel()
        self.assertEqual(done, [])
        store.callback(None)
        self.assertEqual(done, ["a", "c"])
        self.successResultOf(first)
        self.successResultOf(last)

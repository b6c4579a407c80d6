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

    def test_meanwhile(self) -> None:
        """While a page is made again, the last answer is given out, for as long as it took to make it."""
        self.clock.advance(100)
        self.put()
        self.cache.put("/slow", Answer(b"x"), ("builders",), "", 0.0, began=97.0)
        self.cache.put("/slowest", Answer(b"x"), ("builders",), "", 0.0, began=7.0)
        times = {"/": 100.0, "/slow": 102.9, "/slowest": 109.9}
        for key, last in times.items():
            self.assertIsNone(self.cache.get(key, last))
            self.assertIsNone(self.cache.meanwhile(key, last), key)
        self.inTurn(*times)
        for key, last in times.items():
            self.assertIsNone(self.cache.get(key, last))
            self.assertEqual(self.cache.meanwhile(key, last) is not None, key != "/", key)
            self.assertIsNone(self.cache.meanwhile(key, last + 0.2), key)
        self.assertIsNone(self.cache.meanwhile("/new", 100.0))

    def test_acted(self) -> None:
        """After an action, no answer is given out that was begun before, unless it is still right."""
        self.clock.advance(100)
        self.cache.put("/", Answer(b"x"), ("builders",), "", 0.0, fresh=101.0, began=97.0)
        self.inTurn("/")
        self.assertIsNotNone(self.cache.get("/", 100.5))
        self.assertIsNotNone(self.cache.meanwhile("/", 100.5))
        self.cache.acted()
        self.assertIsNone(self.cache.get("/", 100.5))
        self.assertIsNone(self.cache.meanwhile("/", 100.5))
        self.put()
        self.assertIsNotNone(self.cache.get("/", 5.0))

    def inTurn(self, *keys: str) -> None:
        """Begin to make these pages; it takes for ever."""

        async def make(key: str) -> None:
            async with self.cache.one(key):
                await Deferred()

        for key in keys:
            ensureDeferred(make(key))

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

"""Topics: events become calls, generations and a ring for replay."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.status import topics as module
from buildbot.status.topics import (
    ALL,
    BUILDERS,
    CHANGES,
    MASTER,
    QUEUE,
    News,
    Subscription,
    Topics,
    builderTopic,
    buildTopic,
    slaveTopic,
    topicOf,
)


class TopicCase(unittest.SynchronousTestCase):
    """A hub with a clock."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.attached: list[Topics] = []
        self.topics = self.hub("one")
        self.told: list[News] = []

    def hub(self, epoch: str) -> Topics:
        return Topics(self.clock, lambda: 5.0, self.attached.append, epoch)

    def subscribe(self, *topics: str, **kw: Any) -> Subscription:
        return self.topics.subscribe(topics, self.told.append, **kw)

    def happen(self, event: str, *topics: str, **data: Any) -> None:
        self.topics.happened(event, topics, data)

    def turn(self, seconds: float = 0) -> list[News]:
        """Let a turn pass; return the calls in it."""
        self.clock.advance(seconds)
        told, self.told[:] = list(self.told), []
        return told

    def note(self, found: list[str], news: News) -> None:
        """Note the names of events."""
        found.extend(self.names(news))

    def names(self, news: News) -> list[str]:
        return [event["event"] for event in news.events]


class CallTests(TopicCase):
    """The calls of subscribers."""

    def test_many(self) -> None:
        """Each of many subscribers gets the events of its topics, in their order, out of many events."""
        chance = random.Random(7)
        names = [builderTopic(f"b{number}") for number in range(12)]
        joined = [
            frozenset(chance.sample([*names, BUILDERS, CHANGES], chance.choice((1, 2, 9)))) for _ in range(30)
        ]
        told: list[list[str]] = [[] for _ in joined]
        for wanted, found in zip(joined, told, strict=True):
            self.topics.subscribe(wanted, partial(self.note, found), events=True)
        happened: list[tuple[str, set[str]]] = []
        for number in range(200):
            touched = {chance.choice(names), chance.choice((BUILDERS, CHANGES, QUEUE))}
            happened.append((str(number), touched))
            self.happen(str(number), *touched)
            if number % 50 == 49:
                self.turn(1)
        for wanted, found in zip(joined, told, strict=True):
            self.assertEqual(found, [name for name, touched in happened if touched & wanted])

    def test_turn(self) -> None:
        """All events of a turn are one call, which names the touched topics of the subscriber."""
        self.subscribe(BUILDERS, CHANGES, QUEUE)
        self.happen("a", BUILDERS)
        self.happen("b", BUILDERS, MASTER)
        self.happen("c", CHANGES)
        self.assertEqual(self.told, [])
        (news,) = self.turn()
        self.assertEqual(news, News({BUILDERS: 2, CHANGES: 3}, (), "one-3"))
        self.assertEqual(self.turn(10), [])

    def test_events(self) -> None:
        """A subscriber that wants them gets the events of its topics, in order, once."""
        self.subscribe(BUILDERS, events=True)
        self.happen("a", BUILDERS, x=1)
        self.happen("b", CHANGES)
        self.happen("c", BUILDERS)
        (news,) = self.turn()
        first = {"id": "one-1", "event": "a", "topics": (BUILDERS,), "when": 5.0, "data": {"x": 1}}
        self.assertEqual((self.names(news), news.events[0], news.lastId), (["a", "c"], first, "one-3"))
        self.happen("d", BUILDERS)
        self.assertEqual([self.names(each) for each in self.turn(1)], [["d"]])

    def test_rate(self) -> None:
        """A topic that is touched all the time is told at once, and then at most four times a second."""
        self.subscribe(BUILDERS, events=True)
        calls = []
        for _ in range(100):
            self.happen("a", BUILDERS)
            calls += self.turn(0.01)
        calls += self.turn(1)
        self.assertEqual((len(calls), sum(len(each.events) for each in calls)), (5, 100))

    def test_otherTopic(self) -> None:
        """A topic that waits for its time delays no other."""
        self.subscribe(BUILDERS, CHANGES)
        self.happen("a", BUILDERS)
        self.turn()
        self.happen("b", BUILDERS)
        self.assertEqual(self.turn(0.01), [])
        self.happen("c", CHANGES)
        self.assertEqual([list(each.generations) for each in self.turn()], [[CHANGES]])
        self.assertEqual([list(each.generations) for each in self.turn(0.25)], [[BUILDERS]])

    def test_all(self) -> None:
        """The topic C{all} is touched by every event; an event everywhere touches every topic."""
        self.subscribe(ALL, events=True)
        self.subscribe(buildTopic("full", 3))
        self.happen("a", CHANGES)
        (news,) = self.turn()
        self.assertEqual((self.names(news), news.generations), (["a"], {ALL: 1}))
        self.topics.happened("reconfigured", [MASTER], {}, everywhere=True)
        every, build = self.turn(1)
        self.assertEqual((self.names(every), build.generations), (["reconfigured"], {"build/full/3": 2}))

    def test_failing(self) -> None:
        """A subscriber that raises gets no more calls, and harms no other."""
        self.topics.subscribe([BUILDERS], lambda news: 1 / 0)
        self.subscribe(BUILDERS)
        self.happen("a", BUILDERS)
        self.assertEqual((len(self.turn()), len(self.flushLoggedErrors(ZeroDivisionError))), (1, 1))
        self.assertEqual(self.topics.count(), 1)

    def test_stop(self) -> None:
        """After its stop, a subscriber is not called, even for earlier events."""
        subscription = self.subscribe(BUILDERS, CHANGES)
        self.happen("a", BUILDERS)
        subscription.stop()
        subscription.stop()
        self.assertEqual((self.turn(1), self.topics.count()), ([], 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slowReader(self) -> None:
        """A paused subscriber misses nothing: it gets everything in one call when it goes on."""
        subscription = self.subscribe(BUILDERS, CHANGES, events=True)
        subscription.pause()
        self.happen("a", BUILDERS)
        self.assertEqual(self.turn(1), [])
        self.happen("b", CHANGES)
        self.assertEqual(self.turn(1), [])
        subscription.resume()
        (news,) = self.turn()
        self.assertEqual((self.names(news), news.generations), (["a", "b"], {BUILDERS: 1, CHANGES: 2}))
        subscription.pause()
        subscription.resume()
        self.assertEqual(self.turn(1), [])


class GenerationTests(TopicCase):
    """Generations and ETags."""

    def test_lazy(self) -> None:
        """The hub hears nothing until the first question, and begins to hear once."""
        self.assertEqual(self.attached, [])
        self.assertEqual(self.topics.generation(BUILDERS), 0)
        self.subscribe(BUILDERS)
        self.assertEqual(self.attached, [self.topics])

    def test_etag(self) -> None:
        """The ETag of a page changes with each event of its topics, and with no other."""
        page = BUILDERS, slaveTopic("bot1")
        before = self.topics.etag(*page)
        self.happen("a", CHANGES)
        self.assertEqual(self.topics.etag(*page), before)
        self.topics.touch(slaveTopic("bot1"))
        self.assertEqual((before, self.topics.etag(*page)), ("one-0", "one-2"))
        self.assertNotEqual(self.topics.etag(BUILDERS), self.hub("two").etag(BUILDERS))

    def test_everywhere(self) -> None:
        """After an event everywhere, the generation of every topic is new."""
        self.happen("a", BUILDERS)
        self.topics.happened("reconfigured", [MASTER], {}, everywhere=True)
        self.assertEqual([self.topics.generation(each) for each in (BUILDERS, CHANGES, MASTER)], [2, 2, 2])

    def test_bounded(self) -> None:
        """The memory for generations is bounded: the oldest topics get one generation, which is not lower."""
        self.patch(module, "MOST_TOPICS", 3)
        for number in range(10):
            self.happen("a", buildTopic("full", number))
        found = [self.topics.generation(buildTopic("full", number)) for number in range(10)]
        self.assertEqual(found, [8] * 8 + [9, 10])


class ReplayTests(TopicCase):
    """Readers that come back."""

    def test_since(self) -> None:
        """The events after a known one are there again, for some topics or for all."""
        for name, topic in (("a", BUILDERS), ("b", CHANGES), ("c", BUILDERS)):
            self.happen(name, topic)
        self.assertEqual([each["event"] for each in self.topics.since("one-1") or ()], ["b", "c"])
        self.assertEqual([each["event"] for each in self.topics.since("one-0", [BUILDERS]) or ()], ["a", "c"])
        self.assertEqual(self.topics.since(self.topics.lastId()), [])

    def test_gap(self) -> None:
        """If events are lost, or the ID is of another process or nonsense, nothing is given as complete."""
        self.patch(module, "EVENTS", 2)
        for _ in range(4):
            self.happen("a", BUILDERS)
        self.assertEqual(len(self.topics.since("one-2") or ()), 2)
        for lost in ("one-1", "two-3", "one-9", "", "one-", "one--1", "one-x", "3", "one-" + "9" * 99):
            self.assertIsNone(self.topics.since(lost), lost)

    def test_resume(self) -> None:
        """A subscriber that comes back gets the missed events first; or a reset, if some are lost."""
        self.happen("a", BUILDERS)
        self.happen("b", BUILDERS)
        self.subscribe(BUILDERS, events=True, since="one-1")
        self.happen("c", BUILDERS)
        calls = self.turn()
        self.assertEqual([name for each in calls for name in self.names(each)], ["b", "c"])
        self.subscribe(CHANGES, events=True, since="two-1")
        (news,) = self.turn()
        self.assertEqual((news.isReset, news.events, news.lastId), (True, (), "one-3"))
        self.subscribe(BUILDERS, events=True, since="one-3")
        self.assertEqual(self.turn(), [])

    def test_burst(self) -> None:
        """A subscriber is told if more events came between two calls than the ring holds."""
        self.patch(module, "EVENTS", 2)
        self.subscribe(BUILDERS, events=True)
        for _ in range(4):
            self.happen("a", BUILDERS)
        (news,) = self.turn()
        self.assertEqual((news.isReset, news.events), (True, ()))
        self.happen("b", BUILDERS)
        (news,) = self.turn(1)
        self.assertEqual((news.isReset, self.names(news)), (False, ["b"]))


class NameTests(unittest.SynchronousTestCase):
    """The names of topics."""

    def test_names(self) -> None:
        """A client may quote the names in a topic or not; other topics do not exist."""
        self.assertEqual(topicOf("builders"), BUILDERS)
        self.assertEqual(topicOf("builder/my full"), builderTopic("my full"))
        self.assertEqual(topicOf("builder/my%20full"), builderTopic("my full"))
        self.assertEqual(topicOf("build/a%2Fb/012"), buildTopic("a/b", 12))
        self.assertEqual(topicOf("slave/b%C3%B6t"), slaveTopic("böt"))
        for wrong in (
            "",
            "nothing",
            "build/full",
            "build/full/x",
            "builder/",
            "builder/a/b",
            "slave/" + "x" * 9999,
        ):
            self.assertIsNone(topicOf(wrong), wrong)

# -*- test-case-name: tests.unit.status.test_topics -*-
"""Topics: what changed, for live pages, the event stream and ETags.

A topic is a text, such as C{builders} or C{build/full/12}. Each event touches some topics. The events of a
reactor turn become one call for each subscriber. L{buildbot.status.happenings} makes events of the status.
This module does not know their meaning.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any
from urllib.parse import unquote

from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.events.eventual import eventual
from buildbot.events.reactors import Timers
from buildbot.status.urls import quoted

log = Logger()

#: The topics of lists: builders and their states; running and recent builds with their steps; slaves;
#: Changes; waiting requests; the master itself. ALL is touched by every event.
BUILDERS, BUILDS, SLAVES, CHANGES, QUEUE, MASTER, ALL = LISTS = (
    *("builders", "builds", "slaves", "changes", "queue", "master", "all"),
)
#: The most events for replay.
EVENTS = 5000
#: The most topics whose generation is known exactly.
MOST_TOPICS = 20_000
#: The most calls about one topic in a second.
PER_SECOND = 4.0
#: To sort an event takes this many times as long as to look at it.
_SCAN = 4
#: The most characters of a topic.
LONGEST = 2000
_OF_ONE = re.compile(r"(builder|slave)/([^/]+)|(build)/([^/]+)/(\d{1,9})")
_OF_LOG = re.compile(r"log/([^/]+)/(\d{1,9})/([^/]+)/([^/]+)")

#: One event: C{id} (a text), C{event} (its name), C{topics}, C{when} (epoch seconds) and C{data}, as JSON.
Event = dict[str, Any]


def builderTopic(name: str) -> str:
    """The topic of one builder: its state, its requests and its builds with their steps."""
    return f"builder/{quoted(name)}"


def buildTopic(builder: str, number: int) -> str:
    """The topic of one build: its steps and their logs, not the output."""
    return f"build/{quoted(builder)}/{number}"


def slaveTopic(name: str) -> str:
    """The topic of one slave: its connection, its pause, its builds and its events."""
    return f"slave/{quoted(name)}"


def logTopic(builder: str, number: int, step: str, log: str) -> str:
    """The topic of one log: its start and its end. L{buildbot.web.api.growth} sends its length in between."""
    return f"log/{quoted(builder)}/{number}/{quoted(step)}/{quoted(log)}"


def logOf(topic: str) -> tuple[str, int, str, str]:
    """The builder, the number of the build, the step and the log of a topic of L{logTopic}."""
    _, builder, number, step, log = topic.split("/")
    return _plain(builder), int(number), _plain(step), _plain(log)


def _plain(name: str) -> str:
    return unquote(name, errors="surrogateescape")


def topicOf(said: str) -> str | None:
    """The topic that a client means. Names in it may be quoted or not. None if there is no such topic."""
    if said in LISTS:
        return said
    if len(said) > LONGEST:
        return None
    ofLog = _OF_LOG.fullmatch(said)
    if ofLog is not None:
        builder, number, step, log = ofLog.groups()
        return logTopic(_plain(builder), int(number), _plain(step), _plain(log))
    match = _OF_ONE.fullmatch(said)
    if match is None:
        return None
    kind, name, build, builder, number = match.groups()
    name = _plain(name or builder)
    return buildTopic(name, int(number)) if build else f"{kind}/{quoted(name)}"


@dataclass(frozen=True)
class News:
    """I am what one call tells a subscriber.

    @ivar generations: each touched topic with its generation.
    @ivar events: the events of all topics of the subscriber since its last call, oldest first; none unless it
        wants them. Nobody may modify them: all subscribers get the same.
    @ivar lastId: the ID of the last event; a client that comes back gives it.
    @ivar isReset: True if events are missing here: the subscriber must read everything again.
    """

    generations: Mapping[str, int]
    events: tuple[Event, ...]
    lastId: str
    isReset: bool = False


class Subscription:
    """I am the interest of one subscriber in some topics.

    @ivar topics: the topics.
    @ivar wantsEvents: True if the subscriber gets the events, not only the topics.
    @ivar last: the number of the last event before the last call.
    """

    __slots__ = ("_hub", "_missed", "isPaused", "last", "tell", "topics", "wantsEvents")

    def __init__(
        self,
        hub: Topics,
        topics: frozenset[str],
        tell: Callable[[News], object],
        wantsEvents: bool,
        last: int,
    ) -> None:
        self._hub = hub
        self.topics = topics
        self.tell = tell
        self.wantsEvents = wantsEvents
        self.last = last
        self.isPaused = False
        self._missed: set[str] | None = None

    def stop(self) -> None:
        """End the calls. A second call does nothing."""
        self._hub.forget(self)

    def pause(self) -> None:
        """Delay the calls: the reader is slow. Topics are noted, and events stay in the ring."""
        self.isPaused = True

    def resume(self) -> None:
        """Go on after L{pause}: everything since then becomes one call, in a later turn."""
        self.isPaused = False
        missed, self._missed = self._missed, None
        if missed:
            self._hub.tellLater(self, missed)

    def miss(self, topics: Iterable[str]) -> None:
        """Note touched topics while paused."""
        self._missed = {*(self._missed or ()), *topics}


class _Recent:
    """I am some consecutive events of the ring, which many subscribers ask for: they are sorted once."""

    def __init__(self, events: Sequence[tuple[int, Event]]) -> None:
        self._events = events

    @cached_property
    def _ofTopic(self) -> Mapping[str, list[tuple[int, Event]]]:
        found: dict[str, list[tuple[int, Event]]] = {}
        for each in self._events:
            for topic in each[1]["topics"]:
                found.setdefault(topic, []).append(each)
        return found

    def of(self, topics: frozenset[str], last: int) -> tuple[Event, ...]:
        """The events after the number C{last} that touch one of the topics, oldest first."""
        wanted = self._events
        if ALL not in topics:
            lists = [found for topic in topics if (found := self._ofTopic.get(topic))]
            if len(lists) == 1:
                wanted = lists[0]
            elif _SCAN * sum(map(len, lists)) < len(wanted):
                wanted = sorted(dict(chain.from_iterable(lists)).items())
            else:  # sorting so many costs more than looking at all
                return tuple(
                    event
                    for number, event in wanted
                    if number > last and not topics.isdisjoint(event["topics"])
                )
        return tuple(event for number, event in wanted if number > last)


class Topics:
    """I am the hub of one master: from events to subscribers.

    @ivar epoch: names this process in IDs and ETags, so that those of an earlier one are not mistaken.
    """

    def __init__(
        self,
        clock: Timers,
        now: Callable[[], float],
        attach: Callable[[Topics], object],
        epoch: str,
        perSecond: float = PER_SECOND,
    ) -> None:
        """@param now: returns the time, in seconds since the epoch.
        @param attach: called once with me, by the first question or subscription: it lets me hear of events.
        @param epoch: a text without a dash that no other process has.
        @param perSecond: the most calls about one topic in a second.
        """
        self.epoch = epoch
        self._clock = clock
        self._now = now
        self._attach: Callable[[Topics], object] | None = attach
        self._interval = 1.0 / perSecond
        self._number = 0
        self._lost = 0  # the number of the last event that left the ring
        self._ring: deque[tuple[int, Event]] = deque()
        self._generations: dict[str, int] = {}  # by the time of the last touch
        self._floor = 0  # the generation of all other topics
        self._subscriptions: dict[str, dict[Subscription, None]] = {}
        self._touched: dict[str, None] = {}
        self._told: dict[str, float] = {}  # when each topic was told, by that time
        self._alarm = Alarm(self._tell)
        self._due = 0.0  # when it rings

    # events

    def happened(
        self, event: str, topics: Iterable[str], data: Mapping[str, Any], everywhere: bool = False
    ) -> None:
        """Take an event.

        @param event: its name, such as C{"buildStarted"}.
        @param topics: the touched topics, without ALL.
        @param data: its JSON-able values. Nobody may modify them afterwards.
        @param everywhere: True if it changes all pages, as a reconfig does.
        """
        touched = (*topics, ALL)
        self._touch(touched, everywhere)
        if len(self._ring) >= EVENTS:
            self._lost, _ = self._ring.popleft()
        made = {
            "id": f"{self.epoch}-{self._number}",
            "event": event,
            "topics": touched[:-1],
            "when": self._now(),
            "data": data,
        }
        self._ring.append((self._number, made))

    def touch(self, *topics: str) -> None:
        """Note that something about these topics has changed, without an event for replay."""
        self._touch((*topics, ALL), False)

    def reset(self) -> None:
        """Events are missing here: tell all subscribers that, and touch all topics."""
        self._touch((), True)
        self._ring.clear()
        self._lost = self._number

    def _touch(self, topics: tuple[str, ...], everywhere: bool) -> None:
        self._number += 1
        generations = self._generations
        if everywhere:
            generations.clear()
            self._floor = self._number
            topics = (*topics, *self._subscriptions)
        for topic in topics:
            generations.pop(topic, None)
            generations[topic] = self._number
            if topic in self._subscriptions and topic not in self._touched:
                self._touched[topic] = None
                self._arm(topic)
        while len(generations) > MOST_TOPICS:
            oldest = next(iter(generations))
            self._floor = max(self._floor, generations.pop(oldest))

    def _arm(self, topic: str) -> None:
        """Tell a touched topic in a later turn: at once, or when it may be told again."""
        now = self._clock.seconds()
        when = max(now, self._told[topic] + self._interval) if topic in self._told else now
        if not self._alarm.isSet or when < self._due:
            self._due = when
            self._alarm.set(self._clock, when - now)

    # questions

    def now(self) -> float:
        """The time of events, in seconds since the epoch."""
        return self._now()

    def generation(self, *topics: str) -> int:
        """A number that grows with each event of these topics. Ask me before you read what you show."""
        self._hear()
        known, floor = self._generations, self._floor
        return max([known.get(topic, floor) for topic in topics], default=self._number)

    def etag(self, *topics: str) -> str:
        """An ETag, without quotes, for a page about these topics, and about nothing else that changes."""
        return f"{self.epoch}-{self.generation(*topics)}"

    def lastId(self) -> str:
        """The ID of the last event."""
        self._hear()
        return f"{self.epoch}-{self._number}"

    def since(self, lastId: str, topics: Iterable[str] = (ALL,)) -> list[Event] | None:
        """The events after one, oldest first; None if some of them are lost, or the ID is not mine.

        @param lastId: an ID from L{News}, L{lastId} or an event.
        """
        self._hear()
        number = self._numberOf(lastId)
        return None if number is None else list(_Recent(self._after(number)).of(frozenset(topics), number))

    def touchedAfter(self, lastId: str) -> list[str] | None:
        """The topics that were touched after an event, the last one first.

        @param lastId: see L{since}.
        @return: None if not all of them are known, or the ID is not mine.
        """
        self._hear()
        number = self._numberOf(lastId)
        if number is None or number < self._floor:
            return None
        found = []
        for topic, generation in reversed(self._generations.items()):
            if generation <= number:
                break
            found.append(topic)
        return found

    def _numberOf(self, lastId: str) -> int | None:
        epoch, _, digits = lastId.rpartition("-")
        if epoch != self.epoch or not digits.isdecimal() or len(digits) > 15:
            return None
        number = int(digits)
        return number if self._lost <= number <= self._number else None

    def _after(self, number: int) -> list[tuple[int, Event]]:
        """The events after a number, each with its own number, oldest first."""
        found = []
        for each in reversed(self._ring):
            if each[0] <= number:
                break
            found.append(each)
        found.reverse()
        return found

    # subscriptions

    def subscribe(
        self,
        topics: Iterable[str],
        tell: Callable[[News], object],
        events: bool = False,
        since: str | None = None,
    ) -> Subscription:
        """Call C{tell(news)} after events of some topics: once for all events of a reactor turn, and at most
        PER_SECOND times a second for one topic. An exception of C{tell} is logged, and ends the subscription.

        @param topics: topics of L{topicOf}, L{buildTopic} and so on. Others are never touched.
        @param events: True to get the events, too.
        @param since: the ID of the last event that the subscriber knows. The first call, in a later turn, has
            the events since then; or C{isReset} if some are lost. None: begin now.
        """
        self._hear()
        wanted = frozenset(topics)
        last = self._number if since is None else self._numberOf(since)
        new = Subscription(self, wanted, tell, events, self._lost - 1 if last is None else last)
        for topic in wanted:
            self._subscriptions.setdefault(topic, {})[new] = None
        if since is not None:
            self.tellLater(new, wanted)
        return new

    def forget(self, subscription: Subscription) -> None:
        """See L{Subscription.stop}."""
        for topic in subscription.topics:
            others = self._subscriptions.get(topic)
            if others is not None and others.pop(subscription, self) is None and not others:
                del self._subscriptions[topic]

    def count(self) -> int:
        """The number of subscriptions."""
        return len({each for those in self._subscriptions.values() for each in those})

    def _hear(self) -> None:
        attach, self._attach = self._attach, None
        if attach is not None:
            attach(self)

    # calls

    def tellLater(self, subscription: Subscription, topics: Iterable[str]) -> None:
        """Tell one subscriber of these topics in a later turn, unless it has nothing to learn."""
        eventual(self._clock, self._tellOne, subscription, tuple(sorted(topics)))

    def _tellOne(self, subscription: Subscription, topics: tuple[str, ...]) -> None:
        news = [each for each in topics if self._generations.get(each, self._floor) > subscription.last]
        if self._isOn(subscription) and (news or subscription.last < self._lost):
            self._call({subscription: news})

    def _isOn(self, subscription: Subscription) -> bool:
        return any(subscription in self._subscriptions.get(each, ()) for each in subscription.topics)

    def _tell(self) -> None:
        now = self._clock.seconds()
        self._expire(now)
        due = [topic for topic in self._touched if topic not in self._told]
        calls: dict[Subscription, list[str]] = {}
        for topic in due:
            del self._touched[topic]
            subscribers = self._subscriptions.get(topic)
            if subscribers:
                self._told.pop(topic, None)
                self._told[topic] = now
                for each in subscribers:
                    calls.setdefault(each, []).append(topic)
        for topic in self._touched:
            self._arm(topic)
        self._call(calls)

    def _expire(self, now: float) -> None:
        """Forget the calls that delay no other."""
        for topic, when in list(self._told.items()):
            if now < when + self._interval:
                break
            del self._told[topic]

    def _call(self, calls: Mapping[Subscription, list[str]]) -> None:
        """Call subscribers. Those with the same interests share the same news."""
        made: dict[object, News] = {}
        eager = [each.last for each in calls if each.wantsEvents and not each.isPaused]
        recent = _Recent(self._after(min(eager))) if eager else _Recent(())
        for each, topics in calls.items():
            if each.isPaused:
                each.miss(topics)
                continue
            kind = (tuple(topics), each.last, each.topics) if each.wantsEvents else tuple(topics)
            news = made.get(kind)
            if news is None:
                news = made[kind] = self._newsFor(each, topics, recent)
            each.last = self._number
            try:
                each.tell(news)
            except PLUGIN_ERRORS:
                log.failure("a subscriber of {topics} failed, and gets no more", topics=sorted(each.topics))
                each.stop()

    def _newsFor(self, subscription: Subscription, topics: Iterable[str], recent: _Recent) -> News:
        generations = {topic: self._generations.get(topic, self._floor) for topic in topics}
        events: tuple[Event, ...] = ()
        isReset = subscription.wantsEvents and subscription.last < self._lost
        if subscription.wantsEvents and not isReset:
            events = recent.of(subscription.topics, subscription.last)
        return News(generations, events, f"{self.epoch}-{self._number}", isReset)

# -*- test-case-name: tests.stories.test_webapi -*-
"""C{/api/v1/events}: what happens in the master, as server-sent events."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from twisted.internet.interfaces import IReactorTime

from buildbot.status.topics import ALL, LISTS, Event, News, Subscription, Topics, logOf, topicOf
from buildbot.text.urls import struckJSON
from buildbot.web.api.answers import ROOT
from buildbot.web.api.growth import Growth
from buildbot.web.beats import Beats
from buildbot.web.call import Call, Out, Problem, Stream
from buildbot.web.live import EVENTS, closedEvent, event
from buildbot.web.routes import Parameter, Route

#: The most streams, and the most topics of one.
MOST = 1000
MOST_TOPICS = 100


class EventStream:
    """I send the events of some topics to one client."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._subscription: Subscription | None = None
        self._growing: dict[str, Growth] = {}  # by topic

    def begin(self, call: Call, topics: tuple[str, ...], since: str | None) -> None:
        """Send events from now on, or those after the one with the ID C{since}, too."""
        hub = call.world.topics
        start = "" if since else f"id: {hub.lastId()}\n"
        self._out.write(f"retry: 3000\n{start}\n".encode("ascii"))
        self._subscription = hub.subscribe(topics, self._tell, events=True, since=since)
        self._out.whenReady(self._resume)
        for topic in topics:
            if topic.startswith("log/"):
                self._growing[topic] = Growth(call.world, topic, partial(self._grew, hub))
                self._growing[topic].begin()

    def _grew(self, hub: Topics, topic: str, data: dict[str, Any]) -> bool:
        """Send the length of a log. False if the client cannot take data now."""
        if self._out.isFull():
            return False
        value = {"event": "logGrew", "topics": [topic], "when": hub.now(), "data": data}
        self._out.write(event("logGrew", struckJSON(value, separators=(",", ":")), ""))
        return True

    def _followLogs(self, happened: Event) -> None:
        """Watch a new log; forget a finished one."""
        for topic in happened["topics"]:
            growth = self._growing.get(topic)
            if growth is not None and happened["event"] == "logStarted":
                growth.begin()
            elif growth is not None and happened["event"] == "logFinished":
                growth.leave()

    def _tell(self, news: News) -> None:
        if news.isReset:
            self._out.write(event("reset", json.dumps({"lastId": news.lastId}), news.lastId))
        for each in news.events:
            if self._growing:
                self._followLogs(each)
            value = {key: each[key] for key in ("event", "topics", "when", "data")}
            text = struckJSON(value, separators=(",", ":"))
            self._out.write(event(str(each["event"]), text, str(each["id"])))
        if self._out.isFull() and self._subscription is not None:
            self._subscription.pause()

    def _resume(self) -> None:
        if self._subscription is not None and self._subscription.isPaused:
            self._subscription.resume()

    def beat(self) -> None:
        """Send a sign of life."""
        if not self._out.isFull():
            self._out.write(b": alive\n\n")

    def leave(self) -> None:
        """The client has gone."""
        for each in self._growing.values():
            each.leave()
        if self._subscription is not None:
            self._subscription.stop()

    def stop(self) -> None:
        """End the stream."""
        self._out.finish()


class EventStreams:
    """I have all open streams of events."""

    def __init__(self, clock: IReactorTime) -> None:
        self._open: Beats[EventStream] = Beats(clock)

    @property
    def open(self) -> int:
        """The number of streams."""
        return len(self._open)

    @property
    def isFull(self) -> bool:
        """True if there are as many streams as may be."""
        return len(self._open) >= MOST

    def begin(self, out: Out, call: Call, topics: tuple[str, ...], since: str | None) -> None:
        """Send events to a client until it goes."""
        stream = EventStream(out)
        self._open.add(stream)
        out.whenGone(lambda: self._leave(stream))
        stream.begin(call, topics, since)
        if self._open.isStopped:
            stream.stop()

    def _leave(self, stream: EventStream) -> None:
        self._open.remove(stream)
        stream.leave()

    def stop(self) -> None:
        """End all streams."""
        self._open.stop()


async def events(call: Call) -> Stream:
    """The events of some topics."""
    streams = call.world.part(EventStreams)
    if streams.isFull:
        raise Problem(503, "Too many open streams", headers=(("Retry-After", "60"),))
    said = [each for text in call.query["topics"] for each in text.split(",") if each] or [ALL]
    if len(said) > MOST_TOPICS:
        raise Problem(400, "A parameter is wrong", f"There are {len(said)} topics; at most {MOST_TOPICS}.")
    topics = {each: topicOf(each) for each in said}
    wrong = next((each for each, topic in topics.items() if topic is None), None)
    if wrong is not None:
        hint = f"Topics are {', '.join(LISTS)}, builder/NAME, build/NAME/NUMBER, slave/NAME and"
        hint += " log/BUILDER/NUMBER/STEP/LOG."
        raise Problem(400, "A parameter is wrong", f"There is no topic {wrong[:100]}.", hint)
    logs = [topic for topic in topics.values() if topic is not None and topic.startswith("log/")]
    needs = tuple(("viewLogs", builder) for builder in dict.fromkeys(logOf(topic)[0] for topic in logs))
    for need in needs:
        if not await call.may(*need):
            raise Problem(403, "You may not do this", "You have no right to the action viewLogs.")
    since = call.headers.get("last-event-id") or call.query["since"]
    wanted = tuple(topic for topic in topics.values() if topic is not None)
    return Stream(lambda out: streams.begin(out, call, wanted, since), EVENTS, last=closedEvent, needs=needs)


ROUTES = (
    Route(
        f"{ROOT}/events",
        events,
        "What happens, as server-sent events. The event reset says that some are lost.",
        (
            Parameter("topics", "Only events of these topics, separated by commas.", repeated=True),
            Parameter("since", "The ID of the last known event, as in the header Last-Event-ID."),
        ),
        kind="json",
        strict=True,
    ),
)

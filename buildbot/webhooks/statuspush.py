# -*- test-case-name: tests.stories.test_statuspush -*-
"""HttpStatusPush of C{c['status']}: posts all events of a master to a web server, as in 0.8.

Events are collected for a second, so that a busy master makes few requests. While the server is down, they
are collected for longer, so that the queue has room for hours.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import COUNT, FLAG, SECONDS, isText, orNone, sequenceOf
from buildbot.events.alarm import Alarm
from buildbot.status.asking import ask, otherwise, text, texts
from buildbot.status.build import BuildStatus
from buildbot.webhooks import packets
from buildbot.webhooks.base import PostingReceiver
from buildbot.webhooks.http import Address
from buildbot.webhooks.packets import Json
from buildbot.webhooks.urlkind import URL

#: The seconds for which events are collected while the server is down.
DOWN_DELAY = 30.0

_PARAMETERS = Kind(
    "a dict of texts",
    lambda value: isinstance(value, Mapping) and all(isText(each) for pair in value.items() for each in pair),
    isSecret=True,
)
_EVENTS = Kind("a list of events", sequenceOf(isText))


class HttpStatusPush(PostingReceiver):
    """I post all events in the shapes of 0.8."""

    compare_attrs: Sequence[str] = (
        *("address", "debug", "chunkSize", "maxHttpRequestSize", "filter", "bufferDelay", "blackList"),
    )

    @arguments(
        serverUrl=URL,
        debug=orNone(FLAG),
        maxMemoryItems=orNone(COUNT),
        maxDiskItems=orNone(COUNT),
        chunkSize=COUNT,
        maxHttpRequestSize=COUNT,
        extra_post_params=orNone(_PARAMETERS),
        filter=FLAG,
        bufferDelay=SECONDS,
        retryDelay=SECONDS,
        blackList=orNone(_EVENTS),
    )
    def __init__(
        self,
        serverUrl: str,
        debug: bool | None = None,
        maxMemoryItems: int | None = None,
        maxDiskItems: int | None = None,
        chunkSize: int = 200,
        maxHttpRequestSize: int = 1 << 20,
        extra_post_params: Mapping[str, str] | None = None,
        filter: bool = True,
        bufferDelay: float = 1,
        retryDelay: float = 5,
        blackList: Sequence[str] | None = None,
    ) -> None:
        """@param serverUrl: where the events are posted; it may have a user and a password.
        @param debug: the JSON is indented.
        @param maxMemoryItems, maxDiskItems, retryDelay: of 0.8; they have no effect.
        @param chunkSize: the most events of one request.
        @param maxHttpRequestSize: the most bytes of one request. One event alone may be longer.
        @param extra_post_params: further fields of the form.
        @param filter: leave out the keys whose values are empty, false or 0.
        @param bufferDelay: the seconds for which events are collected.
        @param blackList: events that are not posted.
        """
        form = tuple((extra_post_params or {}).items())
        PostingReceiver.__init__(self, Address(serverUrl, form=form, kind="status push"))
        remember(self)
        self.debug, self.filter = bool(debug), bool(filter)
        self.chunkSize, self.maxHttpRequestSize = chunkSize, maxHttpRequestSize
        self.bufferDelay = bufferDelay
        self.blackList = tuple(blackList or ())
        given = {
            "maxMemoryItems": maxMemoryItems is not None,
            "maxDiskItems": maxDiskItems is not None,
            "retryDelay": retryDelay != 5,
        }
        self.configurationDoubts = [
            f"HttpStatusPush: {name} has no effect; the queue is always on disk, for a day"
            for name, isGiven in given.items()
            if isGiven
        ]
        self._events: list[Json] = []
        self._ended: list[BuildStatus] = []  # those whose ends are in the events
        self._alarm = Alarm(self._flush)
        self._count = 0
        self._isStopping = False

    # start and stop

    def startService(self) -> None:
        """Listen to the master."""
        self._started = float(self.master.botmaster.resources.now())
        self._isStopping = False
        super().startService()
        self._push("start")  # the title is not known before the configuration is in force

    def stopService(self) -> Any:
        """Stop listening. The events that are collected are kept first."""
        self._isStopping = True
        self._push("shutdown", status=self._project())
        self._flush()
        return super().stopService()

    def _project(self) -> Json:
        status = self.status
        urls = {"titleURL": status.getTitleURL(), "buildbotURL": status.getBuildbotURL()}
        return {"title": status.getTitle(), **urls}

    # events

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """Tell of a builder, and follow it."""
        schedulers = [
            otherwise(ask(each, "name", text), "")
            for each in self.status.getSchedulers()
            if builderName in otherwise(ask(each, "listBuilderNames", texts), [])
        ]
        said = packets.builder(builder, os.path.relpath(builder.basedir, self.master.basedir), schedulers)
        self._push("builderAdded", builderName=builderName, builder=said)
        return self

    def builderRemoved(self, builderName: str) -> None:
        """Tell that a builder is gone."""
        self._push("builderRemoved", builderName=builderName)

    def builderChangedState(self, builderName: str, state: str) -> None:
        """Tell the state of a builder."""
        self._push("builderChangedState", builderName=builderName, state=state)

    def slaveConnected(self, slaveName: str) -> None:
        """Tell that a slave is there."""
        self._push("slaveConnected", slave=packets.slave(self.status.getSlave(slaveName)))

    def slaveDisconnected(self, slaveName: str) -> None:
        """Tell that a slave is lost."""
        self._push("slaveDisconnected", slavename=slaveName)

    def changeAdded(self, change: Any) -> None:
        """Tell a change."""
        self._push("changeAdded", change=packets.change(change))

    def requestSubmitted(self, request: Any) -> None:
        """Tell that a builder has one more request."""
        self._push("requestSubmitted", request=self._request(request))

    def requestCancelled(self, builder: Any, request: Any) -> None:
        """Tell that a request is cancelled."""
        self._push("requestCancelled", builder=builder.getName(), request=self._request(request))

    def _request(self, request: Any) -> Json:
        return {"builderName": request.getBuilderName()}

    def buildsetSubmitted(self, buildset: Any) -> None:
        """Tell a set of requests."""
        results = -1 if buildset.getResults() is None else buildset.getResults()
        said = {"bsid": buildset.getID(), "reason": buildset.getReason(), "results": results}
        self._push("buildsetSubmitted", buildset=said)

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Tell the start of a build, and follow its steps."""
        self._push("buildStarted", build=packets.build(build, self.status.getURLForThing))
        return self

    async def tell(self, build: BuildStatus, results: int) -> None:
        """Tell the end of a build that an earlier process has not told."""
        self._push("buildFinished", build=packets.build(build, self.status.getURLForThing))
        self._alarm.stop()
        events, self._events = self._events, []
        await self._queue([self._whole(each) for each in events], self._taken())

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """Tell the end of a build."""
        self._ended.append(build)
        self._push("buildFinished", build=packets.build(build, self.status.getURLForThing))

    def stepStarted(self, build: Any, step: Any) -> Any:
        """Tell the start of a step."""
        self._pushStep("stepStarted", build, step)

    def stepFinished(self, build: Any, step: Any, results: Any) -> None:
        """Tell the end of a step."""
        self._pushStep("stepFinished", build, step)

    def _pushStep(self, event: str, build: Any, step: Any) -> None:
        if event not in self.blackList:
            said = packets.step(step, build.getSteps().index(step), self.status.getURLForThing)
            self._push(event, properties=packets.properties(build), step=said)

    # requests

    def _push(self, event: str, **payload: Any) -> None:
        if event in self.blackList:
            return
        self._count += 1
        self._events.append(
            {
                "id": self._count,
                "event": event,
                "payload": packets.withoutSecrets(payload, self.master.config.secrets),
                "timestamp": packets.timeText(self.master.botmaster.resources.now()),
                "started": packets.timeText(self._started),
            }
        )
        if len(self._events) >= self.chunkSize or self._isStopping:
            self._flush()
        elif not self._alarm.isSet:
            delay = max(DOWN_DELAY, self.bufferDelay) if self.sender.health.failures else self.bufferDelay
            self._alarm.set(self.master.botmaster.resources.clock, delay)

    def _flush(self) -> None:
        self._alarm.stop()
        events, self._events = self._events, []
        if events:
            self.work.do(self._queue([self._whole(each) for each in events], self._taken()))

    def _taken(self) -> list[BuildStatus]:
        ended, self._ended = self._ended, []
        return ended

    def _whole(self, event: Json) -> Json:
        """An event with what the configuration says. At the time of the first events it is not in force."""
        payload = event["payload"] if event["event"] != "start" else {"status": self._project()}
        safe = packets.withoutSecrets(payload, self.master.config.secrets)
        payload = packets.withoutEmpty(safe) if self.filter else safe
        return {**event, "payload": payload, "project": self.status.getTitle()}

    async def _queue(self, events: Sequence[Json], ended: Sequence[BuildStatus]) -> None:
        """Queue events, in which these builds have ended."""
        for body, at in packets.bodies(events, self.chunkSize, self.maxHttpRequestSize, self.debug):
            first = events[at]
            id = f"push.{self._started:.6f}.{first['id']}"
            subject = f"events from {first['id']}, {first['event']}"
            self.queue(id, {"id": id, "body": body}, subject, "push")
        self.note(ended)

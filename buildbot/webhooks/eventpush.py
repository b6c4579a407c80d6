# -*- test-case-name: tests.stories.test_eventpush -*-
"""StatusPush of C{c['status']}: hands all events of a master to a function, as in 0.8.

Events are collected for a second, so that a busy master makes few calls. While the function fails, they are
collected for longer, so that the queue has room for hours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed

from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import FLAG, SECONDS, TEXT, isText, orNone, sequenceOf
from buildbot.events.alarm import Alarm
from buildbot.outgoing.target import Target
from buildbot.reporters.receiver import QueueingReceiver
from buildbot.status.asking import ask, otherwise, text, texts
from buildbot.status.build import BuildStatus
from buildbot.webhooks import packets
from buildbot.webhooks.packets import Json
from buildbot.webhooks.pushcall import PushCall, Waiting

#: The seconds for which events are collected while the server is down.
DOWN_DELAY = 30.0
#: The most events, and the most bytes, of one call of a function.
_CHUNK, _CHUNK_SIZE = 100, 1 << 20

EVENTS = Kind("a list of events", sequenceOf(isText))


class StatusPush(QueueingReceiver):
    """I collect all events in the shapes of 0.8, and hand them to a function.

    A subclass may override L{push}, L{initialPush} and L{finalPush}.

    @ivar queue: the events that the function is to take; see L{Waiting}.
    @ivar chunkSize: the most events of one message; C{maxHttpRequestSize}: the most bytes.
    """

    compare_attrs: Sequence[str] = ("serverPushCb", "filter", "bufferDelay", "blackList")
    tellsApart = ("blackList",)
    chunkSize = _CHUNK
    maxHttpRequestSize = _CHUNK_SIZE
    debug = False

    @arguments(
        serverPushCb=Kind("a function", callable, standIn=bool),
        path=orNone(TEXT),
        filter=FLAG,
        bufferDelay=SECONDS,
        retryDelay=SECONDS,
        blackList=orNone(EVENTS),
    )
    def __init__(
        self,
        serverPushCb: Callable[[Any], Any],
        queue: Any = None,
        path: str | None = None,
        filter: bool = True,
        bufferDelay: float = 1,
        retryDelay: float = 5,
        blackList: Sequence[str] | None = None,
    ) -> None:
        """@param serverPushCb: a function of me that takes the events of L{queue}. It returns a Deferred, or
            calls L{queueNextServerPush} when it is done. What it leaves in the queue is tried again.
        @param filter: leave out the keys whose values are empty, false or 0.
        @param bufferDelay: the seconds for which events are collected.
        @param blackList: events that are left out.
        @param queue, path, retryDelay: of 0.8; they have no effect.
        """
        QueueingReceiver.__init__(self)
        remember(self)
        self.serverPushCb = serverPushCb
        self.filter, self.bufferDelay = bool(filter), bufferDelay
        self.blackList = tuple(blackList or ())
        self.doubt(queue=queue is not None, path=path is not None, retryDelay=retryDelay != 5)
        self.queue = Waiting()
        self._call: PushCall | None = None
        self._events: list[Json] = []
        self._ended: list[BuildStatus] = []  # those whose ends are in the events
        self._alarm = Alarm(self._flush)
        self._count = 0
        self._isStopping = False

    def doubt(self, **given: bool) -> None:
        """Warn of arguments that have no effect here: name -> True if it was given."""
        self.configurationDoubts = [
            f"{type(self).__name__}: {name} has no effect; the queue is always on disk, for a day"
            for name, isGiven in given.items()
            if isGiven
        ]

    @property
    def queueName(self) -> str:
        """See L{QueueingReceiver}."""
        function = self.serverPushCb
        named = getattr(function, "__qualname__", type(function).__name__)
        return f"events to {type(self).__name__} with {named}"

    def newTarget(self) -> Target:
        """See L{QueueingReceiver}."""
        self._call = PushCall(self, self.master.botmaster.resources.clock)
        return self._call

    # start and stop

    def startService(self) -> None:
        """Listen to the master."""
        self._started = float(self.master.botmaster.resources.now())
        self._isStopping = False
        super().startService()
        self.initialPush()

    def stopService(self) -> Any:
        """Stop listening. The events that are collected are kept first."""
        self._isStopping = True
        self.finalPush()
        self._flush()
        return super().stopService()

    # names of 0.8

    def initialPush(self) -> None:
        """Tell the start of the master."""
        self.push("start", status=self.status)

    def finalPush(self) -> None:
        """Tell the stop of the master."""
        self.push("shutdown", status=self.status)

    def wasLastPushSuccessful(self) -> bool:
        """True unless the last attempt failed."""
        return not self.sender.health.failures

    def queueNextServerPush(self) -> None:
        """The function has taken the events of L{queue}, or has put them back."""
        if self._call is not None:
            self._call.taken()

    # events

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """Tell of a builder, and follow it."""
        self.push("builderAdded", builderName=builderName, builder=builder)
        return self

    def builderRemoved(self, builderName: str) -> None:
        """Tell that a builder is gone."""
        self.push("builderRemoved", builderName=builderName)

    def builderChangedState(self, builderName: str, state: str) -> None:
        """Tell the state of a builder."""
        self.push("builderChangedState", builderName=builderName, state=state)

    def slaveConnected(self, slaveName: str) -> None:
        """Tell that a slave is there."""
        self.push("slaveConnected", slave=self.status.getSlave(slaveName))

    def slaveDisconnected(self, slaveName: str) -> None:
        """Tell that a slave is lost."""
        self.push("slaveDisconnected", slavename=slaveName)

    def changeAdded(self, change: Any) -> None:
        """Tell a change."""
        self.push("changeAdded", change=change)

    def requestSubmitted(self, request: Any) -> None:
        """Tell that a builder has one more request."""
        self.push("requestSubmitted", request=request)

    def requestCancelled(self, builder: Any, request: Any) -> None:
        """Tell that a request is cancelled."""
        self.push("requestCancelled", builder=builder.getName(), request=request)

    def buildsetSubmitted(self, buildset: Any) -> None:
        """Tell a set of requests."""
        self.push("buildsetSubmitted", buildset=buildset)

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Tell the start of a build, and follow its steps."""
        self.push("buildStarted", build=build)
        return self

    async def tell(self, build: BuildStatus, results: int) -> None:
        """Tell the end of a build that an earlier process has not told."""
        self.push("buildFinished", build=build)
        self._alarm.stop()
        events, self._events = self._events, []
        await self._queue([self._whole(each) for each in events], self._taken())

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """Tell the end of a build."""
        self._ended.append(build)
        self.push("buildFinished", build=build)

    def stepStarted(self, build: Any, step: Any) -> Any:
        """Tell the start of a step."""
        self._pushStep("stepStarted", build, step)

    def stepFinished(self, build: Any, step: Any, results: Any) -> None:
        """Tell the end of a step."""
        self._pushStep("stepFinished", build, step)

    def _pushStep(self, event: str, build: Any, step: Any) -> None:
        if event not in self.blackList:
            self.push(event, properties=packets.properties(build), step=step)

    # shapes

    def _said(self, name: str, thing: Any) -> Any:
        """A thing of an event, for JSON. What is no thing of the master stays."""
        if thing is None or isinstance(thing, (str, int, float, Mapping, list, tuple)):
            return thing
        shapes: dict[str, Callable[[Any], Any]] = {
            "status": lambda status: self._project(),
            "builder": self._builder,
            "slave": packets.slave,
            "change": packets.change,
            "request": lambda request: {"builderName": request.getBuilderName()},
            "buildset": self._buildset,
            "build": lambda build: packets.build(build, self.status.getURLForThing),
            "step": self._step,
        }
        return shapes[name](thing) if name in shapes else thing

    def _project(self) -> Json:
        status = self.status
        urls = {"titleURL": status.getTitleURL(), "buildbotURL": status.getBuildbotURL()}
        return {"title": status.getTitle(), **urls}

    def _builder(self, builder: Any) -> Json:
        schedulers = [
            otherwise(ask(each, "name", text), "")
            for each in self.status.getSchedulers()
            if builder.getName() in otherwise(ask(each, "listBuilderNames", texts), [])
        ]
        return packets.builder(builder, os.path.relpath(builder.basedir, self.master.basedir), schedulers)

    def _buildset(self, buildset: Any) -> Json:
        results = -1 if buildset.getResults() is None else buildset.getResults()
        return {"bsid": buildset.getID(), "reason": buildset.getReason(), "results": results}

    def _step(self, step: Any) -> Json:
        number = step.getBuild().getSteps().index(step)
        return packets.step(step, number, self.status.getURLForThing)

    # messages

    def push(self, event: str, **objs: Any) -> Deferred[None]:
        """Tell an event; a subclass may leave some out, or add things.

        @param objs: the things of the event, such as C{build}: statuses, or values for JSON.
        @return: has fired.
        """
        if event in self.blackList:
            return succeed(None)
        self._count += 1
        said = {name: self._said(name, thing) for name, thing in objs.items()}
        self._events.append(
            {
                "id": self._count,
                "event": event,
                "payload": packets.withoutSecrets(said, self.master.config.secrets),
                "timestamp": packets.timeText(self.master.botmaster.resources.now()),
                "started": packets.timeText(self._started),
            }
        )
        if len(self._events) >= self.chunkSize or self._isStopping:
            self._flush()
        elif not self._alarm.isSet:
            delay = max(DOWN_DELAY, self.bufferDelay) if self.sender.health.failures else self.bufferDelay
            self._alarm.set(self.master.botmaster.resources.clock, delay)
        return succeed(None)

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
            self.enqueue(id, {"id": id, "body": body}, subject, "push")
        self.note(ended)

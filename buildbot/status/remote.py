# -*- test-case-name: tests.stories.test_try -*-
"""Status for clients over PB: the objects of build sets, requests, builds and steps that a client may call.

All of them belong to one L{Visit}. At its end, nothing of the client is left in the master.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.spread.banana import BananaError
from twisted.spread.jelly import InsecureJelly

from buildbot.wire.callee import Callee, WrongArguments
from buildbot.wire.dialect import Dialect

#: The most subscriptions and waits of one client at a time.
MOST_OPEN = 10_000
#: The least seconds between two estimates for one client.
LEAST_INTERVAL = 1.0

_Kind = TypeVar("_Kind", bound="_Remote")


class Visit:
    """I am the visit of one client: from its login to the end of its connection.

    @ivar dialect: the kind of text that the client understands.
    """

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._isOver = False
        self._numbers = itertools.count()
        self._made: dict[int, _Remote] = {}
        self._waits: dict[int, tuple[Deferred[Any], Any]] = {}
        self._subscriptions: dict[Any, Callable[[], object]] = {}

    def end(self) -> None:
        """The connection has ended: stop all subscriptions, and forget everything."""
        self._isOver = True
        subscriptions, self._subscriptions = self._subscriptions, {}
        for unsubscribe in subscriptions.values():
            unsubscribe()
        self._made, self._waits = {}, {}

    def said(self, value: Any) -> Any:
        """A value as the client understands it."""
        return self.dialect.toPeer(value)

    def remote(self, kind: type[_Kind], status: Any) -> _Kind:
        """The client's object for a status. It is the same one for all calls."""
        known = self._made.get(id(status))
        if not isinstance(known, kind):
            known = self._made[id(status)] = kind(self, status)
        return known

    def when(self, event: Deferred[Any], answer: object) -> Deferred[Any]:
        """Fires with C{answer} at an event. A wait that outlives the client is forgotten."""
        self._limit()
        number = next(self._numbers)
        done: Deferred[Any] = Deferred()
        self._waits[number] = (done, answer)
        event.addCallback(lambda _: self._fire(number))
        return done

    def _fire(self, number: int) -> None:
        if number in self._waits:
            done, answer = self._waits.pop(number)
            done.callback(answer)

    def subscribe(self, key: Any, subscribe: Callable[[], object], unsubscribe: Callable[[], object]) -> None:
        """Subscribe the client to something, until L{unsubscribe} or the end."""
        if self._isOver:
            return
        self._limit()
        self.unsubscribe(key)
        self._subscriptions[key] = unsubscribe
        subscribe()

    def unsubscribe(self, key: Any) -> None:
        """End a subscription, if there is one."""
        unsubscribe = self._subscriptions.pop(key, None)
        if unsubscribe is not None:
            unsubscribe()

    def tell(self, observer: pb.RemoteReference, message: str, *news: Any) -> None:
        """Call a method of the client, without an answer."""
        if self._isOver:
            return
        try:
            observer.callRemote(message, *map(self.said, news), pbanswer=False)
        except (pb.DeadReferenceError, InsecureJelly, BananaError):
            pass  # it has gone, or the text cannot be sent

    def _limit(self) -> None:
        if len(self._waits) + len(self._subscriptions) >= MOST_OPEN:
            raise WrongArguments(f"more than {MOST_OPEN} subscriptions of one client")


class _Remote(Callee):
    """I am a client's object for one status."""

    def __init__(self, visit: Visit, status: Any) -> None:
        self._visit = visit
        self._status = status

    def _text(self, value: Any) -> Any:
        return self._visit.said(value)

    def _build(self, status: Any) -> RemoteBuild | None:
        return None if status is None else self._visit.remote(RemoteBuild, status)

    def _step(self, status: Any) -> RemoteBuildStep | None:
        return None if status is None else self._visit.remote(RemoteBuildStep, status)


def _observer(value: object) -> pb.RemoteReference:
    if not isinstance(value, pb.RemoteReference):
        raise WrongArguments("an observer that is not a reference")
    return value


class RemoteBuildSet(_Remote):
    """A build set."""

    def remote_getReason(self) -> Any:
        """The reason."""
        return self._text(self._status.getReason())

    def remote_getID(self) -> Any:
        """The id that the submitter chose; or None."""
        return self._text(self._status.getID())

    def remote_getBuilderNames(self) -> Any:
        """The names of the builders."""
        return self._text(self._status.getBuilderNames())

    def remote_getBuildRequests(self) -> list[tuple[Any, RemoteBuildRequest]]:
        """Pairs (name of the builder, L{RemoteBuildRequest})."""
        return [
            (self._text(each.getBuilderName()), self._visit.remote(RemoteBuildRequest, each))
            for each in self._status.getBuildRequests()
        ]

    def remote_isFinished(self) -> bool:
        """True if all requests are done."""
        return bool(self._status.isFinished())

    def remote_waitUntilSuccess(self) -> Deferred[Any]:
        """Fires with me at the first failed build, or after all."""
        return self._visit.when(self._status.waitUntilSuccess(), self)

    def remote_waitUntilFinished(self) -> Deferred[Any]:
        """Fires with me when all requests are done."""
        return self._visit.when(self._status.waitUntilFinished(), self)

    def remote_getResults(self) -> int | None:
        """The result; or None before it is known."""
        result: int | None = self._status.getResults()
        return result


class RemoteBuildRequest(_Remote):
    """The request of a set for one builder."""

    def remote_getBuilderName(self) -> Any:
        """The name of the builder."""
        return self._text(self._status.getBuilderName())

    def remote_subscribe(self, observer: object) -> None:
        """Call the observer's C{newbuild} with each build for the request, earlier ones included."""
        client = _observer(observer)
        name = self._status.getBuilderName()

        def started(build: Any) -> None:
            self._visit.tell(client, "newbuild", self._build(build), name)

        self._visit.subscribe(
            (id(self._status), client.luid),
            lambda: self._status.subscribe(started),
            lambda: self._status.unsubscribe(started),
        )

    def remote_unsubscribe(self, observer: object) -> None:
        """Stop these calls."""
        self._visit.unsubscribe((id(self._status), _observer(observer).luid))


class _RemoteTimed(_Remote):
    """A build or a step, while it runs and afterwards."""

    def remote_getTimes(self) -> Any:
        """The pair (start, end); None for a time to come."""
        return self._status.getTimes()

    def remote_isFinished(self) -> bool:
        """True after its end."""
        return bool(self._status.isFinished())

    def remote_waitUntilFinished(self) -> Deferred[Any]:
        """Fires with me at the end."""
        return self._visit.when(self._status.waitUntilFinished(), self)

    def remote_getETA(self) -> float | None:
        """The estimated seconds to the end; or None."""
        eta: float | None = self._status.getETA()
        return eta

    def remote_getText(self) -> Any:
        """Words about the result."""
        return self._text(self._status.getText())

    def remote_getColor(self) -> Any:
        """The colour of 0.7.5 for the result."""
        return self._text(self._status.getColor())


class RemoteBuild(_RemoteTimed):
    """A build, while it runs and afterwards."""

    def remote_getBuilderName(self) -> Any:
        """The name of the builder."""
        return self._text(self._status.getBuilder().getName())

    def remote_getNumber(self) -> int:
        """The number."""
        number: int = self._status.getNumber()
        return number

    def remote_getReason(self) -> Any:
        """The reason."""
        return self._text(self._status.getReason())

    def remote_getResponsibleUsers(self) -> Any:
        """The authors of its changes."""
        return self._text(list(self._status.getResponsibleUsers()))

    def remote_getSteps(self) -> list[RemoteBuildStep | None]:
        """Its steps."""
        return [self._step(each) for each in self._status.getSteps()]

    def remote_getCurrentStep(self) -> RemoteBuildStep | None:
        """The running step; or None."""
        return self._step(self._status.getCurrentStep())

    def remote_getResults(self) -> int | None:
        """The result; None while it runs."""
        result: int | None = self._status.getResults()
        return result

    def remote_subscribe(self, observer: object, updateInterval: object = None) -> None:
        """Call the observer's C{stepStarted} and C{stepFinished}, and C{buildETAUpdate} at an interval."""
        client = _observer(observer)
        seconds = None
        if isinstance(updateInterval, (int, float)):
            seconds = max(float(updateInterval), LEAST_INTERVAL)
        told = _BuildObserver(self._visit, client)
        self._visit.subscribe(
            (id(self._status), client.luid),
            lambda: self._status.subscribe(told, seconds),
            lambda: self._status.unsubscribe(told),
        )

    def remote_unsubscribe(self, observer: object) -> None:
        """Stop these calls."""
        self._visit.unsubscribe((id(self._status), _observer(observer).luid))


class RemoteBuildStep(_RemoteTimed):
    """A step of a build."""

    def remote_getName(self) -> Any:
        """The name."""
        return self._text(self._status.getName())

    def remote_getBuild(self) -> RemoteBuild | None:
        """The build."""
        return self._build(self._status.getBuild())

    def remote_getExpectations(self) -> Any:
        """The progress: (metric, present value, usual final value)."""
        return self._text(self._status.getExpectations())

    def remote_getResults(self) -> Any:
        """The pair (result, words for the build's text)."""
        return self._text(self._status.getResults())


class _BuildObserver:
    """I am a status receiver, and report the events of a build to a client."""

    def __init__(self, visit: Visit, client: pb.RemoteReference) -> None:
        self._visit = visit
        self._client = client

    def stepStarted(self, build: Any, step: Any) -> None:
        """A step has started."""
        self._tell("stepStarted", build, step.getName(), self._visit.remote(RemoteBuildStep, step))

    def stepFinished(self, build: Any, step: Any, results: Any) -> None:
        """A step has ended."""
        told = self._visit.remote(RemoteBuildStep, step)
        self._tell("stepFinished", build, step.getName(), told, results)

    def buildETAUpdate(self, build: Any, eta: float | None) -> None:
        """The estimate has changed. Old clients do not accept None for an unknown one."""
        if eta is not None:
            self._tell("buildETAUpdate", build, eta)

    def _tell(self, message: str, build: Any, *news: Any) -> None:
        name = build.getBuilder().getName()
        self._visit.tell(self._client, message, name, self._visit.remote(RemoteBuild, build), *news)

# -*- test-case-name: tests.stories.test_try,tests.stories.test_statusport -*-
"""Status for clients over PB: the objects of build sets, builds, steps and logs that a client may call.

All of them belong to one L{Visit}. At its end, nothing of the client is left in the master.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.spread import pb

from buildbot.interfaces import LOG_CHANNEL_HEADER
from buildbot.status.visit import LEAST_INTERVAL, Visit, Visited
from buildbot.wire.callee import WrongArguments

#: The most bytes of a log in one answer: PB sends no longer text.
LONGEST_LOG = 600 * 1024


class Remote(Visited):
    """I know the client's objects for builds, steps and logs."""

    def _build(self, status: Any) -> RemoteBuild | None:
        return None if status is None else self._visit.remote(RemoteBuild, status)

    def _step(self, status: Any) -> RemoteBuildStep | None:
        return None if status is None else self._visit.remote(RemoteBuildStep, status)

    def _logs(self) -> list[RemoteLog]:
        return [self._visit.remote(RemoteLog, each) for each in self._status.getLogs()]


def _observer(value: object) -> pb.RemoteReference:
    if not isinstance(value, pb.RemoteReference):
        raise WrongArguments("an observer that is not a reference")
    return value


class RemoteBuildSet(Remote):
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


class RemoteBuildRequest(Remote):
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


class _RemoteTimed(Remote):
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

    def remote_getChanges(self) -> list[RemoteChange]:
        """Its changes."""
        return [self._visit.remote(RemoteChange, each) for each in self._status.getChanges()]

    def remote_getLogs(self) -> list[RemoteLog]:
        """The logs of its steps."""
        return self._logs()

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

    def remote_getLogs(self) -> list[RemoteLog]:
        """Its logs."""
        return self._logs()

    def remote_getExpectations(self) -> Any:
        """The progress: (metric, present value, usual final value)."""
        return self._text(self._status.getExpectations())

    def remote_getResults(self) -> Any:
        """The pair (result, words for the build's text)."""
        return self._text(self._status.getResults())


class RemoteLog(Remote):
    """A log of a step. Only one of at most LONGEST_LOG bytes can be read."""

    def remote_getName(self) -> Any:
        """The name."""
        return self._text(self._status.getName())

    def remote_isFinished(self) -> bool:
        """True if the log is complete."""
        return bool(self._status.isFinished())

    def remote_waitUntilFinished(self) -> Deferred[Any]:
        """Fires with me when the log is complete."""
        return self._visit.when(self._status.waitUntilFinished(), self)

    def remote_getText(self) -> Any:
        """The output, without the header."""
        return self._text("".join(each for channel, each in self._chunks() if channel != LOG_CHANNEL_HEADER))

    def remote_getTextWithHeaders(self) -> Any:
        """The output and the header."""
        return self._text("".join(each for _, each in self._chunks()))

    def remote_getChunks(self) -> Any:
        """Pairs (channel, text)."""
        return self._text(self._chunks())

    def _chunks(self) -> list[tuple[int, str]]:
        size, found = 0, []
        try:
            for channel, piece in self._status.getChunks():
                size += len(piece.encode("utf-8", "surrogateescape"))
                if size > LONGEST_LOG:
                    raise WrongArguments(
                        f"the log has more than {LONGEST_LOG} bytes: read it on the web pages"
                    )
                found.append((channel, piece))
        except OSError as error:
            raise WrongArguments(f"the log cannot be read: {error.strerror}") from None
        return found


class RemoteChange(Remote):
    """A change."""

    def remote_getWho(self) -> Any:
        """Its author."""
        return self._text(self._status.who)

    def remote_getFiles(self) -> Any:
        """The names of its files."""
        return self._text(list(self._status.files))

    def remote_getComments(self) -> Any:
        """What its author wrote."""
        return self._text(self._status.comments)


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

# -*- test-case-name: tests.unit.status.test_happenings -*-
"""Make events for topics from the calls of a status receiver.

L{buildbot.status.topics} delivers them. The data of an event is short: names, numbers, times and results. It
has no property, no output and no path, so that everybody who may look at pages may get it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from buildbot.model.results import Results
from buildbot.status.build import BuildStatus
from buildbot.status.builderstatus import BuilderStatus
from buildbot.status.request import BuildRequestStatus, BuildSetStatus
from buildbot.status.step import BuildStepStatus
from buildbot.status.topics import (
    BUILDERS,
    BUILDS,
    CHANGES,
    MASTER,
    QUEUE,
    SLAVES,
    Topics,
    builderTopic,
    buildTopic,
    logTopic,
    slaveTopic,
)
from buildbot.text.urls import withoutPasswords

#: The most characters of a text in an event.
LONGEST = 500


class Happenings:
    """I am a status receiver: I hear what happens in a master, and pass it to its topics."""

    def __init__(self, topics: Topics, known: Iterable[str]) -> None:
        """@param known: the names of the present builders; they are no news."""
        self._topics = topics
        self._known = set(known)
        self._states: dict[str, str] = {}

    # builders

    def builderAdded(self, builderName: str, builder: BuilderStatus) -> Happenings:
        """Follow a builder, and its running builds."""
        if builderName not in self._known:
            self._topics.happened(
                "builderAdded", (BUILDERS, builderTopic(builderName)), {"builder": builderName}
            )
        self._known.discard(builderName)
        self._states.pop(builderName, None)
        for build in builder.getCurrentBuilds():
            build.subscribe(self)
            for step in build.getSteps():
                if step.isStarted() and not step.isFinished():
                    step.subscribe(self, None)
        return self

    def builderRemoved(self, builderName: str) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}."""
        self._states.pop(builderName, None)
        topics = (BUILDERS, QUEUE, builderTopic(builderName))
        self._topics.happened("builderRemoved", topics, {"builder": builderName})

    def builderChangedState(self, builderName: str, state: str) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}. The first state is no news."""
        before, self._states[builderName] = self._states.get(builderName), state
        if before not in (None, state):
            self._topics.happened(
                "builderChangedState",
                (BUILDERS, builderTopic(builderName)),
                {"builder": builderName, "state": state},
            )

    # requests

    def requestSubmitted(self, request: BuildRequestStatus) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        self._moved("requestSubmitted", request)

    def requestCancelled(self, builder: object, request: BuildRequestStatus) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        self._moved("requestCancelled", request)

    def requestReturned(self, builder: object, request: BuildRequestStatus) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        self._moved("requestReturned", request)

    def _moved(self, event: str, request: BuildRequestStatus) -> None:
        name = request.getBuilderName()
        data = {"builder": name, "request": request.brid, "submitted": request.submitted}
        self._topics.happened(event, (QUEUE, BUILDERS, builderTopic(name)), data)

    def buildsetSubmitted(self, buildset: BuildSetStatus) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}."""
        self._topics.happened("buildsetSubmitted", (QUEUE,), _set(buildset))

    def buildsetComplete(self, buildset: BuildSetStatus) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        self._topics.happened(
            "buildsetComplete", (QUEUE,), {**_set(buildset), **_result(buildset.getResults())}
        )

    # builds

    def buildStarted(self, builderName: str, build: BuildStatus) -> Happenings:
        """Follow a build. Its requests no longer wait."""
        build.unsubscribe(self)  # the build may have started just before I knew its builder
        record = build.record
        data = {**_build(build), "requests": record.requests}
        topics = (QUEUE, BUILDERS, SLAVES, slaveTopic(build.slavename), *_topicsOf(build))
        self._topics.happened("buildStarted", topics, data)
        return self

    def buildFinished(self, builderName: str, build: BuildStatus, results: int) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}."""
        data = {
            **_build(build),
            "finished": build.finished,
            "text": _short(" ".join(build.getText())),
            **_result(results),
        }
        topics = (BUILDERS, SLAVES, slaveTopic(build.slavename), *_topicsOf(build))
        self._topics.happened("buildFinished", topics, data)

    def stepStarted(self, build: BuildStatus, step: BuildStepStatus) -> tuple[Happenings, None]:
        """Follow a step, without estimates of its end."""
        self._topics.happened("stepStarted", _topicsOf(build), _step(build, step))
        return self, None

    def stepFinished(
        self, build: BuildStatus, step: BuildStepStatus, results: tuple[int | None, list[str]]
    ) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}."""
        data = {
            **_step(build, step),
            "finished": step.finished,
            "text": _short(" ".join(step.getText())),
            **_result(results[0]),
        }
        self._topics.happened("stepFinished", _topicsOf(build), data)

    def stepTextChanged(self, build: BuildStatus, step: BuildStepStatus, text: list[str]) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}. The end of the step is an event of its own."""
        if not step.isFinished():
            self._topics.touch(buildTopic(build.record.builder, build.number))

    def logStarted(self, build: BuildStatus, step: BuildStepStatus, log: Any) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}. I do not follow the output."""
        self._log("logStarted", build, step, log)

    def logFinished(self, build: BuildStatus, step: BuildStepStatus, log: Any) -> None:
        """See L{buildbot.interfaces.IStatusReceiver}."""
        self._log("logFinished", build, step, log)

    def _log(self, event: str, build: BuildStatus, step: BuildStepStatus, log: Any) -> None:
        builder, number, name = build.record.builder, build.number, log.getName()
        topics = buildTopic(builder, number), logTopic(builder, number, step.name, name)
        data = {**_step(build, step), "log": name, "length": log.written()}
        self._topics.happened(event, topics, data)

    # the master

    def changeAdded(self, change: Any) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        data = {
            "number": change.number,
            "who": _short(change.who),
            "branch": change.branch,
            "revision": None if change.revision is None else _short(change.revision),
        }
        self._topics.happened("changeAdded", (CHANGES,), data)

    def slaveConnected(self, slaveName: str) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        self._slave("slaveConnected", slaveName)

    def slaveDisconnected(self, slaveName: str) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        self._slave("slaveDisconnected", slaveName)

    def slavePaused(self, slaveName: str) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        self._slave("slavePaused", slaveName)

    def slaveUnpaused(self, slaveName: str) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        self._slave("slaveUnpaused", slaveName)

    def slaveChanged(self, slaveName: str) -> None:
        """Touch the slave, without an event: strangers can cause any number of these."""
        self._topics.touch(SLAVES, slaveTopic(slaveName))

    def _slave(self, event: str, name: str) -> None:
        self._topics.happened(event, (SLAVES, QUEUE, slaveTopic(name)), {"slave": name})

    def reconfigured(self, outcome: Mapping[str, Any]) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}. The lines of the outcome are not in the event."""
        data = {
            "generation": outcome["generation"],
            "applied": outcome["applied"],
            "who": _short(outcome.get("who", "")),
            **{name: len(outcome[name]) for name in ("changes", "warnings", "errors")},
        }
        self._topics.happened("reconfigured", (MASTER,), data, everywhere=outcome["applied"])

    def troubleBegan(self, trouble: Mapping[str, Any]) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        data = {name: trouble[name] for name in ("subject", "what", "since")}
        self._topics.happened("troubleBegan", (MASTER, QUEUE), data)

    def troubleEnded(self, subject: str) -> None:
        """See L{buildbot.interfaces.IMasterReceiver}."""
        self._topics.happened("troubleEnded", (MASTER, QUEUE), {"subject": subject})


def _topicsOf(build: BuildStatus) -> tuple[str, str, str]:
    name = build.record.builder
    return BUILDS, builderTopic(name), buildTopic(name, build.number)


def _build(build: BuildStatus) -> dict[str, Any]:
    return {
        "builder": build.record.builder,
        "number": build.number,
        "slave": build.slavename,
        "started": build.started,
        "reason": _short(build.reason),
    }


def _step(build: BuildStatus, step: BuildStepStatus) -> dict[str, Any]:
    return {
        "builder": build.record.builder,
        "number": build.number,
        "step": step.name,
        "started": step.started,
    }


def _set(buildset: BuildSetStatus) -> dict[str, Any]:
    return {"builders": buildset.getBuilderNames()[:100], "reason": _short(buildset.getReason())}


def _result(results: int | None) -> dict[str, Any]:
    isKnown = results is not None and 0 <= results < len(Results)
    return {"results": results, "result": Results[results or 0] if isKnown else None}


def _short(text: object) -> str:
    said = str(text)
    # strike the password before the cut: a cut URL is not recognised as one
    return said if len(said) <= LONGEST else f"{withoutPasswords(said)[: LONGEST - 1]}…"

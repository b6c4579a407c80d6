# -*- test-case-name: tests.unit.test_interfaces -*-
"""The contracts between the parts of the master, and the exceptions that a caller may catch.

The names are those of 0.7.5, so that plug-ins written for it find them. This module has no behaviour: an
interface says what its provider promises. These promises hold for all of them:

- times are seconds since the epoch, as C{float}; durations are seconds
- a result is one of the small integers of L{buildbot.model.results}, unless a method says otherwise
- text is C{str}; a "list of words" is a list of C{str}, one for each line that a narrow display would use
- status events arrive in a later turn of the reactor than they happen, in order; log chunks, and the builds
  of a request, are reported at once
- after C{unsubscribe} no more calls arrive
- a method that begins with C{waitUntil} returns a new Deferred for each caller; it never fails
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zope.interface import Interface, interfacemethod

if TYPE_CHECKING:  # only the type checker needs it
    from twisted.internet.defer import Deferred

# The channels of a log. Log files and status clients use these numbers.
LOG_CHANNEL_STDOUT = 0
LOG_CHANNEL_STDERR = 1
LOG_CHANNEL_HEADER = 2


class LatentBuildSlaveFailedToSubstantiate(Exception):
    """A latent slave of 0.8 could not start its instance. The master tries again later."""


class NoSlaveError(Exception):
    """A build should start now, but no slave of its builder is connected."""


class BuilderInUseError(Exception):
    """A build should start now, but every connected slave of its builder is busy."""


class BuildSlaveTooOldError(Exception):
    """A step needs a command, or a version of a command, that the slave does not offer."""


class IChangeSource(Interface):
    """I watch one source of commits and pass a L{Change} for each to C{addChange} of my parent.

    I am also a service; my parent is the ChangeMaster.
    """

    def start() -> object:
        """Begin to watch. The parent calls this when it is running. May return a Deferred."""

    def stop() -> object:
        """Stop: deliver no more Changes. May return a Deferred that fires when the work has ended."""

    def describe() -> str:
        """Describe for people, in one line, the watched place."""


class IScheduler(Interface):
    """I decide when my builders build, and which source they build."""

    def addChange(change: object) -> None:
        """Receive a new L{Change}. Called for every Change, also unimportant ones. Must not raise."""

    def listBuilderNames() -> list[str]:
        """The names of all builders that I can start. The configuration check reads them."""

    def getPendingBuildTimes() -> list[float]:
        """The times of my next builds if no further Change comes. Empty if no build is planned."""


class IUpstreamScheduler(Interface):
    """I am a scheduler that other schedulers can follow: they act after my builds have succeeded."""

    def subscribeToSuccessfulBuilds(target: Callable[[Any], object]) -> None:
        """Call C{target(sourcestamp)} each time all builds of one of my build sets have succeeded."""

    def listBuilderNames() -> list[str]:
        """The names of all builders that I can start."""


class ISourceStamp(Interface):
    """I identify one state of the source: branch, revision or list of Changes, and optional patch."""


class IEmailSender(Interface):
    """I can send mail. This interface only marks a class; it has no methods."""


class IEmailLookup(Interface):
    """I look up the mail address of a version control user."""

    def getAddress(user: str) -> object:
        """The mail address of a user as C{str}, or None if it is unknown. May be a Deferred of either."""


class IStatus(Interface):
    """I am the root of the master's status: project, schedulers, builders, slaves and build sets."""

    def getProjectName() -> str | None:
        """C{c['projectName']}: the project's name for headings."""

    def getProjectURL() -> str | None:
        """C{c['projectURL']}: the project's own home page."""

    def getBuildbotURL() -> str | None:
        """C{c['buildbotURL']}: the public address of this master's pages. Ends with a slash."""

    def getURLForThing(thing: object) -> str | None:
        """The URL of the page about a builder, build, step, log or Change.

        None if C{buildbotURL} is not set or the object has no page.
        """

    def getSchedulers() -> Sequence[ISchedulerStatus]:
        """All schedulers, each an L{ISchedulerStatus} provider."""

    def getBuilderNames(categories: Iterable[str] | None = None) -> list[str]:
        """The builders' names, in the configuration's order. C{categories} limits the list if given."""

    def getBuilder(name: str) -> IBuilderStatus:
        """The L{IBuilderStatus} of one builder. Raises C{KeyError} for an unknown name."""

    def getSlave(name: str) -> ISlaveStatus:
        """The L{ISlaveStatus} of one slave. Raises C{KeyError} for an unknown name."""

    def getBuildSets() -> Sequence[IBuildSetStatus]:
        """The unfinished build sets, each an L{IBuildSetStatus}."""

    def subscribe(receiver: object) -> None:
        """Call C{builderAdded} of an L{IStatusReceiver} for every builder, then report new events to it."""

    def unsubscribe(receiver: object) -> None:
        """Stop all calls to this receiver, also about builders and builds. An unknown receiver is ignored."""


class IBuildSetStatus(Interface):
    """I describe one build set: a request to build one source on one or more builders."""

    def getSourceStamp() -> ISourceStamp:
        """The L{ISourceStamp} to build."""

    def getReason() -> str:
        """Why the builds were requested, as text for people."""

    def getID() -> str | None:
        """The id that the submitter chose, or None. A try client uses it to find its build set."""

    def getResponsibleUsers() -> Sequence[str]:
        """The authors of the Changes in the source, by user name."""

    def getInterestedUsers() -> Sequence[str]:
        """The users to notify; in this release, the responsible users."""

    def getBuilderNames() -> list[str]:
        """The names of the builders that get one build each."""

    def getBuildRequests() -> Sequence[IBuildRequestStatus]:
        """One L{IBuildRequestStatus} for each builder."""

    def isFinished() -> bool:
        """True when every build has finished."""

    def waitUntilSuccess() -> Deferred[object]:
        """Fires with me when the result is known: at the first failure or the last success."""

    def waitUntilFinished() -> Deferred[object]:
        """Fires with me when every build has finished, with any result."""

    def getResults() -> int | None:
        """SUCCESS or FAILURE for the whole set, or None if it is not known yet."""


class IBuildRequestStatus(Interface):
    """I describe a request for one build on one builder."""

    def getSourceStamp() -> ISourceStamp:
        """The L{ISourceStamp} to build."""

    def getBuilderName() -> str:
        """The name of the builder."""

    def getBuilds() -> Sequence[IBuildStatus]:
        """The builds for this request, oldest first, each an L{IBuildStatus}. A lost slave causes another."""

    def subscribe(observer: Callable[[Any], object]) -> None:
        """Call C{observer(buildStatus)} for each existing build, then for each new one when it starts."""

    def unsubscribe(observer: Callable[[Any], object]) -> None:
        """Stop calls to this observer."""


class ISlaveStatus(Interface):
    """I describe one slave of C{c['bots']}."""

    def getName() -> str:
        """The name that the slave uses to log in."""

    def getAdmin() -> str | None:
        """The slave's C{info/admin} text, or None if it has not been received."""

    def getHost() -> str | None:
        """The slave's C{info/host} text, or None if it has not been received."""

    def isConnected() -> bool:
        """True while the slave is attached: connected, and its login has been completed."""


class ISchedulerStatus(Interface):
    """I describe the pending builds of one scheduler."""

    def getName() -> str:
        """The name in the configuration."""

    def getPendingBuildsets() -> Sequence[IBuildSetStatus]:
        """The build sets to submit if no further Change comes, each an L{IBuildSetStatus}."""


class IBuilderStatus(Interface):
    """I describe the current and earlier builds of one builder."""

    def getName() -> str:
        """The name in the configuration."""

    def getState() -> tuple[str, Sequence[IBuildStatus]]:
        """A pair: C{'offline'}, C{'idle'} or C{'building'}, and the L{IBuildStatus} of each running build."""

    def getSlaves() -> Sequence[ISlaveStatus]:
        """The builder's slaves, connected or not, each an L{ISlaveStatus}."""

    def getPendingBuilds() -> Sequence[IBuildRequestStatus]:
        """The requests in the builder's queue, each an L{IBuildRequestStatus}."""

    def getCurrentBuilds() -> Sequence[IBuildStatus]:
        """The running builds, each an L{IBuildStatus}."""

    def getLastFinishedBuild() -> IBuildStatus | None:
        """The L{IBuildStatus} of the build that finished last, or None."""

    def getBuild(number: int) -> IBuildStatus | None:
        """The build with this number; -1 is the newest. None if it is not in memory.

        The last few builds are, and those that C{fetchBuild} has read from the store.
        """

    def getEvent(number: int) -> IStatusEvent | None:
        """One L{IStatusEvent}; -1 is the newest. None if there is no such event."""

    def subscribe(receiver: object) -> None:
        """Report my current state, later changes of state and my builds to an L{IStatusReceiver}."""

    def unsubscribe(receiver: object) -> None:
        """Stop calls to this receiver, also about builds that are running."""


class IBuildStatus(Interface):
    """I describe one build, running or finished."""

    def getBuilder() -> IBuilderStatus:
        """The L{IBuilderStatus} of the build's builder."""

    def getNumber() -> int:
        """The build's number. Each builder counts from 0 and never reuses a number."""

    def getPreviousBuild() -> IBuildStatus | None:
        """The L{IBuildStatus} of the build with the next lower number; None if it is not in memory."""

    def getSourceStamp() -> ISourceStamp:
        """The L{ISourceStamp} of the build."""

    def getReason() -> str:
        """Why the builds were requested, as text for people."""

    def getChanges() -> Sequence[object]:
        """The Changes that are new in this build. Empty if they are unknown."""

    def getResponsibleUsers() -> Sequence[str]:
        """The authors of those Changes: user names, sorted, without duplicates."""

    def getInterestedUsers() -> Sequence[str]:
        """The users to notify; in this release, the responsible users."""

    def getSteps() -> Sequence[IBuildStepStatus]:
        """All steps in order, each an L{IBuildStepStatus}. Includes steps that have not started."""

    def getCurrentStep() -> IBuildStepStatus | None:
        """The L{IBuildStepStatus} of the running step, or None."""

    def getTimes() -> tuple[float, float | None]:
        """The pair C{(start, end)}; C{end} is None while the build runs."""

    def getETA() -> float | None:
        """The expected seconds until the end, or None if unknown. 0 if the build is late."""

    def getSlavename() -> str:
        """The name of the build's slave."""

    def getProperty(propname: str) -> object:
        """The value of a build property. Raises C{KeyError} if it is not set."""

    def getText() -> list[str]:
        """The result as a list of words. Valid after the build has finished."""

    def getColor() -> str | None:
        """The colour name for displays, or None while the build runs."""

    def getResults() -> int | None:
        """The build's result, or None while it runs."""

    def getLogs() -> Sequence[IStatusLog]:
        """All logs of all steps, each an L{IStatusLog}."""

    def getTestResults() -> Mapping[tuple[str, ...], ITestResult]:
        """The L{ITestResult} of each test. The key is the test's name, a tuple of C{str}."""

    def isFinished() -> bool:
        """True when the build has ended, with any result."""

    def waitUntilFinished() -> Deferred[object]:
        """Fires with me when the build has ended; at once if it already has."""

    def subscribe(receiver: object, updateInterval: float | None = None) -> None:
        """Report steps to an L{IStatusReceiver}, and the ETA every C{updateInterval} seconds if given."""

    def unsubscribe(receiver: object) -> None:
        """Stop calls to this receiver, also about running steps and their logs."""


class ITestResult(Interface):
    """I am the result of one test of a build."""

    def getName() -> tuple[str, ...]:
        """The test's name: package, module, class, method, or similar; outermost first."""

    def getResults() -> int:
        """The test's result."""

    def getText() -> list[str]:
        """The result as a list of words."""

    def getLogs() -> Mapping[str, str]:
        """The test's log texts, by name."""


class IBuildStepStatus(Interface):
    """I describe one step of a build: waiting, running or finished."""

    def getName() -> str:
        """The step's name. It is the same in every build of the builder."""

    def getBuild() -> IBuildStatus:
        """The L{IBuildStatus} of the step's build."""

    def getTimes() -> tuple[float | None, float | None]:
        """The pair C{(start, end)}. Each is None until it has happened."""

    def getExpectations() -> list[tuple[str, float | None, float | None]]:
        """The progress by metric: C{(metric, current value, expected final value)}; None if unknown."""

    def getETA() -> float | None:
        """The expected seconds until the end, or None if no earlier build gives an estimate."""

    def getURLs() -> Mapping[str, str]:
        """Links from the step to external pages: name to URL."""

    def getText() -> list[str]:
        """The step's current action or result as a list of words."""

    def getColor() -> str | None:
        """The colour name for displays."""

    def getResults() -> tuple[int | None, list[str]]:
        """The pair C{(result, words)}. The words go into the build's text; result is None while running."""

    def getLogs() -> Sequence[IStatusLog]:
        """The step's logs in order of creation, each an L{IStatusLog}."""

    def isFinished() -> bool:
        """True when the step has ended, with any result."""

    def waitUntilFinished() -> Deferred[object]:
        """Fires with me when the step has ended; at once if it already has."""

    def subscribe(receiver: object, updateInterval: float = 10) -> None:
        """Report logs to an L{IStatusReceiver}, and the ETA every C{updateInterval} seconds."""

    def unsubscribe(receiver: object) -> None:
        """Stop calls to this receiver."""


class IStatusEvent(Interface):
    """I am an event of a builder outside of builds, such as a slave that connects."""

    def getTimes() -> tuple[float, float | None]:
        """The pair C{(start, end)}; C{end} is None if the event has no duration."""

    def getText() -> list[str]:
        """The event as a list of words."""

    def getColor() -> str | None:
        """The colour name for displays."""


class IStatusLog(Interface):
    """I am the read side of one log of a step."""

    def getName() -> str:
        """The log's name, given by the step."""

    def getStep() -> IBuildStepStatus:
        """The L{IBuildStepStatus} of the log's step."""

    def isFinished() -> bool:
        """True when the log is complete."""

    def waitUntilFinished() -> Deferred[object]:
        """Fires with me when the log is complete; at once if it already is."""

    def hasContents() -> bool:
        """True while the text can be read. False after the text was deleted."""

    def getText() -> str:
        """The text of stdout and stderr, in order, without headers."""

    def getTextWithHeaders() -> str:
        """The text of all channels, in order."""

    def getChunks() -> Iterable[tuple[int, str]]:
        """All chunks in order, each C{(channel, text)}; the channel is one of C{LOG_CHANNEL_*}."""

    def readlines(channel: int = LOG_CHANNEL_STDOUT) -> Iterable[str]:
        """The lines of one channel, each with its newline."""

    def subscribe(receiver: object, catchup: bool) -> None:
        """Call C{receiver.logChunk} for new chunks. If C{catchup}, call it for existing chunks first."""

    def unsubscribe(receiver: object) -> None:
        """Stop calls to this receiver."""

    def subscribeConsumer(consumer: IStatusLogConsumer) -> None:
        """Write existing and new chunks to an L{IStatusLogConsumer}, at the consumer's speed."""


class IStatusLogConsumer(Interface):
    """I receive the chunks of a log and control the speed."""

    def registerProducer(producer: object, streaming: bool) -> None:
        """Receive the producer: an C{IPushProducer} if C{streaming}, else an C{IPullProducer}."""

    def unregisterProducer() -> None:
        """Forget the producer: it has ended."""

    def writeChunk(chunk: tuple[int, str]) -> None:
        """Receive one chunk: C{(channel, text)}."""

    def finish() -> None:
        """The log is complete; no chunk follows."""


class IStatusReceiver(Interface):
    """I receive status events, in a later reactor turn than they happen. An exception from me is only logged.

    C{builderAdded}, C{buildStarted}, C{stepStarted} and C{logStarted} return the receiver for the events
    inside the builder, build, step or log, or None if there is no interest. C{buildStarted} and
    C{stepStarted} can also return a pair: the receiver and the seconds between two ETA updates.
    """

    def buildsetSubmitted(buildset: IBuildSetStatus) -> None:
        """A new L{IBuildSetStatus} exists."""

    def builderAdded(builderName: str, builder: IBuilderStatus) -> object:
        """A builder exists, old or new. Return a receiver for its events, or None."""

    def builderChangedState(builderName: str, state: str) -> None:
        """The builder is now C{'offline'}, C{'idle'} or C{'building'}."""

    def buildStarted(builderName: str, build: IBuildStatus) -> object:
        """A build has started. Return a receiver for its steps, or None."""

    def buildETAUpdate(build: IBuildStatus, ETA: float | None) -> None:
        """The build is expected to end in C{ETA} seconds. None if unknown."""

    def stepStarted(build: IBuildStatus, step: IBuildStepStatus) -> object:
        """A step has started. Return a receiver for its logs, or None."""

    def stepETAUpdate(
        build: IBuildStatus,
        step: IBuildStepStatus,
        ETA: float | None,
        expectations: list[tuple[str, float | None, float | None]],
    ) -> None:
        """The step is expected to end in C{ETA} seconds. The list is that of C{getExpectations}."""

    def logStarted(build: IBuildStatus, step: IBuildStepStatus, log: IStatusLog) -> object:
        """A log was opened. Return a receiver for its chunks, or None."""

    def logChunk(
        build: IBuildStatus, step: IBuildStepStatus, log: IStatusLog, channel: int, text: str
    ) -> None:
        """A chunk was added to a log; the channel is one of C{LOG_CHANNEL_*}."""

    def logFinished(build: IBuildStatus, step: IBuildStepStatus, log: IStatusLog) -> None:
        """A log is complete."""

    def stepFinished(
        build: IBuildStatus, step: IBuildStepStatus, results: tuple[int | None, list[str]]
    ) -> None:
        """A step has ended; the pair is that of C{IBuildStepStatus.getResults}."""

    def buildFinished(builderName: str, build: IBuildStatus, results: int) -> None:
        """A build has ended."""

    def builderRemoved(builderName: str) -> None:
        """A reconfig removed the builder."""


class IMasterReceiver(IStatusReceiver):
    """I receive events that 0.7.5 does not report. A receiver without one of these methods is not called.

    Requests are reported to the subscribers of their builder, words of steps to those of the step, and all
    others to those of the status.
    """

    def requestSubmitted(request: IBuildRequestStatus) -> None:
        """A request is in the queue of its builder."""

    def requestCancelled(builder: IBuilderStatus, request: IBuildRequestStatus) -> None:
        """A waiting request was cancelled."""

    def requestReturned(builder: IBuilderStatus, request: IBuildRequestStatus) -> None:
        """A request waits again: its build did not serve it, because the slave was lost."""

    def buildsetComplete(buildset: IBuildSetStatus) -> None:
        """All requests of a build set are done."""

    def stepTextChanged(build: IBuildStatus, step: IBuildStepStatus, text: list[str]) -> None:
        """The words of a step have changed. Reported to the subscribers of the step."""

    def stepText2Changed(build: IBuildStatus, step: IBuildStepStatus, text2: list[str]) -> None:
        """The words of a step for its build's text have changed. Reported to the subscribers of the step."""

    def changeAdded(change: object) -> None:
        """A L{Change} was stored. It has its number."""

    def slaveConnected(slaveName: str) -> None:
        """A slave was attached."""

    def slaveDisconnected(slaveName: str) -> None:
        """The connection of an attached slave is gone."""

    def slavePaused(slaveName: str) -> None:
        """A slave was paused, or is drained."""

    def slaveUnpaused(slaveName: str) -> None:
        """The pause of a slave has ended."""

    def slaveChanged(slaveName: str) -> None:
        """Something else about a slave has changed, such as its list of events."""

    def reconfigured(outcome: Mapping[str, Any]) -> None:
        """A reconfig has ended, applied or refused. The outcome is that of C{Reconfigurer.request}."""

    def troubleBegan(trouble: Mapping[str, Any]) -> None:
        """The master has a new trouble: C{subject}, C{what}, C{why}, C{cure} and C{since}."""

    def troubleEnded(subject: str) -> None:
        """A trouble has ended."""


class IControl(Interface):
    """I control the master. I do not check permissions: every caller can use all of my methods."""

    def addChange(change: object) -> object:
        """Submit a L{Change}, as a change source does. May return a Deferred that fires when it is stored."""

    def submitBuildSet(buildset: object) -> object:
        """Submit a build set. May return a Deferred that fires when it is stored."""

    def getBuilder(name: str) -> IBuilderControl:
        """The L{IBuilderControl} of one builder. Raises C{KeyError} for an unknown name."""


class IBuilderControl(Interface):
    """I control one builder."""

    def requestBuild(request: object) -> object:
        """Append a build request to the queue. May return a Deferred that fires when it is stored."""

    def requestBuildSoon(request: object) -> object:
        """Add a build request to the queue only if it can start now.

        Otherwise raises L{NoSlaveError} (no slave is connected) or L{BuilderInUseError} (all slaves are
        busy).
        """

    def resubmitBuild(buildStatus: object, reason: str = "<rebuild, no reason given>") -> object:
        """Request a new build of a finished build's source. Returns None if C{buildStatus} is unfinished."""

    def getPendingBuilds() -> Sequence[IBuildRequestControl]:
        """The requests in the builder's queue, each an L{IBuildRequestControl}."""

    def getBuild(number: int) -> IBuildControl | None:
        """The L{IBuildControl} of a running build; None if no running build has that number."""

    def ping(timeout: float = 30) -> Deferred[bool]:
        """Check that every connected slave of this builder answers.

        Fires with True when all have answered. Fires with False if no slave is connected, or a slave does
        not answer within C{timeout} seconds. That slave is disconnected.
        """


class IBuildRequestControl(Interface):
    """I control one pending build request."""

    def subscribe(observer: Callable[[Any], object]) -> None:
        """Call C{observer(buildControl)} with an L{IBuildControl} for each build started for this request."""

    def unsubscribe(observer: Callable[[Any], object]) -> None:
        """Stop calls to this observer."""

    def cancel() -> None:
        """Remove the request from the queue. No effect after its build has started."""


class IBuildControl(Interface):
    """I control one running build."""

    def getStatus() -> IBuildStatus:
        """The L{IBuildStatus} of the build."""

    def stopBuild(reason: str = "<no reason given>") -> None:
        """Stop the build as soon as possible; its result is a failure. No effect after its end."""


class ILogFile(Interface):
    """I am the write side of one log of a step."""

    def addStdout(data: str) -> None:
        """Add text to the channel C{LOG_CHANNEL_STDOUT}."""

    def addStderr(data: str) -> None:
        """Add text to the channel C{LOG_CHANNEL_STDERR}."""

    def addHeader(data: str) -> None:
        """Add text to the channel C{LOG_CHANNEL_HEADER}: notes of the master."""

    def finish() -> None:
        """Mark the log as complete."""


class ILogObserver(Interface):
    """I read a log while a step writes it, to find progress or results."""

    def setStep(step: object) -> None:
        """Receive the build step. Called before C{setLog}."""

    def setLog(log: object) -> None:
        """Receive the log, an L{IStatusLog}, and subscribe to it."""

    def logChunk(build: object, step: object, log: object, channel: int, text: str) -> None:
        """Receive a chunk; the channel is one of C{LOG_CHANNEL_*}. A chunk can end within a line."""


class IProperties(Interface):
    """I am the properties of a build. C{IProperties(x)} are those of a build or a step x, as in 0.8."""

    def getProperty(name: str, default: object = None) -> object:
        """The value of a property; C{default} if it is not set."""

    def hasProperty(name: str) -> bool:
        """True if a property is set."""

    def setProperty(name: str, value: object, source: str) -> None:
        """Set a property. C{source} says for people who has set it."""

    @interfacemethod  # type: ignore[untyped-decorator]
    def __adapt__(self, thing: Any) -> object:
        """The properties of a build or a step; None if the thing has none."""
        return thing.getProperties() if hasattr(thing, "getProperties") else None


class IRenderable(Interface):
    """I am a value of the configuration that is known only in a build."""

    def getRenderingFor(build: object) -> object:
        """The value in a build, or for the properties of one."""

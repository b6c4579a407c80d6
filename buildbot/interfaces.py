# -*- test-case-name: tests.unit.test_interfaces -*-
"""The contracts between the parts of the master, and the exceptions that a caller may catch.

The names are those of 0.7.5, so that plug-ins written for it find them. Nothing here does anything: an
interface says what its provider promises. What is promised all over is said once, here:

- times are seconds since the epoch, as C{float}; durations are seconds
- results are the small integers of L{buildbot.model.results}, if not said otherwise
- text is C{str}; a "list of words" is a list of C{str}, one for each line that a narrow display would use
- C{subscribe} takes effect in a later turn of the reactor; after C{unsubscribe} nothing more is delivered
- a method that begins with C{waitUntil} returns a new Deferred for each caller; it never fails
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zope.interface import Interface

if TYPE_CHECKING:  # for the checker alone: this module stands below everything that waits
    from twisted.internet.defer import Deferred

# The channels of a log file, as they are stored, and as they travel to status clients.
LOG_CHANNEL_STDOUT = 0
LOG_CHANNEL_STDERR = 1
LOG_CHANNEL_HEADER = 2


class NoSlaveError(Exception):
    """A build was wanted at once, and no slave of its builder is connected."""


class BuilderInUseError(Exception):
    """A build was wanted at once, and every connected slave of its builder is busy."""


class BuildSlaveTooOldError(Exception):
    """A step needs a command, or a version of a command, that the slave does not offer."""


class IChangeSource(Interface):
    """I watch one place where people commit, and hand what I find to the ChangeMaster that is my parent.

    I am a service as well; my parent's C{addChange} is where my Changes go.
    """

    def start() -> object:
        """Begin to watch. Called once my parent is set and runs. May return a Deferred."""

    def stop() -> object:
        """Deliver nothing from now on. May return a Deferred that fires when all is quiet."""

    def describe() -> str:
        """One line of text that tells a person what I watch."""


class IScheduler(Interface):
    """I decide when the builders that I name should build, and of what."""

    def addChange(change: object) -> None:
        """Hear of a new L{Change}. Called for every change, wanted or not. Must not raise for an odd one."""

    def listBuilderNames() -> list[str]:
        """The names of all builders that I may ever start; the configuration check reads them."""

    def getPendingBuildTimes() -> list[float]:
        """The times at which I shall submit builds if nothing more happens; empty when I wait for nothing."""


class IUpstreamScheduler(Interface):
    """I am a scheduler that others can follow: they act once my builds have succeeded."""

    def subscribeToSuccessfulBuilds(target: Callable[[Any], object]) -> None:
        """Call C{target(sourcestamp)} each time that one of my build sets has succeeded as a whole."""

    def listBuilderNames() -> list[str]:
        """The names of all builders that I may ever start."""


class ISourceStamp(Interface):
    """I name one state of the source: a branch, and a revision or a list of changes, and perhaps a patch."""


class IEmailSender(Interface):
    """I know how to send mail. A mark only: no method is promised."""


class IEmailLookup(Interface):
    """I turn the names that version control knows into mail addresses."""

    def getAddress(user: str) -> object:
        """The address of a user, as text, or None if I know none. May be a Deferred of either."""


class IStatus(Interface):
    """I am the root of everything that may be asked about the whole master."""

    def getProjectName() -> str | None:
        """C{c['projectName']}: a few words for headings."""

    def getProjectURL() -> str | None:
        """C{c['projectURL']}: the project's own home page."""

    def getBuildbotURL() -> str | None:
        """C{c['buildbotURL']}: where this master's pages are seen from outside. Ends with a slash."""

    def getURLForThing(thing: object) -> str | None:
        """The address of the page about a builder, build, step, log, change or the like.

        None when C{buildbotURL} is not set, or when there is no such page.
        """

    def getSchedulers() -> Sequence[ISchedulerStatus]:
        """All schedulers, each an L{ISchedulerStatus} provider."""

    def getBuilderNames(categories: Iterable[str] | None = None) -> list[str]:
        """The names of the builders, in the configuration's order; only those of C{categories} if given."""

    def getBuilder(name: str) -> IBuilderStatus:
        """The L{IBuilderStatus} of one builder. Raises C{KeyError} for an unknown name."""

    def getSlave(name: str) -> ISlaveStatus:
        """The L{ISlaveStatus} of one slave. Raises C{KeyError} for an unknown name."""

    def getBuildSets() -> Sequence[IBuildSetStatus]:
        """The build sets that are not finished, each an L{IBuildSetStatus}."""

    def subscribe(receiver: object) -> None:
        """Tell an L{IStatusReceiver} of build sets, and of builders: of those there are, and as they come."""

    def unsubscribe(receiver: object) -> None:
        """Tell it no more. A receiver that I do not know is ignored."""


class IBuildSetStatus(Interface):
    """I am one request for builds of one source on a number of builders."""

    def getSourceStamp() -> ISourceStamp:
        """The L{ISourceStamp} to be built."""

    def getReason() -> str:
        """Why: text for people."""

    def getID() -> str | None:
        """The id that the submitter chose, if any; a try client finds its set by it."""

    def getResponsibleUsers() -> Sequence[str]:
        """The users whose changes are in the source."""

    def getInterestedUsers() -> Sequence[str]:
        """Those users, and the others who asked to be told."""

    def getBuilderNames() -> list[str]:
        """The builders that I shall have a build on."""

    def getBuildRequests() -> Sequence[IBuildRequestStatus]:
        """One L{IBuildRequestStatus} for each builder."""

    def isFinished() -> bool:
        """Whether every build is over."""

    def waitUntilSuccess() -> Deferred[object]:
        """Fires with me as soon as the outcome is known: at the first failure, or when all have succeeded."""

    def waitUntilFinished() -> Deferred[object]:
        """Fires with me when every build is over, whatever came of it."""

    def getResults() -> int | None:
        """SUCCESS or FAILURE for the whole; None while it is not known."""


class IBuildRequestStatus(Interface):
    """I am the wish for one build on one builder."""

    def getSourceStamp() -> ISourceStamp:
        """The L{ISourceStamp} to be built."""

    def getBuilderName() -> str:
        """The builder that I wait for."""

    def getBuilds() -> Sequence[IBuildStatus]:
        """The builds made for me, each an L{IBuildStatus}, oldest first. More than one after a lost slave."""

    def subscribe(observer: Callable[[Any], object]) -> None:
        """Call C{observer(buildStatus)} for each of my builds: once for each there is, then as they start."""

    def unsubscribe(observer: Callable[[Any], object]) -> None:
        """Call it no more."""


class ISlaveStatus(Interface):
    """I tell what is known of one slave of C{c['bots']}."""

    def getName() -> str:
        """The name it logs in with."""

    def getAdmin() -> str | None:
        """Who looks after it, in the slave's own words; None until it has said so."""

    def getHost() -> str | None:
        """The machine, in the slave's own words; None until it has said so."""

    def isConnected() -> bool:
        """Whether it has a live connection that is fully attached. Never a memory of one."""


class ISchedulerStatus(Interface):
    """I tell what a scheduler is about to do."""

    def getName() -> str:
        """The name that the configuration gave it."""

    def getPendingBuildsets() -> Sequence[IBuildSetStatus]:
        """The build sets it would submit if no further change came, each an L{IBuildSetStatus}."""


class IBuilderStatus(Interface):
    """I tell what one builder does and did."""

    def getName() -> str:
        """The name that the configuration gave it."""

    def getState() -> tuple[str, Sequence[IBuildStatus]]:
        """A pair: C{'offline'}, C{'idle'} or C{'building'}, and the L{IBuildStatus} of each running build."""

    def getSlaves() -> Sequence[ISlaveStatus]:
        """The slaves that may build here, connected or not, each an L{ISlaveStatus}."""

    def getPendingBuilds() -> Sequence[IBuildRequestStatus]:
        """The requests that wait here, each an L{IBuildRequestStatus}."""

    def getCurrentBuilds() -> Sequence[IBuildStatus]:
        """The builds that run now, each an L{IBuildStatus}."""

    def getLastFinishedBuild() -> IBuildStatus | None:
        """The L{IBuildStatus} of the build that ended last; None if there was none."""

    def getBuild(number: int) -> IBuildStatus | None:
        """One build by its number, or counted from the newest if negative. None if it is not kept."""

    def getEvent(number: int) -> IStatusEvent | None:
        """One L{IStatusEvent}; -1 is the newest. None beyond the oldest."""

    def subscribe(receiver: object) -> None:
        """Tell an L{IStatusReceiver} of my state, at once and when it changes, and of my builds."""

    def unsubscribe(receiver: object) -> None:
        """Tell it no more, of builds that run neither."""


class IBuildStatus(Interface):
    """I tell what one build does or did."""

    def getBuilder() -> IBuilderStatus:
        """The L{IBuilderStatus} that I belong to."""

    def getNumber() -> int:
        """My number: counted up from 0 in each builder, and never used twice."""

    def getPreviousBuild() -> IBuildStatus | None:
        """The L{IBuildStatus} numbered one below, or None."""

    def getSourceStamp() -> ISourceStamp:
        """The L{ISourceStamp} that is built."""

    def getReason() -> str:
        """Why: text for people."""

    def getChanges() -> Sequence[object]:
        """The changes that are in this build and were not in the one before. Empty if not known."""

    def getResponsibleUsers() -> Sequence[str]:
        """Who made those changes, each user once, sorted."""

    def getInterestedUsers() -> Sequence[str]:
        """Those users, and the others who asked to be told."""

    def getSteps() -> Sequence[IBuildStepStatus]:
        """My steps in their order, each an L{IBuildStepStatus}, those not yet started included."""

    def getCurrentStep() -> IBuildStepStatus | None:
        """The step that runs now, or None."""

    def getTimes() -> tuple[float, float | None]:
        """When I started and when I ended; the latter is None while I run."""

    def getETA() -> float | None:
        """How many seconds are left, by the experience of earlier builds (may be below 0), or None."""

    def getSlavename() -> str:
        """The slave that runs me."""

    def getProperty(propname: str) -> object:
        """The value of a build property. Raises C{KeyError} if it is not set."""

    def getText() -> list[str]:
        """A list of words: what came of it. Only once I am finished."""

    def getColor() -> str | None:
        """The colour of my box, or None while I run."""

    def getResults() -> int | None:
        """What came of it: one of the results, or None while I run."""

    def getLogs() -> Sequence[IStatusLog]:
        """All logs of all steps, each an L{IStatusLog}."""

    def getTestResults() -> Mapping[tuple[str, ...], ITestResult]:
        """The L{ITestResult} of each test, by the tuple of names that leads to it."""

    def isFinished() -> bool:
        """Whether I am over."""

    def waitUntilFinished() -> Deferred[object]:
        """Fires with me when I am over; at once if I am already."""

    def subscribe(receiver: object, updateInterval: float | None = None) -> None:
        """Tell an L{IStatusReceiver} of my steps; of my ETA too, every C{updateInterval} seconds if given."""

    def unsubscribe(receiver: object) -> None:
        """Tell it no more."""


class ITestResult(Interface):
    """I am what one test of a build came to."""

    def getName() -> tuple[str, ...]:
        """The names that lead to the test, outermost first."""

    def getResults() -> int:
        """One of the results."""

    def getText() -> list[str]:
        """A list of words."""

    def getLogs() -> Mapping[str, str]:
        """The texts that belong to the test, by name."""


class IBuildStepStatus(Interface):
    """I tell what one step of a build does or did."""

    def getName() -> str:
        """The name of the step; the same step has the same name in every build."""

    def getBuild() -> IBuildStatus:
        """The L{IBuildStatus} that I am part of."""

    def getTimes() -> tuple[float | None, float | None]:
        """When I started and when I ended; None for what has not happened yet."""

    def getExpectations() -> list[tuple[str, float | None, float | None]]:
        """What was measured: C{(metric, now, expected at the end)}, each None if it is not known."""

    def getETA() -> float | None:
        """How many seconds are left; None if there is no experience."""

    def getURLs() -> Mapping[str, str]:
        """Addresses outside of this master that belong to the step: name to URL."""

    def getText() -> list[str]:
        """A list of words: what I do, or what came of it."""

    def getColor() -> str | None:
        """The colour of my box."""

    def getResults() -> tuple[int | None, list[str]]:
        """What came of it, and the words to add to the text of the build if they matter there."""

    def getLogs() -> Sequence[IStatusLog]:
        """My logs, each an L{IStatusLog}, in the order of their making."""

    def isFinished() -> bool:
        """Whether I am over."""

    def waitUntilFinished() -> Deferred[object]:
        """Fires with me when I am over; at once if I am already."""

    def subscribe(receiver: object, updateInterval: float = 10) -> None:
        """Tell an L{IStatusReceiver} of my logs, and of my ETA every C{updateInterval} seconds."""

    def unsubscribe(receiver: object) -> None:
        """Tell it no more."""


class IStatusEvent(Interface):
    """I am something that happened to a builder and belongs to no build, such as a slave's coming."""

    def getTimes() -> tuple[float, float | None]:
        """When it began and when it ended; the latter is None for what has no duration."""

    def getText() -> list[str]:
        """A list of words."""

    def getColor() -> str | None:
        """The colour of my box."""


class IStatusLog(Interface):
    """I am one log of a step, for those who read it."""

    def getName() -> str:
        """The name, unique within the step."""

    def getStep() -> IBuildStepStatus:
        """The L{IBuildStepStatus} that I belong to."""

    def isFinished() -> bool:
        """Whether nothing more will come."""

    def waitUntilFinished() -> Deferred[object]:
        """Fires with me when nothing more will come; at once if that is so already."""

    def hasContents() -> bool:
        """Whether there is anything to read still: False once the text was thrown away."""

    def getText() -> str:
        """What came on stdout and stderr, in order, without the headers."""

    def getTextWithHeaders() -> str:
        """All there is, in order, the headers included."""

    def getChunks() -> Iterable[tuple[int, str]]:
        """All there is, in order: C{(channel, text)}, the channel being one of C{LOG_CHANNEL_*}."""

    def readlines(channel: int = LOG_CHANNEL_STDOUT) -> Iterable[str]:
        """The lines of one channel, each with its newline."""

    def subscribe(receiver: object, catchup: bool) -> None:
        """Call C{receiver.logChunk} for all that comes; if C{catchup}, first for all that was there."""

    def unsubscribe(receiver: object) -> None:
        """Call it no more."""

    def subscribeConsumer(consumer: IStatusLogConsumer) -> None:
        """Write all there is, and all that comes, to an L{IStatusLogConsumer}, no faster than it wants it."""


class IStatusLogConsumer(Interface):
    """I take the chunks of a log at my own speed."""

    def registerProducer(producer: object, streaming: bool) -> None:
        """Meet the producer, an C{IPushProducer} if C{streaming}, an C{IPullProducer} if not."""

    def unregisterProducer() -> None:
        """The producer has nothing more to write."""

    def writeChunk(chunk: tuple[int, str]) -> None:
        """Take one C{(channel, text)}."""

    def finish() -> None:
        """The log is complete; nothing comes after this."""


class IStatusReceiver(Interface):
    """I am told what happens. Each call has a turn of its own: what I raise is logged and hurts nobody.

    What C{builderAdded}, C{buildStarted}, C{stepStarted} and C{logStarted} return says whether I (or
    another receiver) want to hear what goes on within: a receiver, or None for "no". C{buildStarted} and
    C{stepStarted} may also return a pair, the receiver and the seconds between two ETA updates.
    """

    def buildsetSubmitted(buildset: IBuildSetStatus) -> None:
        """A new L{IBuildSetStatus} exists."""

    def builderAdded(builderName: str, builder: IBuilderStatus) -> object:
        """There is a builder, new or old. Return a receiver for what happens in it, or None."""

    def builderChangedState(builderName: str, state: str) -> None:
        """It is C{'offline'}, C{'idle'} or C{'building'} now."""

    def buildStarted(builderName: str, build: IBuildStatus) -> object:
        """A build has begun. Return a receiver for its steps, or None."""

    def buildETAUpdate(build: IBuildStatus, ETA: float | None) -> None:
        """The build is expected to take this many seconds more."""

    def stepStarted(build: IBuildStatus, step: IBuildStepStatus) -> object:
        """A step has begun. Return a receiver for its logs, or None."""

    def stepETAUpdate(
        build: IBuildStatus,
        step: IBuildStepStatus,
        ETA: float | None,
        expectations: list[tuple[str, float | None, float | None]],
    ) -> None:
        """The step is expected to take this many seconds more; the list is that of C{getExpectations}."""

    def logStarted(build: IBuildStatus, step: IBuildStepStatus, log: IStatusLog) -> object:
        """A log is open. Return a receiver for its text, or None."""

    def logChunk(
        build: IBuildStatus, step: IBuildStepStatus, log: IStatusLog, channel: int, text: str
    ) -> None:
        """Text has come to a log; the channel is one of C{LOG_CHANNEL_*}."""

    def logFinished(build: IBuildStatus, step: IBuildStepStatus, log: IStatusLog) -> None:
        """Nothing more will come to this log."""

    def stepFinished(
        build: IBuildStatus, step: IBuildStepStatus, results: tuple[int | None, list[str]]
    ) -> None:
        """A step is over; the pair is that of C{IBuildStepStatus.getResults}."""

    def buildFinished(builderName: str, build: IBuildStatus, results: int) -> None:
        """A build is over."""

    def builderRemoved(builderName: str) -> None:
        """A reconfig took the builder away."""


class IControl(Interface):
    """I let the master be told what to do. Who holds me may do all of it."""

    def addChange(change: object) -> object:
        """Hand in a L{Change}, as a change source does. May return a Deferred that fires when it is safe."""

    def submitBuildSet(buildset: object) -> object:
        """Start a build set now. May return a Deferred that fires when it is safe."""

    def getBuilder(name: str) -> IBuilderControl:
        """The L{IBuilderControl} of one builder. Raises C{KeyError} for an unknown name."""


class IBuilderControl(Interface):
    """I let one builder be told what to do."""

    def requestBuild(request: object) -> object:
        """Put a build request at the end of the queue. May return a Deferred that fires when it is safe."""

    def requestBuildSoon(request: object) -> object:
        """Put a build request in the queue only if it can start at once.

        Raises L{NoSlaveError} when no slave is connected, L{BuilderInUseError} when all are busy; the
        request is not queued then.
        """

    def resubmitBuild(buildStatus: object, reason: str = "<rebuild, no reason given>") -> object:
        """Ask for the same source to be built once more. The build must be finished."""

    def getPendingBuilds() -> Sequence[IBuildRequestControl]:
        """The requests that wait here, each an L{IBuildRequestControl}."""

    def getBuild(number: int) -> IBuildControl | None:
        """The L{IBuildControl} of a running build; None if no running build has that number."""

    def ping(timeout: float = 30) -> Deferred[bool]:
        """Ask every connected slave of this builder for a sign of life.

        Fires with True when all have answered, with False when one has not within C{timeout} seconds, or
        none is connected. A slave that does not answer is disconnected.
        """


class IBuildRequestControl(Interface):
    """I let one waiting request be told what to do."""

    def subscribe(observer: Callable[[Any], object]) -> None:
        """Call C{observer(buildControl)} with an L{IBuildControl} for each build started for this request."""

    def unsubscribe(observer: Callable[[Any], object]) -> None:
        """Call it no more."""

    def cancel() -> None:
        """Take the request out of the queue. Without effect once it has been taken up."""


class IBuildControl(Interface):
    """I let one running build be told what to do."""

    def getStatus() -> IBuildStatus:
        """The L{IBuildStatus} of the build."""

    def stopBuild(reason: str = "<no reason given>") -> None:
        """End the build as soon as may be; it counts as failed. Without effect once it is over."""


class ILogFile(Interface):
    """I am one log of a step, for the one who writes it."""

    def addStdout(data: str) -> None:
        """Add text to the channel C{LOG_CHANNEL_STDOUT}."""

    def addStderr(data: str) -> None:
        """Add text to the channel C{LOG_CHANNEL_STDERR}."""

    def addHeader(data: str) -> None:
        """Add text to the channel C{LOG_CHANNEL_HEADER}: what the master itself has to say."""

    def finish() -> None:
        """Nothing more will come."""


class ILogObserver(Interface):
    """I read a log while a step writes it, to find progress or results in it."""

    def setStep(step: object) -> None:
        """Meet the build step that I work for. Called before C{setLog}."""

    def setLog(log: object) -> None:
        """Meet the log, an L{IStatusLog}; subscribe to it here."""

    def logChunk(build: object, step: object, log: object, channel: int, text: str) -> None:
        """Text has come; the channel is one of C{LOG_CHANNEL_*}. Chunks end anywhere, not at lines."""

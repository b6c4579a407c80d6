# -*- test-case-name: tests.unit.store.test_store -*-
"""What a store promises, to those who put things into it and to those who write one.

How a store keeps what it is given is the business of the modules beside this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from zope.interface import Interface

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, RequestRecord

if TYPE_CHECKING:  # for the checker alone: this module stands below everything that waits
    from twisted.internet.defer import Deferred

#: State that makes no sense to this release is kept under this and its old key (P3).
UNREADABLE = "unreadable"
#: How the reason of a L{StoreFailed} ends that lasts until the master is started again.
FILE_GONE = "has been deleted or replaced while it is in use"


class StoreFailed(Exception):
    """Nothing could be kept or read; C{reason} is one line for people ("database or disk is full").

    What failed has changed nothing, and may be tried again.
    """

    def __init__(self, reason: str) -> None:
        Exception.__init__(self, reason)
        self.reason = reason


class SchemaTooNew(StoreFailed):
    """The file was written by a later release; it was not touched."""


class StoreConflict(Exception):
    """The caller's view is out of date: the build is over or unknown, the request is not pending any more.

    Nothing has been changed.
    """


class IStore(Interface):
    """I keep what must outlive the process.

    Every method returns a Deferred that fires once the change is on disk; what is read is on disk as
    well. Calls take effect in the order in which they are made, each of them wholly or not at all, and
    their Deferreds fire in that order. Instead of firing it may fail: with L{StoreFailed} if the disk is
    full, broken or closed to us, with L{StoreConflict} where that is said, and with ValueError or
    TypeError if an argument is nothing that can be kept.

    Dicts that are given to me are read before the call returns. Records that I answer with are nobody's
    to change.
    """

    def open() -> Deferred[None]:
        """Read what there is, or begin anew. To be called, and waited for, before anything else.

        A damaged file is set aside; what can be read of it is carried over, and a warning logged. Fails
        with L{SchemaTooNew} too.
        """

    def watch(
        failed: Callable[[str], object],
        works: Callable[[], object],
        damaged: Callable[[str], object] = lambda reason: None,
    ) -> None:
        """Call C{failed(reason)} when something could not be kept, and C{works()} when it can be again.

        To be called before L{open}. Both are called before whoever asked for it is answered.

        @param damaged: called with the reason if some of what is kept turns out to be unreadable; all else
            goes on.
        """

    def close() -> Deferred[None]:
        """Finish what was asked for, and let go of the file. Later calls fail with L{StoreFailed}."""

    def addChange(change: Change, came: float | None = None) -> Deferred[Change]:
        """Keep a Change. Fires with it as it is with its number, which grows by one each time, from 1 on.

        @param came: when it came here, by which it is old some day; C{change.when} if that is not known.
        """

    def getChange(number: int) -> Deferred[Change | None]:
        """The Change of this number, or None."""

    def getChanges(count: int = 20, before: int | None = None) -> Deferred[list[Change]]:
        """The last C{count} Changes, the newest first; of those numbered below C{before}, if given."""

    def getChangesAfter(number: int, count: int = 1000) -> Deferred[list[Change]]:
        """The first C{count} Changes numbered above C{number}, the oldest first."""

    def addBuildset(
        reason: str,
        sourcestamp: Mapping[str, Any],
        builders: Sequence[str],
        properties: Mapping[str, Any],
        externalID: str | None,
        scheduler: str | None,
        submitted: float,
        state: Mapping[str, Any] | None = None,
        mergeable: bool = True,
    ) -> Deferred[tuple[BuildsetRecord, list[RequestRecord]]]:
        """Keep a wish for builds: one pending request for each builder, in their order.

        @param builders: the names; at least one.
        @param state: what L{setState} is to remember in the same instant, so that a scheduler forgets its
            timer exactly if its buildset is there.
        @param mergeable: whether a build may serve its requests along with those of other sets.
        """

    def getBuildset(id: int) -> Deferred[BuildsetRecord | None]:
        """The buildset of this number, or None."""

    def getBuildsetsOf(scheduler: str, after: int = 0) -> Deferred[list[BuildsetRecord]]:
        """All buildsets that a scheduler asked for and that are numbered above C{after}, the oldest first."""

    def getBuildsOf(buildset: int) -> Deferred[list[BuildRecord]]:
        """The last build of each request of a buildset, in their order, but for those that were pruned."""

    def pendingRequests() -> Deferred[list[RequestRecord]]:
        """All requests that wait for a build, the oldest first."""

    def startBuild(build: BuildRecord, atLeast: int = 0) -> Deferred[BuildRecord]:
        """Begin a build; its requests are "building" from now on.

        @param build: without a number.
        @param atLeast: its number is this or a greater one.
        @return: the same with its number, which is greater than that of any earlier build of its builder,
            those included that were pruned or cut short. The first build of a builder has 0. Fails with
            L{StoreConflict} if one of its requests is not pending, or is for another builder.
        """

    def saveBuild(build: BuildRecord) -> Deferred[None]:
        """Keep what there is of a running build. Fails with L{StoreConflict} if it does not run."""

    def finishBuild(
        build: BuildRecord, requeue: bool = False, counts: bool = True
    ) -> Deferred[list[BuildsetRecord]]:
        """Close a running build. Fails with L{StoreConflict} if it does not run.

        @param build: with C{finished} and C{results}.
        @param requeue: its requests are pending again; else they are done, with the results of the build.
        @param counts: whether requests that are pending again have one more attempt behind them.
        @return: the buildsets that are complete by this, in the order of their numbers.
        """

    def cancelRequests(ids: Sequence[int], when: float) -> Deferred[list[BuildsetRecord]]:
        """Those of the requests that are pending are done, as CANCELLED; the others are left alone.

        @return: the buildsets that are complete by this, in the order of their numbers.
        """

    def getBuild(builder: str, number: int) -> Deferred[BuildRecord | None]:
        """One build, or None."""

    def getBuilds(
        builder: str | None = None, count: int = 20, before: float | None = None
    ) -> Deferred[list[BuildRecord]]:
        """The last C{count} builds, the newest first.

        @param builder: only builds of this one, by number; None for all builders, by the time of start.
        @param before: only builds numbered below that, or, without a builder, started before that time.
        """

    def interrupted(
        when: float, amend: Callable[[BuildRecord], BuildRecord] = lambda build: build
    ) -> Deferred[list[BuildRecord]]:
        """To be called once after L{open}: close the builds that an earlier process left unfinished.

        Their results are EXCEPTION; their requests are pending again, with one more interruption. That was
        no attempt, for no slave was lost with it.

        @param amend: gives the record that is kept for each; may block, and is called in any thread.
        """

    def giveUp(when: float) -> Deferred[list[BuildsetRecord]]:
        """To be called once after C{interrupted}: end the pending requests that can never be built.

        Those are the requests with L{MOST_INTERRUPTIONS<buildbot.model.records.MOST_INTERRUPTIONS>}
        interruptions, and the unreadable ones. They are done, as EXCEPTION.

        @return: the buildsets that are complete by this and can be read, in the order of their numbers.
        """

    def getState(key: str, default: Any = None) -> Deferred[Any]:
        """What L{setState} was given under this key, as JSON gives it back."""

    def getStates(prefix: str) -> Deferred[dict[str, Any]]:
        """Every key that begins with C{prefix}, and its value."""

    def setState(key: str, value: Any) -> Deferred[None]:
        """Remember something that JSON can hold; None forgets the key."""

    def prune(keep: int, olderThan: float | None = None) -> Deferred[list[str]]:
        """Forget finished builds, keeping the newest C{keep} of each builder.

        Complete buildsets go with their last build, and of the Changes the newest C{keep} stay as well.

        @param keep: at least 1.
        @param olderThan: forget what finished (or, for a Change, came) before this time too, but for
            the newest build of each builder and the newest Change. What has a lower number than something
            else is no younger than that, so one with a time of long ago, by a clock that was wrong, stays.
        @return: the names of the log files that are to be deleted now, before the next call. Those of an
            earlier process, which may have ended before it deleted them, are among them.
        """

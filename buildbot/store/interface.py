# -*- test-case-name: tests.unit.store.test_store -*-
"""The contract of a store, for its callers and its implementations.

The other modules of this package implement it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, RequestRecord
from buildbot.store.actions import IActions
from buildbot.store.lists import ILists
from buildbot.store.waiting import IWaiting, Unreadable

if TYPE_CHECKING:  # only the type checker needs it
    from twisted.internet.defer import Deferred

#: The prefix of keys for state that this release cannot read: the old key follows it (P3).
UNREADABLE = "unreadable"
#: The prefix of keys for build sets that a build has triggered: the number of the build's request follows it,
#: and more. The value is the number of the set.
TRIGGERED = "trigger/"
#: The key under which a store notes that it has imported builds.
IMPORTED = "imported/builds"
#: The end of a L{StoreFailed} reason if the failure lasts until the master is restarted.
FILE_GONE = "has been deleted or replaced while it is in use"


class StoreFailed(Exception):
    """A read or write failed; C{reason} is one line for people ("database or disk is full").

    The outcome of the failed call is known: it has changed nothing. The caller can retry it. A store whose
    database is on the network may get no answer to a COMMIT. It asks for the outcome then, and the call waits
    for as long as that takes. It fails without a known outcome only if the store is closed meanwhile, or is
    taken over (L{StoreFenced}); its reason says so.
    """

    def __init__(self, reason: str) -> None:
        Exception.__init__(self, reason)
        self.reason = reason


class SchemaTooNew(StoreFailed):
    """A later release wrote the file. The file was not changed."""


class StoreFenced(StoreFailed):
    """Another master has taken over the store. All later calls fail too: this master must end."""


class StoreConflict(Exception):
    """The caller has old data: the build has ended or is unknown, or the request is not pending any more.

    The call has changed nothing.
    """


@dataclass(frozen=True)
class Commits:
    """I count the transactions of a store that wrote, since it was opened.

    @ivar number: the successful transactions; C{seconds}: their time.
    @ivar failures: the failed transactions.
    """

    number: int = 0
    seconds: float = 0.0
    failures: int = 0


class IStore(ILists, IActions, IWaiting):
    """I keep the master's data across restarts.

    Every method but L{watch}, L{loss} and L{commits} returns a Deferred. It fires when the change is on disk;
    a read returns only data that is on disk. Calls take effect in call order, each completely or not at all,
    and their Deferreds fire in this order. While the outcome of a call is asked for, later calls may fail
    before it fires. Every Deferred can fail: with L{StoreFailed} if the disk is full, broken or not
    accessible, or the database is away, with L{StoreConflict} where a method says so, and with ValueError or
    TypeError if an argument cannot be stored.

    A method reads its dict arguments before it returns. Callers must not change the records they get.
    """

    def open() -> Deferred[None]:
        """Open the existing store, or create one. Callers must wait for it before any other call.

        A damaged file is set aside, its readable rows are copied to a new file, and a warning is logged.
        Fails with L{SchemaTooNew} too.
        """

    def watch(
        failed: Callable[[str], object],
        works: Callable[[], object],
        damaged: Callable[[str], object] = lambda reason: None,
        lapsed: Callable[[str], object] = lambda reason: None,
    ) -> None:
        """Call C{failed(reason)} when writes begin to fail, and C{works()} when they succeed again.

        Call this before L{open}. All run before the Deferred of the failed or successful call fires.

        @param damaged: called with the reason if a part of the store is unreadable. Other calls still work.
        @param lapsed: called with the reason if calls that had succeeded have lost their effect: a failover
            of the database, or a backup of it. Other calls still work.
        """

    def server() -> str:
        """The database server that has the data, in words for people; "" if the data is in this process or on
        its disk, or if I was never open.
        """

    def risks() -> Sequence[str]:
        """The settings of the server that can lose data, one sentence each. Known once I am open."""

    def cut() -> None:
        """Break the connection to the server, if there is one. A call that waits for it fails, or its outcome
        is asked for in a new connection.
        """

    def loss() -> str:
        """Look whether the data is still in its place, without a write.

        @return: why the next write will fail for that reason; "" if all is well or the store is not open.
        """

    def commits() -> Commits:
        """The number of transactions, for the metrics of the master."""

    def close() -> Deferred[None]:
        """Finish all earlier calls and close the file. Later calls fail with L{StoreFailed}."""

    def addChange(
        change: Change, came: float | None = None, state: Mapping[str, Any] | None = None
    ) -> Deferred[Change]:
        """Store a Change. Fires with a copy that has its number: 1 for the first, then one more each time.

        The copy has shortened comments: see L{Change.bounded}.

        @param came: the time of arrival, which L{prune} compares; default C{change.when}.
        @param state: keys and values for L{setState} in the same transaction. A poller stores the revision
            that it has reached with the Change, so it never takes a revision twice.
        """

    def getChange(number: int) -> Deferred[Change | None]:
        """Fires with the Change of this number, or None."""

    def getChanges(count: int = 20, before: int | None = None) -> Deferred[list[Change]]:
        """Fires with the last C{count} Changes, newest first. Only numbers below C{before}, if given."""

    def getChangesAfter(number: int, count: int = 1000) -> Deferred[list[Change]]:
        """Fires with the first C{count} Changes with a number above C{number}, oldest first."""

    def addBuildset(
        buildset: BuildsetRecord,
        builders: Sequence[str],
        state: Mapping[str, Any] | None = None,
        keys: Sequence[str] = (),
    ) -> Deferred[tuple[BuildsetRecord, list[RequestRecord]]]:
        """Store a buildset and one pending request for each builder, in the order of C{builders}.

        @param buildset: the record without a number.
        @param builders: one or more names.
        @param state: keys and values for L{setState} in the same transaction. A scheduler clears its timer
            this way exactly when its buildset is stored.
        @param keys: more keys for L{setState} in the same transaction, each with the number of the buildset
            as its value. A build finds the sets again in this way that it has triggered.
        @return: fires with the record and its number, and the requests.
        """

    def getBuildset(id: int) -> Deferred[BuildsetRecord | None]:
        """Fires with the buildset of this number, or None."""

    def getBuildsetsOf(
        scheduler: str, after: int = 0, count: int | None = None
    ) -> Deferred[list[BuildsetRecord]]:
        """Fires with the buildsets of a scheduler with a number above C{after}, oldest first.

        @param count: the most of them; None: all.
        """

    def getBuildsetOf(request: int) -> Deferred[BuildsetRecord | None]:
        """Fires with the buildset of a request, or None."""

    def getBuildsOf(buildset: int) -> Deferred[list[BuildRecord]]:
        """Fires with the last build of each request, in the order of requests, without pruned builds."""

    def pendingRequests() -> Deferred[list[RequestRecord]]:
        """Fires with all pending requests, oldest first: for tests. L{IWaiting} reads some at a time."""

    def startBuild(build: BuildRecord, atLeast: int = 0) -> Deferred[BuildRecord]:
        """Store a new build and set its requests to "building".

        @param build: the record without a number.
        @param atLeast: the lowest allowed number.
        @return: fires with the record and its number. The number is greater than that of every earlier
            build of the builder, also pruned and interrupted ones; the first is 0. Fails with
            L{StoreConflict} if a request is not pending or is for another builder.
        """

    def saveBuild(build: BuildRecord) -> Deferred[None]:
        """Update the record of a running build. Its start, slave, source and reason stay as they were.

        Fails with L{StoreConflict} if it does not run.
        """

    def finishBuild(
        build: BuildRecord, requeue: bool = False, counts: bool = True, closer: str = ""
    ) -> Deferred[list[BuildsetRecord]]:
        """Store the end of a running build. Fails with L{StoreConflict} if it does not run.

        @param build: the record with C{finished} and C{results}.
        @param requeue: True to set its requests to pending again, False to finish them with its results.
        @param counts: True to count this build as an attempt of the requeued requests.
        @param closer: who ends the build. The same call again, with the same closer, changes nothing and
            succeeds with the same answer. Empty: nobody may call again.
        @return: fires with the buildsets that are now complete, ordered by number.
        """

    def cancelRequests(ids: Sequence[int], when: float) -> Deferred[list[BuildsetRecord]]:
        """Finish the pending requests among C{ids} as CANCELLED. The others do not change.

        @return: fires with the buildsets that are now complete, ordered by number.
        """

    def getBuild(builder: str, number: int) -> Deferred[BuildRecord | None]:
        """Fires with one build, or None."""

    def getBuilds(
        builder: str | None = None, count: int = 20, before: float | None = None
    ) -> Deferred[list[BuildRecord]]:
        """Fires with the last C{count} builds, newest first.

        @param builder: only builds of this builder, ordered by number. None: all builds, by time of start.
        @param before: with a builder, only lower build numbers; without one, only earlier starts.
        """

    def interrupted(
        when: float, amend: Callable[[BuildRecord], BuildRecord] = lambda build: build
    ) -> Deferred[list[BuildRecord]]:
        """End the builds that an earlier process left unfinished. Call it once after L{open}.

        Their result is EXCEPTION. Their requests are pending again with one more interruption, which does
        not count as an attempt because no slave was lost. A build that waits for others (C{waits}) cannot
        have crashed the master: its requests get no interruption. Fires with the builds.

        @param amend: returns the record to store for a build; may block, and may run in any thread.
        """

    def giveUp(when: float, unreadable: Sequence[Unreadable] = ()) -> Deferred[list[BuildsetRecord]]:
        """End the pending requests that can never be built. Call it once after C{interrupted}.

        These are the requests with L{MOST_INTERRUPTIONS<buildbot.model.records.MOST_INTERRUPTIONS>}
        interruptions. Their result is EXCEPTION.

        @param unreadable: these too, as L{getWaiting} has found them.
        @return: fires with the readable buildsets that are now complete, ordered by number.
        """

    def getState(key: str, default: Any = None) -> Deferred[Any]:
        """Fires with the value of a key after a round trip through JSON, or with C{default}."""

    def getStates(prefix: str) -> Deferred[dict[str, Any]]:
        """Fires with all keys that begin with C{prefix}, and their values."""

    def setState(key: str, value: Any) -> Deferred[None]:
        """Store a JSON value under a key. None deletes the key."""

    def prune(keep: int, olderThan: float | None = None, changes: int | None = None) -> Deferred[list[str]]:
        """Delete finished builds except the newest C{keep} of each builder.

        A complete buildset is deleted with its last build, but not while a request is open whose build has
        triggered it. The keys under L{TRIGGERED} are deleted after their request is done. The newest C{keep}
        Changes stay too.

        @param keep: 1 or more.
        @param changes: keep the newest Changes up to this number, of any age, instead.
        @param olderThan: also delete builds that finished, and Changes that came, before this time. The
            newest build of each builder and the newest Change stay. A record counts as at least as young
            as all records with lower numbers: a wrong clock that wrote an old time deletes nothing.
        @return: fires with the names of log files, which the caller deletes before its next call. They
            include files that an earlier process may not have deleted.
        """

    def prunable(
        keep: int, olderThan: float | None = None, changes: int | None = None
    ) -> Deferred[tuple[list[tuple[str, int]], int]]:
        """Ask what L{prune} would delete with these arguments.

        @return: fires with the builds, each as its builder's name and its number, and with the number of
            Changes.
        """

    def dropBuilds(builds: Sequence[tuple[str, int]]) -> Deferred[list[str]]:
        """Delete these builds, except unfinished ones. L{prune} deletes their sets.

        @param builds: the builds, each as its builder's name and its number. Fewer at a time let other work
            pass between the calls.
        @return: as L{prune}.
        """

    def forgetLogs(builds: Sequence[tuple[str, int]], why: str) -> Deferred[None]:
        """Note in the records of finished builds that their logs are removed.

        @param builds: the builds, each as its builder's name and its number. Others than finished ones stay
            as they are.
        @param why: becomes C{trouble} of each log.
        """

# -*- test-case-name: tests.unit.process.test_engine_keeping -*-
"""The health of the store, and its recovery after a failure.

No build starts while the store fails. Every write reports its success or failure here. After a failure, a
test write is repeated every RETRY_AFTER seconds. A store on a database server is also read every LOOK_EVERY
seconds, so that an idle master notices its loss.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.daemon.troubles import Symptom
from buildbot.events.alarm import Alarm
from buildbot.events.eventual import eventual
from buildbot.process.resources import Resources
from buildbot.store.interface import FILE_GONE, IStore, StoreFailed
from buildbot.store.outbox import RETRY_AFTER, untilKept

_T = TypeVar("_T")

#: The seconds between two looks at a database server.
LOOK_EVERY = 10.0
#: The seconds after which a server that has not answered is a trouble.
LATE = 10.0
#: The seconds after which the connection to such a server is cut, and after which it is cut again.
CUT = 60.0
#: The most seconds for which somebody who asks how the store is waits for its answer.
FRESH = 1.0


def storeSymptom(reason: str, server: str = "") -> Symptom:
    """The trouble that C{status} shows while the store fails.

    @param reason: from the L{StoreFailed}; C{server}: see L{IStore.server}.
    """
    cure = "make sure that the disk has room and is writable; then the master goes on by itself"
    if server:
        cure = (
            "look at the database server and at the network; the master connects again and goes on by itself"
        )
    if reason.endswith(FILE_GONE):
        cure = (
            "stop the master, put the file back from a backup if there is one, and start the master again;"
            " without the file it begins with an empty store"
        )
    return Symptom("no build starts: changes, requests and builds cannot be kept", reason, cure)


def lapseSymptom(reason: str) -> Symptom:
    """The trouble of a master that knows more than its store. C{reason} is from L{IStore.watch}."""
    return Symptom(
        "no build starts: changes, requests and builds of the last moments are gone",
        reason,
        "see in twistd.log what came last, and send or force again what is missing; then `buildbot restart`:"
        " the master goes on with what the database has",
    )


class StoreHealth:
    """I watch the store of one master.

    @ivar trouble: the present error of the store, in words; empty while it works.
    @ivar lapse: why the store has lost what it had acknowledged; empty if it has not. Only a restart ends it.
    """

    def __init__(self, resources: Resources, recovered: Callable[[], object]) -> None:
        """@param recovered: called in a later reactor turn when the store works again."""
        self._resources = resources
        self._recovered = recovered
        self.trouble = self.lapse = ""
        self._alarm = Alarm(self._try)
        self._looking = Alarm(self._look)
        self._late = Alarm(self._isLate)
        self._silence = 0.0  # the seconds for which the question has not been answered

    @property
    def server(self) -> str:
        """See L{IStore.server}."""
        return self._resources.store.server()

    def watch(self, store: IStore) -> None:
        """Watch all writes of a store."""
        store.watch(self.failed, self.works, self.damaged, self.lapsed)

        def look() -> Symptom | None:
            reason = self.trouble or store.loss()
            return storeSymptom(reason, store.server()) if reason else None

        self._resources.troubles.watch("store", look)

    def start(self) -> None:
        """Look at the server of the store regularly, if it has one. The store is open."""
        if self._resources.store.server():
            self._looking.set(self._resources.clock, LOOK_EVERY)

    def failed(self, reason: str) -> None:
        """Report a failed write. No build starts until the store works again (P4)."""
        self.trouble = reason
        self._resources.troubles.report("store", storeSymptom(reason, self._resources.store.server()))
        if not self._alarm.isSet and not self._resources.stopping:
            self._alarm.set(self._resources.clock, RETRY_AFTER)

    def damaged(self, reason: str) -> None:
        """Report an unreadable part of the store. This trouble stays until the next start."""
        symptom = Symptom(
            "some of the store cannot be read: builds, requests or changes are missing",
            reason,
            "check the disk, and restart the master: it sets the file aside and recovers the readable data",
        )
        self._resources.troubles.report("damaged store", symptom)

    def lapsed(self, reason: str) -> None:
        """Report that the store has lost what it had acknowledged. No build starts until a restart.

        What is in memory is not in the store: a build of a lost request would begin, or one number would be
        given twice. The restart forgets it.
        """
        self.lapse = reason
        self._resources.troubles.report("lost data", lapseSymptom(reason))

    def works(self) -> None:
        """Report a successful write. Ends the trouble."""
        if self.trouble:
            self.trouble = ""
            self._resources.troubles.clear("store")
            self._alarm.stop()
            eventual(self._resources.clock, self._recovered)

    def _try(self) -> None:
        """Write a test value: while no build starts, there may be no other writes."""
        resources = self._resources
        trying = resources.store.setState("store/trouble", [self.trouble, resources.now()])
        trying.addCallbacks(lambda kept: self.works(), self._stillFails)

    def _look(self) -> None:
        """Read a value: an idle master has no other use of the store."""
        self._looking.set(self._resources.clock, LOOK_EVERY)
        if not self._late.isSet:
            self.timed(self._resources.store.getState("store/trouble")).addErrback(self._stillFails)

    async def fresh(self) -> None:
        """Ask the server of the store how it is, so that C{trouble} is of this moment.

        A file needs no question: each write tells at once if it fails.
        """
        if not self.server:
            return
        resources = self._resources
        store, known = resources.store, self.trouble
        asked: Deferred[Any] = (
            store.setState("store/trouble", [known, resources.now()])
            if known
            else self.timed(store.getState("store/trouble"))
        )
        # A database with a full disk can be read: only a write ends a trouble.
        asked.addCallbacks(lambda answer: self.works() if known else None, self._stillFails)
        answered: Deferred[object] = Deferred()
        late = resources.clock.callLater(FRESH, answered.callback, None)
        asked.addBoth(lambda result: answered.callback(None) if late.active() else None)
        await answered
        if late.active():
            late.cancel()

    def timed(self, asked: Deferred[_T]) -> Deferred[_T]:
        """Watch the time of a call of the store: a server that is silent for too long is cut off."""
        if self._resources.store.server() and not self._late.isSet:
            self._silence = LATE
            self._late.set(self._resources.clock, LATE)
            asked.addBoth(self._answered)
        return asked

    def _answered(self, result: _T) -> _T:
        self._late.stop()
        return result

    def _isLate(self) -> None:
        """The server is silent, although the connection stands: a frozen machine, or a lock."""
        store = self._resources.store
        if self._silence >= CUT or self._resources.stopping:
            self._silence = 0.0
            store.cut()
        else:
            self.failed(f"{store.server()} has not answered for {self._silence:.0f} seconds")
        step = CUT - self._silence
        self._silence += step
        self._late.set(self._resources.clock, step)

    def _stillFails(self, why: Failure) -> None:
        why.trap(StoreFailed)
        assert isinstance(why.value, StoreFailed)
        self.failed(why.value.reason)

    def stop(self) -> None:
        """Stop the looks and the test writes."""
        for each in (self._alarm, self._looking, self._late):
            each.stop()

    async def untilKept(
        self, write: Callable[[], Awaitable[_T]], failed: Callable[[], None] = lambda: None
    ) -> _T | None:
        """Repeat a write until it succeeds, however long that takes (P4).

        @param failed: called after each failed attempt.
        @return: the answer of the store; None if the master stops first.
        """

        def told(why: StoreFailed) -> None:
            self.failed(why.reason)
            failed()

        kept = await untilKept(write, self._resources.sleep, told, lambda: self._resources.stopping)
        if kept is not None and self.trouble:
            self.works()
        return kept

    def remember(self, key: str, value: object) -> None:
        """Store a value that may be lost: a failure is ignored."""
        self._resources.store.setState(key, value).addErrback(self._notKept)

    def _notKept(self, why: Failure) -> None:
        why.trap(StoreFailed)

# -*- test-case-name: tests.unit.changes.test_changes -*-
"""The parent of the change sources, under the names of 0.7.5.

L{buildbot.model.change} has the Change. The store keeps changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias, cast

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred, maybeDeferred
from twisted.logger import Logger

from buildbot.model.change import Change as Change  # 0.7.5's place of the name
from buildbot.reconfig.parent import PluginParent
from buildbot.store.interface import StoreFailed
from buildbot.store.outbox import Outbox

log = Logger()

#: A change, and the state that its source stores with it.
_Work: TypeAlias = tuple[Change, Mapping[str, Any] | None]

#: The most changes that wait while the store fails. Further ones are refused.
MOST_WAITING = 10_000


class StoresChanges(Protocol):
    """The part of the master that takes changes."""

    def addChange(self, change: Change, state: Mapping[str, Any] | None = None) -> Deferred[Change]:
        """Store a change. See L{ChangeMaster.addChange} for C{state}."""


class ChangeMaster(PluginParent):
    """I am the parent of the change sources, and pass their changes to the master.

    A change that cannot be stored waits here, in order: most sources of 0.7.5 ignore the result, and no
    source can find a change again.
    """

    _outbox: Outbox[_Work, Change]

    def __init__(self) -> None:
        super().__init__()
        self.setName("changemaster")

    def setServiceParent(self, parent: Any) -> Any:
        """Join the master, which stores changes."""
        self._outbox = Outbox(
            parent.botmaster.clock, self._keep, failed=self._storeFails, works=self._storeWorks
        )
        return super().setServiceParent(parent)

    def addChange(self, change: Change, state: Mapping[str, Any] | None = None) -> Deferred[Change]:
        """Take a change from a source.

        @param state: the state of the source, stored together with the change: see L{IStore.addChange}.
        @return: fires with the Change, its number set, when it is on disk (P2), however long that takes (P4).
            Fails with StoreFailed if MOST_WAITING changes wait already, or if the master stops before.
        """
        if self._outbox.isFailing and not self._outbox.isFinishing and self._outbox.waiting >= MOST_WAITING:
            reason = f"already {MOST_WAITING} changes wait to be stored, the most allowed"
            return self._outbox.refuse(StoreFailed(reason))
        return self._outbox.add((change, state))

    def addChangeNow(self, change: Change) -> Deferred[Change]:
        """Store a Change now or not at all, for a source that can send it again.

        @return: fires with the Change, its number set, when it is on disk; fails with StoreFailed if the
            store fails.
        """
        return self._keep((change, None))

    def _keep(self, work: _Work) -> Deferred[Change]:
        change, state = work
        master: StoresChanges = cast(Any, self.parent)
        # A master of a test, or of a plug-in, may take nothing but the change.
        return ensureDeferred(master.addChange(change) if state is None else master.addChange(change, state))

    def getChangeNumbered(self, num: int) -> Deferred[Change | None]:
        """Fires with the Change of this number; None if the store does not have it."""
        parent: Any = self.parent
        found: Deferred[Change | None] = parent.botmaster.store.getChange(num)
        return found

    def addSource(self, source: Any) -> None:
        """Start a source and take its changes."""
        source.setServiceParent(self)

    def removeSource(self, source: Any) -> Any:
        """Stop a source. May return a Deferred."""
        return source.disownServiceParent()

    def startService(self) -> None:
        """Accept changes again, and start the sources."""
        self._outbox.reopen()
        super().startService()

    def stopService(self) -> Deferred[Any]:
        """Stop the sources, and try to store the waiting changes one last time.

        @return: fires when all are stored, or when the log has the number of lost changes.
        """
        storing = self._outbox.finish().addCallback(self._sayLost)  # first: a source may never stop
        stopping = maybeDeferred(super().stopService)
        return DeferredList([storing, stopping]).addCallback(self._sayLost)

    def _sayLost(self, results: object) -> None:
        if self._outbox.refused:
            log.error(
                "changes lost because the master stopped before they could be stored: {count}",
                count=self._outbox.refused,
            )
        self._outbox.refused = 0

    def _storeFails(self, why: StoreFailed) -> None:
        if not self._outbox.isFailing:
            log.error("changes cannot be stored, and wait: {reason}", reason=why.reason)

    def _storeWorks(self) -> None:
        log.info(
            "changes can be stored again: {count} had to wait, {refused} were refused",
            **{"count": self._outbox.waiting + 1, "refused": self._outbox.refused},
        )
        self._outbox.refused = 0

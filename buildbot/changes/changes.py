# -*- test-case-name: tests.test_changes -*-
"""
Where Changes arrive, under the names of 0.7.5.

A Change itself is in L{buildbot.changes.change}; keeping it is the store's business.
"""

from __future__ import annotations

from typing import Any

from twisted.application import service
from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.changes.change import Change as Change  # where 0.7.5 had it


class ChangeMaster(service.MultiService):
    """I am the parent of the change sources, and hand what they find to the master that is mine."""

    def __init__(self) -> None:
        super().__init__()
        self.setName("changemaster")

    def addChange(self, change: Change) -> Deferred[Change]:
        """
        Somebody committed something.

        @return: fires with the Change, its number set, once it is on disk (P2).
        """
        parent: Any = self.parent
        return ensureDeferred(parent.addChange(change))

    def getChangeNumbered(self, num: int) -> Deferred[Change | None]:
        """Fires with the Change of this number; None if it is not kept."""
        parent: Any = self.parent
        found: Deferred[Change | None] = parent.botmaster.store.getChange(num)
        return found

    def addSource(self, source: Any) -> None:
        """Listen to one more source."""
        source.setServiceParent(self)

    def removeSource(self, source: Any) -> Any:
        """Listen to it no more; may return a Deferred."""
        return source.disownServiceParent()

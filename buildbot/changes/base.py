# -*- test-case-name: tests.unit.changes.test_changes -*-
"""The base class of change sources: start, stop and comparison.

Subclasses decide what to watch.
"""

from __future__ import annotations

import inspect
from typing import Any

from twisted.application import service
from twisted.internet.defer import Deferred, ensureDeferred
from zope.interface import implementer

from buildbot import interfaces
from buildbot.config.compare import ComparableMixin


@implementer(interfaces.IChangeSource)
class ChangeSource(service.Service, ComparableMixin):
    """I watch for changes: derive from me.

    A subclass overrides C{start} and C{stop} (or, as in 0.7.5, C{startService} and C{stopService}). It passes
    each change to C{self.parent.addChange}. Two sources are equal if the attributes in C{compare_attrs} are
    equal.
    """

    _starting: Deferred[Any] | None = None

    def setServiceParent(self, parent: Any) -> Deferred[Any] | None:
        """Join the ChangeMaster.

        @return: if the start takes time, a Deferred that fires when I am watching, or fails if I cannot.
        """
        super().setServiceParent(parent)
        return self._starting

    def startService(self) -> None:
        """Start to watch: the master is running."""
        super().startService()
        self._starting = _deferred(self.start())

    def stopService(self) -> Deferred[Any] | None:
        """Stop watching. Returns None, or a Deferred that fires when that is done."""
        super().stopService()
        return _deferred(self.stop())

    def start(self) -> Any:
        """Start to watch. May be C{async}. Any exception means that the source cannot start."""

    def stop(self) -> Any:
        """Stop watching. May be C{async}. Also called if C{start} has failed."""

    def describe(self) -> str:
        """One line for people: what I watch."""
        return type(self).__name__


def _deferred(result: Any) -> Deferred[Any] | None:
    if inspect.iscoroutine(result):
        return ensureDeferred(result)
    return result if isinstance(result, Deferred) else None

# -*- test-case-name: tests.unit.changes.test_changes -*-
"""
What all sources of changes share: a life, and how to compare two of them.

What they watch, and how, is for each of them.
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
    """
    I watch for changes: derive from me.

    A subclass overrides C{start} and C{stop} (or, as in 0.7.5, C{startService} and C{stopService}), hands
    what it finds to C{self.parent.addChange}, and lists in C{compare_attrs} what makes two of its kind equal.
    """

    _starting: Deferred[Any] | None = None

    def setServiceParent(self, parent: Any) -> Deferred[Any] | None:
        """
        Belong to the ChangeMaster.

        @return: if that takes time, fires once I watch; fails if I cannot.
        """
        super().setServiceParent(parent)
        return self._starting

    def startService(self) -> None:
        """The master runs: watch."""
        super().startService()
        self._starting = _deferred(self.start())

    def stopService(self) -> Deferred[Any] | None:
        """Watch no more; the Deferred, if there is one, fires when all is quiet."""
        super().stopService()
        return _deferred(self.stop())

    def start(self) -> Any:
        """Begin to watch.  May be C{async}, and raise whatever makes it impossible."""

    def stop(self) -> Any:
        """Watch no more.  May be C{async}; is called also if C{start} has failed."""

    def describe(self) -> str:
        """One line that says what I watch, for people."""
        return type(self).__name__


def _deferred(result: Any) -> Deferred[Any] | None:
    if inspect.iscoroutine(result):
        return ensureDeferred(result)
    return result if isinstance(result, Deferred) else None

"""Helpers that plug-ins and configurations of 0.7.5 import."""

from __future__ import annotations

from typing import Protocol

from buildbot.config.compare import ComparableMixin
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.times import earlier, later, now
from buildbot.text.plural import counted
from buildbot.text.similar import closest

__all__ = [
    "PLUGIN_ERRORS",
    "ComparableMixin",
    "closest",
    "counted",
    "earlier",
    "ignoreStaleRefs",
    "later",
    "now",
]


class _Trapping(Protocol):
    """The part of a Twisted Failure that L{ignoreStaleRefs} uses. This module does not import Twisted."""

    def trap(self, *errorTypes: str) -> object: ...


def ignoreStaleRefs(failure: _Trapping) -> None:
    """An errback that swallows the two errors of a remote reference whose connection is gone.

    Any other failure goes on.
    """
    failure.trap("twisted.spread.pb.DeadReferenceError", "twisted.spread.pb.PBConnectionLost")

"""Helpers that plug-ins and configurations of 0.7.5 and 0.8 import."""

from __future__ import annotations

import json
from typing import Protocol

from buildbot.changes.filter import EVERY as NotABranch
from buildbot.config.compare import ComparableMixin
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.times import UTC, datetime2epoch, earlier, epoch2datetime, later, now
from buildbot.model.values import ascii2unicode, makeList, naturalSort
from buildbot.text.plural import counted
from buildbot.text.similar import closest

__all__ = [
    "PLUGIN_ERRORS",
    "UTC",
    "ComparableMixin",
    "NotABranch",
    "ascii2unicode",
    "closest",
    "counted",
    "datetime2epoch",
    "earlier",
    "epoch2datetime",
    "formatInterval",
    "human_readable_delta",
    "ignoreStaleRefs",
    "json",
    "later",
    "makeList",
    "naturalSort",
    "now",
]


def formatInterval(eta: float) -> str:
    """A number of seconds in words, as in 0.8: C{"1 hrs, 1 mins, 1 secs"}."""
    hours, rest = divmod(int(eta), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [f"{count} {unit}" for count, unit in ((hours, "hrs"), (minutes, "mins")) if count]
    return ", ".join([*parts, f"{seconds} secs"])


def human_readable_delta(start: float, end: float) -> str:
    """The time between two times in words, as in 0.8: C{"1 days, 2 seconds"}."""
    days, rest = divmod(int(abs(end - start)), 86400)
    counts = {"days": days, "hours": rest // 3600, "minutes": rest % 3600 // 60, "seconds": rest % 60}
    return ", ".join(f"{count} {unit}" for unit, count in counts.items() if count) or "super fast"


class _Trapping(Protocol):
    """The part of a Twisted Failure that L{ignoreStaleRefs} uses. This module does not import Twisted."""

    def trap(self, *errorTypes: str) -> object: ...


def ignoreStaleRefs(failure: _Trapping) -> None:
    """An errback that swallows the two errors of a remote reference whose connection is gone.

    Any other failure goes on.
    """
    failure.trap("twisted.spread.pb.DeadReferenceError", "twisted.spread.pb.PBConnectionLost")

# -*- test-case-name: tests.unit.process.test_builds -*-
"""
The real locks of a master, found by what the configuration says of them.

Who gets a lock, and when, is in L{buildbot.process.locktable}.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from buildbot.config.builders import locksOf
from buildbot.config.model import BuilderConfig


class SharedLocks:
    """
    I hold one real lock for each name and kind of lock in the configuration.

    @ivar table: (name of the class, name of the lock) -> real lock.
    """

    def __init__(self) -> None:
        self.table: dict[tuple[str, str], Any] = {}

    def get(self, lockid: Any) -> Any:
        """The real lock of a L{buildbot.process.locks.MasterLock} or C{SlaveLock}; equal names share one."""
        key = (type(lockid).__name__, lockid.name)
        real = self.table.get(key)
        if real is None:
            real = self.table[key] = lockid.lockClass(lockid)
        return real

    def configure(self, builders: Iterable[BuilderConfig]) -> None:
        """
        Take over what the locks of all builders say now. If a lock has more places, its waiters get them.

        Builds that began before still bring their old lock objects; these change nothing. A lock that no
        builder names any more is forgotten once nobody holds it.
        """
        lockids: list[Any] = [
            lockid for builder in builders for lockid in locksOf(builder.locks, builder.factory)
        ]
        named = {(type(lockid).__name__, lockid.name): lockid for lockid in lockids}
        self.table = {key: real for key, real in self.table.items() if key in named or not real.isIdle()}
        for lockid in named.values():
            self.get(lockid).configure(lockid)

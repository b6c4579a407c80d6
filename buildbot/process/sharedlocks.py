# -*- test-case-name: tests.unit.process.test_builds -*-
"""The real locks of a master, by the locks of the configuration.

L{buildbot.process.locktable} assigns the locks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from buildbot.config.builders import locksOf
from buildbot.config.model import BuilderConfig, SlaveConfig


class SharedLocks:
    """I hold one real lock for each name and kind of lock in the configuration.

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

    def configure(self, builders: Iterable[BuilderConfig], slaves: Iterable[SlaveConfig] = ()) -> None:
        """Apply the lock settings of a new configuration. If a lock has more places, its waiters get them.

        Earlier builds still use their old lock objects; these change nothing. A lock that is no longer in the
        configuration is forgotten by the first reconfig at which it is idle.
        """
        lockids: list[Any] = [
            lockid for builder in builders for lockid in locksOf(builder.locks, builder.factory)
        ]
        lockids += [lockid for slave in slaves for lockid in slave.locks]
        named = {(type(lockid).__name__, lockid.name): lockid for lockid in lockids}
        self.table = {key: real for key, real in self.table.items() if key in named or not real.isIdle()}
        for lockid in named.values():
            self.get(lockid).configure(lockid)

# -*- test-case-name: tests.unit.process.test_engine_keeping -*-
"""
What the parts of a master that deal with builds share: the clock, the store, the directory of logs.

Whether the store works is in L{buildbot.process.storehealth}.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from buildbot.daemon.troubles import Symptom, Troubles
from buildbot.events.sleep import sleep
from buildbot.files.partial import PARTIALS, Partials
from buildbot.logs.directory import LOGS
from buildbot.logs.live import LogDirectory
from buildbot.status.announcer import Announcer
from buildbot.store.interface import IStore
from buildbot.store.memory import MemoryStore


class Resources:
    """
    I hold what the parts of one master share.

    @ivar clock: a twisted clock; it makes all timers.
    @ivar now: tells the time, in seconds since the epoch.
    @ivar store: an L{buildbot.store.interface.IStore}; it is open when builds begin.
    @ivar logs: makes the logs of steps.
    @ivar announcer: tells status receivers what happens.
    @ivar troubles: everything that is wrong with this master now.
    @ivar basedir: the master's directory. File transfers are relative to it.
    @ivar partials: remembers incomplete uploads; None until the master's directory is known.
    @ivar stopping: whether the master is stopping.
    """

    def __init__(self, clock: IReactorTime, now: Callable[[], float] = time.time) -> None:
        """The store forgets everything, until L{use} is given a better one."""
        self.clock = clock
        self.now = now
        self.troubles = Troubles(now)
        self.store: IStore = MemoryStore()
        self.logs = LogDirectory(".", clock, troubles=self.troubles)
        self.announcer = Announcer(clock)
        self.basedir = "."
        self.partials: Partials | None = None
        self.stopping = False

    def use(self, basedir: str, store: IStore) -> None:
        """Keep files and logs in this directory, and everything else in this store."""
        self.basedir = basedir
        self.store = store
        self.logs = LogDirectory(os.path.join(basedir, LOGS), self.clock, troubles=self.troubles)
        self.troubles.watch("logs", self._lookAtLogs)
        self.partials = Partials(os.path.join(basedir, PARTIALS))

    def _lookAtLogs(self) -> Symptom | None:
        if not os.path.lexists(self.logs.directory) or os.path.isdir(self.logs.directory):
            return None
        return Symptom(
            "the output of steps is lost: the logs cannot be written",
            f"{self.logs.directory} is not a directory",
            "move it away: the master makes the directory anew",
        )

    def sleep(self, seconds: float) -> Deferred[None]:
        """Fires after so many seconds."""
        return sleep(self.clock, seconds)

# -*- test-case-name: tests.unit.process.test_engine_keeping -*-
"""The resources shared by the parts of a master that run builds: clock, store, directory of logs.

L{buildbot.process.storehealth} watches the store.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from buildbot.daemon.troubles import Troubles
from buildbot.events.sleep import sleep
from buildbot.files.partial import PARTIALS, Partials
from buildbot.logs.live import LogDirectory
from buildbot.logs.names import LOGS
from buildbot.logs.presence import Presence
from buildbot.status.announcer import Announcer
from buildbot.status.event import SlaveEvents
from buildbot.status.history import History
from buildbot.store.interface import IStore
from buildbot.store.memory import MemoryStore

if TYPE_CHECKING:
    from buildbot.logstorage.storage import LogStorage

#: The most waiting requests of a builder in memory.
MOST_WAITING = 1000
#: The same for a builder with a function that chooses among them.
MOST_TO_CHOOSE = 50_000


class Resources:
    """I hold the shared resources of one master.

    @ivar clock: the Twisted clock for all timers.
    @ivar now: returns the time, in seconds since the epoch.
    @ivar store: an L{buildbot.store.interface.IStore}; open before the first build.
    @ivar logs: creates the logs of steps.
    @ivar announcer: delivers events to status receivers.
    @ivar history: the finished builds, for status receivers and pages.
    @ivar slaveEvents: the events of slaves, for all builders.
    @ivar troubles: the present troubles of this master.
    @ivar basedir: the master's directory. File transfers are relative to it.
    @ivar partials: notes incomplete uploads; None until the master's directory is known.
    @ivar mostWaiting: the most waiting requests of a builder in memory; C{mostToChoose}, if a function of the
        configuration chooses among them. See L{buildbot.process.backlog}.
    @ivar closer: the name of this process in the store, as the one that has ended a build.
    @ivar stopping: whether the master is stopping.
    @ivar logStorage: keeps the logs of finished builds in a bucket; None: they are only on this disk.
    @ivar hold: why no build may start, though the store works; empty if builds may start.
    @ivar deposed: why slaves must look for another master; empty normally.
    """

    def __init__(self, clock: IReactorTime, now: Callable[[], float] = time.time) -> None:
        """Start with a store in memory, until L{use} sets the real one."""
        self.clock = clock
        self.now = now
        self.troubles = Troubles(now)
        self.store: IStore = MemoryStore()
        self.logs = LogDirectory(".", clock, troubles=self.troubles)
        self.announcer = Announcer(clock)
        self.history = History(self)
        self.slaveEvents = SlaveEvents()
        self.troubles.began = lambda trouble: self.announcer.report("troubleBegan", trouble.toRecord())
        self.troubles.ended = lambda subject: self.announcer.report("troubleEnded", subject)
        self.basedir = "."
        self.partials: Partials | None = None
        self.mostWaiting, self.mostToChoose = MOST_WAITING, MOST_TO_CHOOSE
        self.closer = secrets.token_hex(8)
        self.stopping = False
        self.logStorage: LogStorage | None = None
        self.hold = ""
        self.deposed = ""

    def use(self, basedir: str, store: IStore) -> None:
        """Set the directory for files and logs, and the store for everything else."""
        self.basedir = basedir
        self.store = store
        self.logs = LogDirectory(os.path.join(basedir, LOGS), self.clock, troubles=self.troubles)
        self.troubles.watch("logs", Presence(self.logs.directory).look)
        self.partials = Partials(os.path.join(basedir, PARTIALS))

    def sleep(self, seconds: float) -> Deferred[None]:
        """Fires with None after some seconds."""
        return sleep(self.clock, seconds)

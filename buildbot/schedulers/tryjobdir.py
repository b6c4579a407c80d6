# -*- test-case-name: tests.processes.test_tryjobdir -*-
"""The scheduler that builds the try jobs in a directory: C{Try_Jobdir}.

The directory is a maildir: jobs arrive in C{new}, and are moved to C{cur} when their build set is stored.
The name of a job is stored in one transaction with its build set. So a crash in between neither loses a job
nor builds it twice. A malformed job is moved to C{bad}.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from buildbot.changes.maildir import Maildir, NoSuchMaildir
from buildbot.config.arguments import Kind, arguments
from buildbot.daemon.oserrors import inWords
from buildbot.model.tryjob import LONGEST_JOB, BadJobfile, readJob
from buildbot.process.buildset import BuildSet
from buildbot.process.triggering import SchedulerStopped
from buildbot.schedulers import trytelling
from buildbot.schedulers.trybase import TryBase
from buildbot.schedulers.trytelling import Teller
from buildbot.store.outbox import RETRY_AFTER
from buildbot.text.printable import plainLine

log = Logger()

#: Seconds between two looks for jobs.
LOOK_EVERY = 2.0
#: The end of the name of a job whose author waits for the builds.
WAITS = ".wait"

JOBDIR = Kind(
    "the path of a directory (text)", lambda value: isinstance(value, str) and bool(value), standIn="-"
)


class BadJobdir(Exception):
    """A directory for jobs cannot be used. The message says which, and why."""


class Jobdir(Maildir):
    """I am the directory. Besides the parts of a maildir, I have C{bad} for malformed jobs and C{told}."""

    def __init__(self, basedir: str) -> None:
        super().__init__(basedir)
        self.bad = os.path.join(basedir, "bad")
        self.told = os.path.join(basedir, "told")

    def make(self, now: float) -> None:
        """Make the missing directories, and tidy up. Raises L{BadJobdir}."""
        try:
            for name in ("new", "cur", "tmp", "bad", "told"):
                os.makedirs(os.path.join(self.basedir, name), exist_ok=True)
        except OSError as error:
            raise BadJobdir(f"the jobdir cannot be made: {inWords(error)}") from None
        trytelling.tidy(self.told, now)

    def authorOf(self, name: str) -> str:
        """The user that has delivered a job; empty for the user of the master, whom many may share."""
        try:
            owner = os.lstat(os.path.join(self.newdir, name)).st_uid
            return "" if owner == os.getuid() else pwd.getpwuid(owner).pw_name
        except (OSError, KeyError):
            return ""

    def putAside(self, name: str) -> None:
        """Move a malformed job to C{bad}. Raises OSError."""
        os.rename(os.path.join(self.newdir, name), os.path.join(self.bad, name))


class Try_Jobdir(TryBase):
    """I build the jobs that C{buildbot tryserver} puts into a directory."""

    compare_attrs: Sequence[str] = ("name", "builderNames", "jobdir", "properties")

    @arguments(jobdir=JOBDIR)
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str],
        jobdir: str,
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """@param jobdir: the directory; a relative path is below the directory of the master."""
        super().__init__(name, builderNames, properties)
        self.jobdir = jobdir
        self._taken: set[str] = set()
        self._left: dict[str, str] = {}  # jobs that stay in new -> why
        self._trouble = ""
        self._tellers: set[Teller] = set()
        self._alarm = self.newAlarm(lambda: self._logged(self._look(self._generation)))

    @property
    def directory(self) -> Jobdir:
        """The directory, with a path that is complete."""
        master: Any = self.parent
        return Jobdir(os.path.join(master.basedir, os.path.expanduser(self.jobdir)))

    # start and stop

    def startService(self) -> None:
        """Restore the state, and make the directory."""
        super().startService()
        self._starting = ensureDeferred(self._prepare(self._starting))

    async def _prepare(self, starting: Deferred[None] | None) -> None:
        """Make the directory, then finish the start. Raises L{BadJobdir}."""
        generation = self._generation
        self._directory = self.directory
        await deferToThread(self._directory.make, self.now())
        if starting is not None:
            await starting
        if generation is self._generation:
            self._alarm.set(self.engine.clock, 0)

    def cease(self) -> None:
        """See L{buildbot.schedulers.base.BaseScheduler.cease}."""
        super().cease()
        tellers, self._tellers = self._tellers, set()
        for teller in tellers:
            teller.stop()

    def toRecord(self) -> dict[str, Any]:
        """The names of the jobs that are stored, and may still be in C{new}."""
        return {"taken": sorted(self._taken)}

    def restore(self, record: Mapping[str, Any]) -> None:
        """Restore these names."""
        self._taken = {str(name) for name in record.get("taken", ())}
        self._left = {}

    # jobs

    async def _look(self, generation: object) -> None:
        """Take all jobs that have arrived, and look again later."""
        pause = LOOK_EVERY
        try:
            if self._isReady:
                await self._takeAll(generation)
                self._trouble = ""
        except NoSuchMaildir as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                log.error("scheduler {name} gets no jobs: {why}", name=self.name, why=self._trouble)
            pause = RETRY_AFTER
        finally:
            if generation is self._generation and generation is not None:
                self._alarm.set(self.engine.clock, pause)

    async def _takeAll(self, generation: object) -> None:
        """Take the jobs in C{new}, in the order of their arrival. Raises L{NoSuchMaildir}."""
        names = await deferToThread(self._directory.arrived)
        self._left = {name: why for name, why in self._left.items() if name in names}
        if not self._taken.issubset(names):  # moved just before a crash
            self._taken.intersection_update(names)
            self.changed()
        for name in names:
            if generation is not self._generation:
                return
            try:
                await self._take(name)
            except SchedulerStopped:
                return
            except NoSuchMaildir as error:
                self._leave(name, str(error))

    def _leave(self, name: str, why: str) -> None:
        """Leave a job where it is, and say so once."""
        if self._left.get(name) != why:
            log.error(
                "scheduler {name} cannot take job {job}: {why}", name=self.name, job=plainLine(name), why=why
            )
        self._left[name] = why

    async def _take(self, name: str) -> None:
        """Take one job. Raises L{NoSuchMaildir} or L{SchedulerStopped}; then it stays in C{new}."""
        if name not in self._taken:
            data = await deferToThread(self._directory.read, name, LONGEST_JOB + 1)
            if data is None:
                return
            try:
                author = await deferToThread(self._directory.authorOf, name)
                buildset = self.buildSetOf(readJob(data), author)
                await self._keep(name, buildset)
                self.recorded(author, "jobdir", buildset)
            except BadJobfile as error:
                await self._putAside(name, str(error))
                return
        await deferToThread(self._directory.see, name)
        await deferToThread(self._directory.settle)
        self._taken.discard(name)
        self.changed()

    async def _keep(self, name: str, buildset: BuildSet) -> None:
        """Store a build set together with the name of its job. Raises L{SchedulerStopped}."""
        self._taken.add(name)  # it is stored with the set
        if await self.keep(buildset) is None:
            self._taken.discard(name)
            raise BadJobfile("it cannot be built")
        log.info("scheduler {name} builds job {job}", name=self.name, job=plainLine(name))
        if name.endswith(WAITS):
            teller = Teller(os.path.join(self._directory.told, name), buildset.status, self._tellers.discard)
            self._tellers.add(teller)
            teller.start()

    async def _putAside(self, name: str, why: str) -> None:
        """Move a malformed job away, or at least leave it alone."""
        if name in self._left:
            return
        told = f"it is malformed or refused, and is moved to {self._directory.bad}: {plainLine(why)}"
        if name.endswith(WAITS):
            await trytelling.refuse(os.path.join(self._directory.told, name), why)
        try:
            await deferToThread(self._directory.putAside, name)
        except OSError as error:
            told = f"it is malformed or refused: {plainLine(why)}; and it cannot be moved: {inWords(error)}"
        self._leave(name, told)

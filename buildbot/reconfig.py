# -*- test-case-name: tests.test_reconfig -*-
"""
A changed master.cfg is put into force, whole or not at all.

One reconfiguration runs at a time; what is asked for meanwhile is folded into
one more, and everybody who asked learns how theirs ended.  The file is first
loaded in a child process, which may hang, exit or crash as it likes, and then
in a thread here.  Every step that can fail comes before the first that changes
anything.  What differs is found by L{buildbot.config.diff}.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger

from buildbot.config.diff import ConfigChange, diff
from buildbot.config.kept import keep
from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.daemon.childload import LoadReport
from buildbot.exchange import Refused

log = Logger()

#: Seconds that master.cfg may run, if the caller does not say otherwise.
LOAD_TIME = 90.0
STOPPING = "the master is stopping"


class Target(Protocol):
    """What a configuration is applied to: L{buildbot.master.BuildMaster}."""

    basedir: str
    generation: int

    @property
    def configPath(self) -> str:
        """The file."""

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""

    async def prepare(self, config: MasterConfig, change: ConfigChange) -> Any:
        """Do all that can fail, without a visible change; what it returns goes to C{commit}."""

    async def abandon(self, prepared: Any) -> None:
        """Undo what C{prepare} did, for the master is stopping."""

    def consequences(self, change: ConfigChange, drain: bool) -> list[str]:
        """What a change will cost those who build, in lines for the user."""

    def warnings(self) -> list[str]:
        """What is not wrong yet, in lines for the user."""

    def commit(self, config: MasterConfig, change: ConfigChange, prepared: Any, drain: bool) -> list[str]:
        """
        Do the rest, which cannot fail; return the slaves that are still being told.

        @param drain: let removed slaves end what they build before they are disconnected.
        """


Check = Callable[[str, str, float], Deferred[LoadReport]]
Load = Callable[[str, str, float], Deferred[MasterConfig]]


@dataclass
class _Job:
    dryRun: bool
    timeout: float
    path: str | None = None
    drain: bool = False
    waiters: list[Deferred[dict[str, Any]]] = field(default_factory=list)


class Reconfigurer:
    """I reconfigure one master, on request."""

    def __init__(self, target: Target, check: Check, load: Load) -> None:
        """
        @param check: loads a file out of harm's way first: see L{buildbot.daemon.childload}.
        @param load: loads it here: see L{buildbot.daemon.fileload}.
        """
        self._target = target
        self.check = check
        self._load = load
        self._queue: list[_Job] = []
        self._working = False
        self._stopped = False
        self._checking: Deferred[LoadReport] | None = None

    def request(
        self,
        dryRun: bool = False,
        timeout: float | None = None,
        drain: bool = False,
        path: str | None = None,
    ) -> Deferred[dict[str, Any]]:
        """
        Load master.cfg again and put it into force, or only say what that would change.

        @param timeout: seconds that master.cfg may run.
        @param drain: let removed slaves end what they build before they are disconnected; so it is
            done if one of those wants it whose requests are folded into one.
        @param path: another file than that of the master; only requests for the same are folded into one.
        @return: fires with the outcome: C{generation}, C{applied}, and lists of
            lines C{changes}, C{warnings}, C{errors}, C{pending} (slaves still
            being told), and C{output} (what master.cfg printed).  Never fails.
        """
        seconds = LOAD_TIME if timeout is None else float(timeout)
        job = next((job for job in reversed(self._queue) if job.dryRun is dryRun), None)
        if job is None or job.path != path:
            job = _Job(dryRun, seconds, path)
            self._queue.append(job)
        job.timeout = max(job.timeout, seconds)
        job.drain = job.drain or drain
        waiter: Deferred[dict[str, Any]] = Deferred()
        job.waiters.append(waiter)
        if not self._working:
            self._working = True
            ensureDeferred(self._work()).addErrback(lambda why: log.failure("reconfiguring", why))
        return waiter

    def stop(self) -> None:
        """Refuse what waits and whatever comes: the master is stopping."""
        self._stopped = True
        if self._checking is not None:
            self._checking.cancel()

    async def _work(self) -> None:
        try:
            while self._queue:
                job = self._queue.pop(0)
                outcome = await self._one(job)
                for waiter in job.waiters:
                    waiter.callback(dict(outcome))
        finally:
            self._working = False

    def _stillRunning(self) -> None:
        if self._stopped:
            raise Refused([STOPPING])

    async def _one(self, job: _Job) -> dict[str, Any]:
        outcome: dict[str, Any] = {
            "generation": self._target.generation,
            "applied": False,
            "changes": [],
            "warnings": [],
            "errors": [],
            "pending": [],
            "output": "",
        }
        try:
            await self._try(job, outcome)
        except Refused as refused:
            outcome["errors"] = refused.errors
        except Exception as error:
            log.failure("reconfiguring")
            outcome["errors"] = [f"internal error: {type(error).__name__}: {error}"]
        self._say(job, outcome)
        return outcome

    async def _try(self, job: _Job, outcome: dict[str, Any]) -> None:
        target = self._target
        # What was checked is what is loaded, whoever changes it meanwhile.
        path = job.path or target.configPath
        self._stillRunning()
        self._checking = self.check(path, target.basedir, job.timeout)
        try:
            report = await self._checking
        except CancelledError:
            raise Refused([STOPPING]) from None
        finally:
            self._checking = None
        outcome["output"] = report.output
        outcome["warnings"] = _lines(report.warnings)
        if not report.ok:
            raise Refused(_lines(report.errors))
        try:
            loaded = await self._load(path, target.basedir, job.timeout)
        except ConfigErrors as errors:
            raise Refused(_lines(errors.errors)) from errors
        outcome["warnings"] = _lines(loaded.warnings)
        config = keep(target.config, loaded)
        change = diff(target.config, config)
        outcome["changes"] = list(change.describe())
        outcome["warnings"] += target.consequences(change, job.drain)
        if job.dryRun:
            return
        self._stillRunning()
        prepared = await target.prepare(config, change)
        if self._stopped:
            await target.abandon(prepared)
        self._stillRunning()
        outcome["pending"] = target.commit(config, change, prepared, job.drain)
        outcome["applied"] = True  # whatever happens from here on
        outcome["generation"] = target.generation
        outcome["warnings"] += target.warnings()

    def _say(self, job: _Job, outcome: dict[str, Any]) -> None:
        if job.dryRun:
            return
        if not outcome["applied"]:
            errors = "; ".join(outcome["errors"])
            log.warn("configuration refused, the old one stands: {errors}", errors=errors)
            return
        for line in outcome["changes"]:
            log.info("reconfig: {line}", line=line)
        log.info("configuration update complete: generation {generation}", generation=outcome["generation"])


def _lines(problems: Iterable[object]) -> list[str]:
    return [str(problem) for problem in problems]

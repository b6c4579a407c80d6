# -*- test-case-name: tests.unit.reconfig.test_reconfigurer -*-
"""Reconfigure a master on request, one reconfiguration at a time.

Requests that arrive during a reconfiguration share the next one. Each client gets the outcome of its own.
L{buildbot.reconfig.loading} loads the file, L{buildbot.config.diff} compares it, and
L{buildbot.reconfig.apply} applies it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from twisted.internet.defer import CancelledError, Deferred, ensureDeferred
from twisted.logger import Logger

from buildbot.config.diff import ConfigChange, diff
from buildbot.config.kept import keep
from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.reconfig.childload import LoadReport
from buildbot.reconfig.loading import Loading
from buildbot.reconfig.plugins import STOPPING, Refused

log = Logger()

#: The default for the seconds that master.cfg may run.
LOAD_TIME = 90.0


#: The stages of a reconfig, in words for a waiting client.
_RUNS, _LOADS = "master.cfg is running", "master.cfg is being loaded"
_STARTS = "ports and plug-ins are starting"
_GIVEN_UP = "it was given up: no client waits for it any more"
#: The most outcomes of earlier reconfigs, whose clients have gone, that the next client gets.
_UNTOLD = 5


P = TypeVar("P")


class Target(Protocol[P]):
    """The part that applies a configuration: the L{buildbot.reconfig.apply.Applier} of the master.

    C{P} is the type that C{prepare} passes to C{commit} or C{abandon}.
    """

    @property
    def generation(self) -> int:
        """The number of configurations applied since the start."""

    @property
    def config(self) -> MasterConfig:
        """The configuration in force."""

    async def prepare(self, config: MasterConfig, change: ConfigChange) -> P:
        """Do the steps that can fail, without a visible change.

        @raise Refused: a step failed.
        """

    async def abandon(self, prepared: P) -> None:
        """Undo C{prepare}: the master is stopping."""

    def consequences(self, change: ConfigChange, drain: bool) -> list[str]:
        """The effects of a change on running builds, requests and slaves, as lines for the user."""

    def warnings(self) -> list[str]:
        """Future problems, such as expiring certificates, as lines for the user."""

    def commit(self, config: MasterConfig, change: ConfigChange, prepared: P, drain: bool) -> list[str]:
        """Do the remaining steps, which cannot fail.

        @param drain: let builds on removed slaves end before the slaves are disconnected.
        @return: the names of attached slaves that still have to accept their new builder list.
        """


@dataclass
class ConfigFile:
    """The file of one master.

    @ivar basedir: the directory of the master.
    @ivar name: the name of the file, relative to C{basedir}.
    """

    basedir: str
    name: str

    @property
    def path(self) -> str:
        """The path of the file."""
        return os.path.join(self.basedir, self.name)


@dataclass
class _Job:
    """One reconfiguration, shared by its clients. C{askers} are the names of the clients that gave one."""

    dryRun: bool
    timeout: float
    path: str | None = None
    drain: bool = False
    begun: float = 0.0
    stage: str = ""
    askers: list[str] = field(default_factory=list)
    waiters: list[Deferred[dict[str, Any]]] = field(default_factory=list)


class Reconfigurer(Generic[P]):
    """I reconfigure one master on request."""

    def __init__(
        self,
        target: Target[P],
        file: ConfigFile,
        loading: Loading,
        now: Callable[[], float] = time.monotonic,
        ended: Callable[[dict[str, Any]], object] = lambda outcome: None,
    ) -> None:
        """@param file: the default file to load.
        @param now: a clock in seconds, to measure durations.
        @param ended: called with each outcome, except that of a dry run; see L{request}.
        """
        self._ended = ended
        self._now = now
        self._running: _Job | None = None
        self._untold: list[str] = []
        self._target = target
        self._file = file
        self._loading = loading
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
        who: str = "",
    ) -> Deferred[dict[str, Any]]:
        """Load master.cfg again and apply it, or only report the changes.

        When all clients of a reconfiguration have cancelled, it is given up if nothing has changed yet.
        Otherwise it continues. The next client gets its outcome as a note.

        @param dryRun: only report the changes.
        @param timeout: the seconds that master.cfg may run.
        @param drain: let builds on removed slaves end before the slaves are disconnected. In a shared
            reconfiguration, one request with this flag is enough.
        @param path: a file to load instead of the master's. Only requests for the same file share a
            reconfiguration.
        @param who: the name of the client, shown to other clients.
        @return: fires with the outcome: C{generation}, C{applied}, C{output} (the output of master.cfg), and
            lists of lines: C{changes}, C{warnings}, C{errors}, C{pending} (slaves that still have to accept
            their builder list), C{notes} (outcomes of earlier requests whose clients have gone). Fails only
            if it is cancelled.
        """
        seconds = LOAD_TIME if timeout is None else float(timeout)
        job = next((job for job in reversed(self._queue) if job.dryRun is dryRun), None)
        if job is None or job.path != path:
            job = _Job(dryRun, seconds, path)
            self._queue.append(job)
        job.timeout = max(job.timeout, seconds)
        job.drain = job.drain or drain
        job.askers += [who] if who and who not in job.askers else []
        waiter: Deferred[dict[str, Any]] = Deferred(self._withdraw)
        job.waiters.append(waiter)
        if not self._working:
            self._working = True
            ensureDeferred(self._work()).addErrback(lambda why: log.failure("reconfig failed", why))
        return waiter

    def stop(self) -> None:
        """Refuse all waiting and all further requests: the master is stopping."""
        self._stopped = True
        if self._checking is not None:
            self._checking.cancel()

    def _withdraw(self, waiter: Deferred[dict[str, Any]]) -> None:
        """Remove a client that has cancelled. Without further clients, the reconfiguration is given up."""
        running = self._running
        for job in [*self._queue, *([running] if running is not None else [])]:
            if waiter in job.waiters:
                job.waiters.remove(waiter)
                if not job.waiters:
                    self._abandon(job)
                break

    def _abandon(self, job: _Job) -> None:
        if job in self._queue:
            self._queue.remove(job)
            self._remember(job, "was given up before it began")
        elif self._checking is not None:
            self._checking.cancel()

    def _remember(self, job: _Job, became: str) -> None:
        """Keep the outcome of a reconfiguration for the next client."""
        log.info(
            "reconfig{of} {became}; its client was no longer connected",
            of=_of(job.askers),
            became=became,
        )
        self._untold.append(f"an earlier reconfig{_of(job.askers)}, which was interrupted, {became}")
        del self._untold[:-_UNTOLD]

    def progress(self) -> dict[str, Any]:
        """The present state, for a waiting client.

        @return: C{running}: None, or a dict of C{who} (the clients' names), C{seconds} (the time it has run),
            C{stage} (in words) and C{dryRun}; and C{waiting}: the number of queued reconfigurations.
        """
        job = self._running
        now = None
        if job is not None:
            now = {
                "who": ", ".join(job.askers),
                "seconds": self._now() - job.begun,
                "stage": job.stage,
                "dryRun": job.dryRun,
            }
        return {"running": now, "waiting": len(self._queue)}

    async def _work(self) -> None:
        try:
            while self._queue:
                job = self._running = self._queue.pop(0)
                job.begun = self._now()
                notes, self._untold = self._untold, []
                outcome = await self._one(job)
                if not job.dryRun:
                    self._ended({**outcome, "who": ", ".join(job.askers)})
                self._running = None
                if not job.waiters:
                    self._untold += notes
                    self._remember(job, _became(outcome))
                outcome["notes"] = notes
                for waiter in job.waiters:
                    waiter.callback(dict(outcome))
        finally:
            self._working = False
            self._running = None

    def _stillWanted(self, job: _Job) -> None:
        """Raise Refused if the master is stopping or all clients have gone."""
        self._stillRunning()
        if not job.waiters:
            raise Refused([_GIVEN_UP])

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
            "notes": [],
            "output": "",
        }
        try:
            await self._try(job, outcome)
        except Refused as refused:
            outcome["errors"] = refused.errors
        except PLUGIN_ERRORS as error:
            log.failure("reconfig failed")
            outcome["errors"] = [f"internal error: {type(error).__name__}: {error}"]
        self._say(job, outcome)
        return outcome

    async def _try(self, job: _Job, outcome: dict[str, Any]) -> None:
        target = self._target
        # Load the checked file, even if the file's name changes during the check.
        path, basedir = job.path or self._file.path, self._file.basedir
        self._stillWanted(job)
        job.stage = _RUNS
        self._checking = self._loading.check(path, basedir, job.timeout)
        try:
            report = await self._checking
        except CancelledError:
            raise Refused([STOPPING if self._stopped else _GIVEN_UP]) from None
        finally:
            self._checking = None
        job.stage = _LOADS
        outcome["output"] = report.output
        outcome["warnings"] = _lines(report.warnings)
        if not report.ok:
            raise Refused(_lines(report.errors))
        try:
            loaded = await self._loading.load(path, basedir, job.timeout)
        except ConfigErrors as errors:
            raise Refused(_lines(errors.errors)) from errors
        outcome["warnings"] = _lines(loaded.warnings)
        config = keep(target.config, loaded)
        change = diff(target.config, config)
        outcome["changes"] = list(change.describe())
        outcome["warnings"] += target.consequences(change, job.drain)
        if job.dryRun:
            return
        self._stillWanted(job)
        job.stage = _STARTS
        prepared = await target.prepare(config, change)
        if self._stopped:
            await target.abandon(prepared)
        self._stillRunning()
        outcome["pending"] = target.commit(config, change, prepared, job.drain)
        outcome["applied"] = True  # also if a later line fails
        outcome["generation"] = target.generation
        outcome["warnings"] += target.warnings()

    def _say(self, job: _Job, outcome: dict[str, Any]) -> None:
        if job.dryRun:
            return
        if not outcome["applied"]:
            errors = "; ".join(outcome["errors"])
            log.warn("new configuration refused, the old one stays in force: {errors}", errors=errors)
            return
        for line in outcome["warnings"]:
            log.warn("reconfig: {line}", line=line)
        for line in outcome["changes"]:
            log.info("reconfig: {line}", line=line)
        log.info("configuration update complete: generation {generation}", generation=outcome["generation"])


def _of(askers: Sequence[str]) -> str:
    return f" of {', '.join(askers)}" if askers else ""


def _became(outcome: dict[str, Any]) -> str:
    """The outcome of a reconfiguration in words, for the next client."""
    if outcome["applied"]:
        return f"took effect: generation {outcome['generation']} of the configuration is in force"
    if not outcome["errors"]:
        return "was a dry run, which changed nothing"
    return f"was {'given up' if outcome['errors'] == [_GIVEN_UP] else 'refused'}, and changed nothing"


def _lines(problems: Iterable[object]) -> list[str]:
    return [str(problem) for problem in problems]

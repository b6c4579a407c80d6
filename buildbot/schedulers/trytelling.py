# -*- test-case-name: tests.processes.test_tryjobdir -*-
"""Write the progress of the builds of one job to a file, for C{buildbot tryserver --wait}.

Each line is the JSON of one event. The last event is C{end}, or C{lost} if the master has forgotten the job.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.daemon.oserrors import inWords
from buildbot.files.plain import openPlain, readPlain
from buildbot.status.build import BuildStatus
from buildbot.status.request import BuildSetStatus
from buildbot.status.step import BuildStepStatus

log = Logger()

#: The seconds between two estimates.
ESTIMATES = 20
#: The seconds that a file is kept after its last event.
KEPT = 24 * 3600.0


class Teller:
    """I follow one build set, from its submission to its end, or to L{stop}."""

    def __init__(self, path: str, buildset: BuildSetStatus, over: Callable[[Teller], object]) -> None:
        """@param over: called with me after the last event is written."""
        self._path = path
        self._buildset = buildset
        self._over = over
        self._lines: list[str] = []
        self._isWriting = self._isStopped = False
        self._builds: list[BuildStatus] = []

    def start(self) -> None:
        """Begin to tell."""
        self.tell("submitted", builders=self._buildset.getBuilderNames())
        for request in self._buildset.getBuildRequests():
            request.subscribe(self._started)
        self._buildset.waitUntilFinished().addCallback(self._end)

    def stop(self) -> None:
        """Tell nothing more."""
        self._isStopped = True
        for request in self._buildset.getBuildRequests():
            request.unsubscribe(self._started)
        for build in self._builds:
            build.unsubscribe(self)
        self._builds = []

    def tell(self, event: str, **more: Any) -> None:
        """Write an event soon."""
        if not self._isStopped:
            self._lines.append(json.dumps({"event": event, **more}) + "\n")
            self._write()

    def _write(self) -> None:
        if self._lines and not self._isWriting:
            lines, self._lines = self._lines, []
            self._isWriting = True
            writing: Deferred[None] = deferToThread(append, self._path, "".join(lines))
            writing.addErrback(self._notWritten).addCallback(self._written)

    def _notWritten(self, why: Failure) -> None:
        error = why.value
        reason = inWords(error) if isinstance(error, OSError) else repr(error)
        log.warn("cannot tell a developer about a try job: {reason}", reason=reason)

    def _written(self, result: None) -> None:
        self._isWriting = False
        if self._lines:
            self._write()
        elif self._isStopped:
            self._over(self)

    def _started(self, build: BuildStatus) -> None:
        self._builds.append(build)
        self.tell("started", builder=build.getBuilder().getName(), number=build.getNumber())
        build.subscribe(self, ESTIMATES)
        build.waitUntilFinished().addCallback(self._finished)

    def _finished(self, build: BuildStatus) -> None:
        name = build.getBuilder().getName()
        self.tell("finished", builder=name, results=build.getResults(), text=build.getText())

    def _end(self, buildset: BuildSetStatus) -> None:
        self.tell("end", results=buildset.getResults())
        self.stop()

    # as a receiver of status

    def stepStarted(self, build: BuildStatus, step: BuildStepStatus) -> None:
        """A step has started."""
        self.tell("stepStarted", builder=build.getBuilder().getName(), step=step.getName())

    def stepFinished(self, build: BuildStatus, step: BuildStepStatus, results: Any) -> None:
        """A step has ended."""
        name = build.getBuilder().getName()
        self.tell("stepFinished", builder=name, step=step.getName(), results=results[0])

    def buildETAUpdate(self, build: BuildStatus, eta: float | None) -> None:
        """There is a new estimate."""
        if eta is not None:
            self.tell("estimated", builder=build.getBuilder().getName(), seconds=round(eta, 1))


def append(path: str, text: str) -> None:
    """Append to a plain file. Whoever may enter its directory may read it. Raises OSError."""
    number = openPlain(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644, follow=False)
    with open(number, "w", encoding="utf-8", errors="surrogateescape") as stream:
        os.fchmod(number, 0o644)  # the umask of the master is 077
        stream.write(text)


def refuse(path: str, why: str) -> Deferred[None]:
    """Tell that a job is not built. Fires when that is written, or has failed."""
    line = json.dumps({"event": "refused", "why": why}) + "\n"
    writing: Deferred[None] = deferToThread(append, path, line)
    return writing.addErrback(lambda failure: failure.trap(OSError) and None)


def tidy(directory: str, now: float) -> None:
    """Delete the files of jobs that ended long ago, and tell those who still wait that the job is lost."""
    with suppress(OSError):
        for name in os.listdir(directory):
            path = os.path.join(directory, name)
            with suppress(OSError):
                if os.lstat(path).st_mtime < now - KEPT:
                    os.unlink(path)
                elif not _isOver(path):
                    append(path, json.dumps({"event": "lost", "why": "the scheduler was restarted"}) + "\n")


def _isOver(path: str) -> bool:
    with readPlain(path, follow=False) as stream:
        stream.seek(max(0, os.fstat(stream.fileno()).st_size - 1000))
        last = stream.read().splitlines()[-1:]
    return any(f'"event": "{kind}"'.encode() in each for each in last for kind in ("end", "lost", "refused"))

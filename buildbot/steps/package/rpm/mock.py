# -*- test-case-name: tests.unit.steps.test_package -*-
"""Steps that build packages of RPM with mock, in a clean system of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from buildbot.config.arguments import REQUIRED, arguments
from buildbot.config.kinds import orNone
from buildbot.process.kinds import PATH, PROPERTY
from buildbot.process.loglines import linesOrNone
from buildbot.process.logobserver import LogLineObserver
from buildbot.process.remotecommand import LoggedRemoteCommand, RemoteShellCommand
from buildbot.steps.composed import ComposedCommand

#: The files that mock writes.
_LOGS = ("build.log", "root.log", "state.log")
#: C{2012-11-26 10:11:12,345 - State Changed: build}
_STATE = re.compile(r".*State Changed: (.{1,100})$")
#: C{Wrote: /builddir/build/SRPMS/foo-1.0-1.src.rpm}
_WROTE = re.compile(r"Wrote: .*?([^/]{1,200}\.src\.rpm)$")


class MockStateObserver(LogLineObserver):
    """I show the state of mock in the words of the step."""

    def outLineReceived(self, line: str) -> None:
        """See L{LogLineObserver}."""
        found = _STATE.match(line)
        if found:
            self.step.step_status.setText([*self.step.describe(False), f"[{found[1]}]"])


class Mock(ComposedCommand):
    """I run mock. Its logs become mine."""

    name = "mock"
    haltOnFailure = True
    mock_logfiles = _LOGS

    @arguments(root=PROPERTY, resultdir=orNone(PATH))
    def __init__(self, root: object = REQUIRED, resultdir: object = None, **kwargs: Any) -> None:
        """@param root: the name of the system, such as C{"epel-6-x86_64"}.
        @param resultdir: the directory for the results and the logs; None: the working directory.
        """
        super().__init__(**kwargs)
        self.root = root
        self.resultdir = resultdir

    def commandLine(self) -> list[Any]:
        """See L{ComposedCommand}."""
        return ["mock", "--root", self.root, *(["--resultdir", self.resultdir] if self.resultdir else [])]

    async def start(self) -> Any:
        """See L{ComposedCommand}: remove the logs of the build before, and watch those of this one."""
        directory = f"{self.build.render(self.resultdir)}/" if self.resultdir else ""
        files = {name: f"{directory}{name}" for name in self.mock_logfiles}
        workdir = self.build.render(self.workdir) or self.build.workdir
        await self.runCommand(RemoteShellCommand(workdir, ["rm", "-f", "--", *files.values()]))
        self.logfiles = {**self.logfiles, **files}
        self.addLogObserver("state.log", MockStateObserver())
        return super().start()


class MockBuildSRPM(Mock):
    """I build a source package. The property C{srpm} becomes its name."""

    name = "mockbuildsrpm"
    description = ["mock buildsrpm"]
    descriptionDone = ["mock buildsrpm"]

    @arguments(spec=PATH, sources=PATH)
    def __init__(self, spec: object = REQUIRED, sources: Any = ".", **kwargs: Any) -> None:
        """@param spec: the specification.
        @param sources: the directory of the sources.
        """
        super().__init__(**kwargs)
        self.spec = spec
        self.sources = sources

    def commandLine(self) -> list[Any]:
        """See L{ComposedCommand}."""
        return [*super().commandLine(), "--buildsrpm", "--spec", self.spec, "--sources", self.sources]

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """See L{buildbot.process.loggingstep.LoggingBuildStep}."""
        log = cmd.logs.get("build.log")
        return self.inSlices(self._find(log)) if log is not None else None

    def _find(self, log: Any) -> Iterator[None]:
        for line in linesOrNone(log):
            found = _WROTE.match(line) if line is not None else None
            if found:
                self.setProperty("srpm", found[1])
            yield


class MockRebuild(Mock):
    """I build the packages of a source package."""

    name = "mock"
    description = ["mock rebuilding srpm"]
    descriptionDone = ["mock rebuild srpm"]

    @arguments(srpm=PATH)
    def __init__(self, srpm: object = REQUIRED, **kwargs: Any) -> None:
        """@param srpm: the source package."""
        super().__init__(**kwargs)
        self.srpm = srpm

    def commandLine(self) -> list[Any]:
        """See L{ComposedCommand}."""
        return [*super().commandLine(), "--rebuild", self.srpm]

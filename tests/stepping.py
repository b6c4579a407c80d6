"""One step in a real build; the test plays the slave.

There is no wire: calls to the slave are recorded, and the test makes the slave's calls.
"""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.logs.live import LogDirectory
from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.base import Build
from buildbot.process.buildstep import BuildStep
from buildbot.process.request import BuildRequest
from buildbot.status.build import BuildStatus
from buildbot.wire.budget import PEER_MEMORY, Budget

NEWEST = {
    name: "2.16" for name in ("shell", "uploadFile", "downloadFile", "uploadDirectory", "dummy", "dummy.wait")
}


class Sent:
    """I am a command that was sent to the slave."""

    def __init__(self, running: Running, command: Any, name: str, args: Mapping[str, Any]) -> None:
        self._running = running
        self._command = command
        self.name = name
        self.args = dict(args)
        self.interrupted: str | None = None

    def update(self, **updates: Any) -> None:
        """Send updates from the slave, in order."""
        for key, value in updates.items():
            self._command.remote_update([[{key: value}, 0]])

    def complete(self, failure: Any = None) -> None:
        """End the command."""
        self._command.remote_complete(failure)
        self._running.clock.advance(0)

    def end(self, rc: int = 0, **updates: Any) -> None:
        """Send the last updates, the exit status, and the completion."""
        self.update(**updates, rc=rc)
        self.complete()


class Running:
    """I am the build of the step.

    @ivar sent: the commands sent to the slave.
    @ivar fails: the error of startCommand, or None.
    @ivar made: the slave's answer to startCommand.
    @ivar environment: the slave's answer about its environment; C{asked}: the names of the variables.
    @ivar answering: the result of a probe, once there was one.
    """

    def __init__(self, basedir: str, step: BuildStep, commands: Mapping[str, str], files: list[str]) -> None:
        self.clock = Clock()
        self.budget = Budget("all", PEER_MEMORY)
        self.retired: list[Any] = []
        self.sent: list[Sent] = []
        self.fails: Exception | None = None
        self.made: Deferred[None] = succeed(None)
        self.answering: Deferred[bool] | None = None
        self.environment: Deferred[dict[str, str] | None] = succeed(None)
        self.asked: list[str] = []
        source = SourceStamp(branch="trunk", changes=[Change("me", files, "c")] if files else ())
        self.build = Build([BuildRequest("because", source, "full")])
        botmaster = SimpleNamespace(resources=SimpleNamespace(basedir=basedir, partials=None))
        builder: Any = SimpleNamespace(
            name="full",
            builddir="full-dir",
            botmaster=botmaster,
            realLocks=lambda *a: [],
            stepChanged=lambda build: None,
        )
        self.build.setBuilder(builder)
        self.build.setSteps([step])
        record = BuildRecord("full", 7, "bot1", (), 0.0, reason="because")
        logs = LogDirectory(os.path.join(basedir, "logs"), self.clock)
        self.status = BuildStatus(builder, record, logs)
        self._remote = SimpleNamespace(
            clock=self.clock,
            slave=SimpleNamespace(
                slavename="bot1",
                properties={},
                slave_basedir=None,
                path_module=posixpath,
                disconnect=lambda why: None,
                isAnswering=self._isAnswering,
                mayBeMute=lambda seconds: None,
            ),
            slaveCommands=commands,
            getSlaveCommandVersion=lambda name, old=None: commands.get(name) if commands else old,
            peer=self,
        )

    def begin(self) -> Running:
        """Start the build."""
        self.build.startBuild(self.status, {}, self._remote)
        return self

    # the slave

    def startBuild(self) -> None:
        """See L{buildbot.wire.peers.BuilderPeer}."""

    def startCommand(
        self, command: Any, commandID: str, name: str, args: Mapping[str, Any]
    ) -> Deferred[None]:
        """See L{buildbot.wire.peers.BuilderPeer}."""
        if self.fails is not None:
            raise self.fails
        self.sent.append(Sent(self, command, name, args))
        return self.made

    def variables(self, names: Sequence[str]) -> Deferred[dict[str, str] | None]:
        """See L{buildbot.wire.peers.BuilderPeer}."""
        self.asked = list(names)
        return self.environment

    def retire(self, callee: Any) -> None:
        """See L{buildbot.wire.peers.BuilderPeer}."""
        self.retired.append(callee)

    def _isAnswering(self, timeout: float, fresh: float = -1.0) -> Deferred[bool]:
        self.answering = Deferred()
        return self.answering

    def interruptCommand(self, commandID: str, why: str) -> None:
        """See L{buildbot.wire.peers.BuilderPeer}."""
        self.sent[-1].interrupted = why

    # the result

    @property
    def command(self) -> Sent:
        """The last command sent to the slave."""
        return self.sent[-1]

    @property
    def step(self) -> Any:
        """The step's status."""
        return self.status.steps[0]

    @property
    def result(self) -> int | None:
        """The step's results; None while it runs."""
        results: int | None = self.step.getResults()[0]
        return results

    def log(self, name: str) -> str:
        """The text of a log of the step, with headers."""
        (log,) = [log for log in self.step.getLogs() if log.getName() == name]
        text: str = log.getTextWithHeaders()
        return text

    def logs(self) -> list[str]:
        """The names of the step's logs."""
        return [log.getName() for log in self.step.getLogs()]


class StepCase(unittest.TestCase):
    """A master's directory, and builds of one step."""

    def setUp(self) -> None:
        self.basedir = os.path.abspath(self.mktemp())
        os.makedirs(self.basedir)

    def prepare(
        self, step: BuildStep, commands: Mapping[str, str] = NEWEST, files: list[str] | None = None
    ) -> Running:
        """A build of this step, not started yet; C{files} were changed."""
        return Running(self.basedir, step, commands, files or [])

    def begin(self, step: BuildStep, **kw: Any) -> Running:
        """The same, started."""
        return self.prepare(step, **kw).begin()

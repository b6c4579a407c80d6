# -*- test-case-name: tests.unit.process.test_buildstep -*-
"""The base class of steps that run one command on the slave, log its output and judge it.

L{buildbot.process.remotecommand} has the command. L{buildbot.steps} has the ready-made steps.
"""

from __future__ import annotations

import inspect
from collections.abc import Generator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure

from buildbot.config.arguments import arguments
from buildbot.config.kinds import FLAG
from buildbot.logs.live import LogFile
from buildbot.model.results import EXCEPTION, FAILURE, SKIPPED, SUCCESS, WARNINGS
from buildbot.process.basestep import BuildStep, StepStopped
from buildbot.process.kinds import LOG_FILES
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.process.slices import inSlices
from buildbot.status.step import asWords


class LoggingBuildStep(BuildStep):
    """I am a step that runs one command on the slave and logs its output.

    @ivar logfiles: name of a log -> file on the slave, relative to the working directory. The file is watched
        while the command runs.
    @ivar lazylogfiles: True if a watched file has a log only once the file has content.
    @ivar decodeRC: exit status -> result; None: 0 is SUCCESS. All others are FAILURE.
    """

    parms: ClassVar[list[str]] = [*BuildStep.parms, "logfiles", "lazylogfiles"]

    logfiles: Mapping[str, Any] = {}
    lazylogfiles = False
    decodeRC: Mapping[int, int] | None = None
    progressMetrics: tuple[str, ...] = ("output",)
    _works: tuple[Deferred[None], ...] = ()

    @arguments(logfiles=LOG_FILES, lazylogfiles=FLAG)
    def __init__(
        self, logfiles: Mapping[str, Any] | None = None, lazylogfiles: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if lazylogfiles:
            self.lazylogfiles = True
        if logfiles:
            self.logfiles = {**self.logfiles, **logfiles}

    def startCommand(self, cmd: LoggedRemoteCommand, errorMessages: Sequence[str] = ()) -> None:
        """Run the command, and finish with the result of L{evaluateCommand}.

        @param errorMessages: lines for the log before the output.
        """
        self.cmd = cmd
        words = self.describe(False)
        self.step_status.setColor("yellow")
        self.step_status.setText(words)
        stdio = self.addLog("stdio")
        for message in errorMessages:
            stdio.addHeader(message)
        cmd.useLog(stdio, True)
        self.setupLogfiles(cmd, self.logfiles)
        running: Deferred[Any] = self.runCommand(cmd)
        running.addCallback(self._ended)
        running.addErrback(self.checkDisconnect).addErrback(self.failed)

    def interrupt(self, reason: str | Failure) -> Deferred[None]:
        """See L{BuildStep}. A person's reason for stopping the command goes into a log of its own."""
        if self._command is not None and not self.stopped and not isinstance(reason, Failure):
            self.addCompleteLog("interrupt", str(reason))
        return super().interrupt(reason)

    def setupLogfiles(self, cmd: LoggedRemoteCommand, logfiles: Mapping[str, Any]) -> None:
        """Add a log for each watched file."""
        if self.lazylogfiles:
            for name in logfiles:
                cmd.useLogDelayed(name, partial(self.addLog, name), True)
            return
        for name in logfiles:
            cmd.useLog(self.addLog(name), True, name)

    def inSlices(self, work: Iterator[object]) -> Deferred[None]:
        """Do long work, such as reading a log by lines, without blocking the reactor.

        L{evaluateCommand} is called after the end of the work, even if the caller does not wait for it.

        @param work: an iterator that does a small part of the work for each item.
        @return: fires with None at the end; at once if the work is short.
        """
        working = inSlices(work, self.remote.clock, self._checkWanted)
        self._works = (*self._works, working)
        return working

    def _checkWanted(self) -> None:
        if self.stopped:
            why = self._whyStopped
            error = why.value if isinstance(why, Failure) else None
            raise error or StepStopped(f"step {self.name}: {why}")

    def _ended(self, cmd: LoggedRemoteCommand) -> Deferred[None] | None:
        """Judge the ended command. Returns None if no method had to wait, as usual."""
        judging = self._judged(cmd)
        try:
            answer = next(judging)
            while not _isAwaitable(answer):
                answer = judging.send(answer)
        except StopIteration:
            return None
        return ensureDeferred(_awaited(judging, answer))

    def _judged(self, cmd: LoggedRemoteCommand) -> Generator[Any, Any, None]:
        """Yield the results of the methods for subclasses; receive the values of awaitable ones."""
        yield self.commandComplete(cmd)
        yield from self._works
        if cmd.logs.get("stdio") is not None:
            yield self.createSummary(cmd.logs["stdio"])
            yield from self._works
        results = yield self.evaluateCommand(cmd)
        yield self.setStatus(cmd, results)
        self.finished(results)

    def checkDisconnect(self, f: Failure) -> None:
        """An errback that ends the step as a failure after a lost connection."""
        f.trap(ConnectionLost)
        self.step_status.setText([*asWords(self.describe(True)), "failed", "slave", "lost"])
        self.step_status.setText2(["failed", "slave", "lost"])
        self.finished(FAILURE)

    # for subclasses; these may return a Deferred or be coroutines

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """Called at the end of the command; subclasses read its logs here."""

    def createSummary(self, log: LogFile) -> Any:
        """Called with the log of the output; subclasses add logs with a summary here."""

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """The result of the ended command. Without an exit status, it is FAILURE."""
        if self.decodeRC is not None:
            return FAILURE if cmd.rc is None else self.decodeRC.get(cmd.rc, FAILURE)
        return SUCCESS if cmd.rc == 0 else FAILURE

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """Words that describe the result."""
        said: Any = self.describe(True)
        words = [*said] if type(said) is list else [*asWords(said)]
        if results == SUCCESS:
            return words
        return [*words, {WARNINGS: "warnings", SKIPPED: "skipped"}.get(results, "failed")]

    def getText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """Words about the step for the build's text."""
        return [self.name]

    def maybeGetText2(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """L{getText2} if the step's result changes the build's, else no words."""
        changed = (
            (self.flunkOnFailure or self.haltOnFailure or self.warnOnFailure)
            if results == FAILURE
            else results == WARNINGS and (self.flunkOnWarnings or self.warnOnWarnings)
        )
        return self.getText2(cmd, results) if changed or results == EXCEPTION else []

    def getColor(self, cmd: LoggedRemoteCommand, results: int) -> str:
        """The colour of 0.7.5's waterfall."""
        return {SUCCESS: "green", WARNINGS: "orange"}.get(results, "red")

    def setStatus(self, cmd: LoggedRemoteCommand, results: int) -> Any:
        """Set the words and the colour of the step's status.

        @return: a Deferred if the words come later, else None.
        """
        words, words2 = self.getText(cmd, results), self.maybeGetText2(cmd, results)
        self.step_status.setColor(self.getColor(cmd, results))
        if type(words) is not list or type(words2) is not list:
            return ensureDeferred(self._tell(words, words2))
        self.step_status.setText(words)
        self.step_status.setText2(words2)
        return None

    async def _tell(self, words: Any, words2: Any) -> None:
        self.step_status.setText(await _known(words))
        self.step_status.setText2(await _known(words2))


async def _known(value: Any) -> Any:
    """The answer of a subclass's method, which may be a Deferred or a coroutine."""
    return await value if _isAwaitable(value) else value


async def _awaited(judging: Generator[Any, Any, None], answer: object) -> None:
    """Finish a generator, and give it the result of each awaitable that it yields."""
    try:
        while True:
            answer = judging.send(await _known(answer))
    except StopIteration:
        return


def _isAwaitable(value: object) -> bool:
    return type(value) not in _KNOWN and inspect.isawaitable(value)


#: Nearly all answers have one of these types, and L{inspect.isawaitable} takes long.
_KNOWN = frozenset((type(None), int, list))

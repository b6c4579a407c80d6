# -*- test-case-name: tests.unit.process.test_buildstep -*-
"""Commands that a slave runs for a step: they are sent, updated and interrupted, and end exactly once.

L{buildbot.wire.peers} has the protocol of each generation of slaves. The step interprets the output.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from inspect import isawaitable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.events.eventual import eventual
from buildbot.logs.live import LogFile
from buildbot.model.results import FAILURE, SUCCESS
from buildbot.process.deadline import END_TIME as END_TIME
from buildbot.process.deadline import MUTE_TIME, Deadlines, deadlinesOf, limitsOf
from buildbot.process.deadline import START_TIME as START_TIME
from buildbot.process.overtime import ANSWER_TIME as ANSWER_TIME
from buildbot.process.overtime import SIGN_TIME as SIGN_TIME
from buildbot.process.overtime import CommandNotStarted as CommandNotStarted
from buildbot.process.overtime import Overtime
from buildbot.process.updates import OutputText, decodeSingle, decodeUpdate, isPair, piecesOf
from buildbot.process.updates import SlaveSaid as SlaveSaid
from buildbot.wire.budget import COMMAND_MEMORY, PIECE, Budget, Slices, weigh
from buildbot.wire.callee import AT_LEISURE, Callee, MalformedCall
from buildbot.wire.dialect import text

if TYPE_CHECKING:
    from buildbot.process.seams import SlaveForBuild

log = Logger()

#: The most keys of updates other than output that are kept, and the most values for each key (the last ones).
KEPT_UPDATES = 100
_ZERO = 0
#: The jellied arguments and keywords of C{complete(None)}.
_NO_ERROR = ([b"tuple", [b"None"]], [b"dictionary"])
_counter = itertools.count(1)
#: Types that were lists in Python 2. A step that was written for it gives them to its commands.
_ONCE_LISTS: frozenset[type] = frozenset((map, filter, zip, type({}.keys()), type({}.values())))
_OUTPUT_METHODS = frozenset(("remoteUpdate", "addStdout", "addStderr", "addHeader", "addToLog"))


class RemoteCommand(Callee):
    """I am one command on one slave.

    Subclasses override L{remoteUpdate} and L{remoteComplete}. Words are always text; for output, see
    C{takesText}. I end once, in any order of the slave's completion, an interrupt, a lost connection and a
    time-out. Later events are dropped.

    @ivar remote_command: the name of the command.
    @ivar args: its arguments: text, bytes, numbers, and containers of them.
    @ivar active: True while it runs.
    @ivar rc: its exit status; None before the slave has sent it, or if the command never ran.
    @ivar decodeRC: exit status -> its result; others are a failure.
    @ivar updates: the other updates: key -> list of the last L{KEPT_UPDATES} values, in order. If they take
        more than L{COMMAND_MEMORY} together, I end with L{BudgetExceeded}.
    @cvar takesText: whether output is delivered as text. Undecodable bytes then become lone surrogates, which
        a log encodes to the same bytes. It is False for commands that only write to logs. A subclass that
        overrides a method for output gets text, unless it sets this attribute.
    """

    takesText: ClassVar[bool] = True

    active = False
    rc: int | None = None
    decodeRC: Mapping[int, int] = MappingProxyType({0: SUCCESS})
    step: Any = None
    remote: SlaveForBuild = None  # type: ignore[assignment]  # until it runs
    commandID = ""
    deadlines: Deadlines | None = None
    _overtime: Overtime | None = None
    _output: OutputText | None = None
    _unread: Failure | None = None
    _givenUp: Alarm | None = None
    _budget: Budget | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "takesText" not in vars(cls) and not _OUTPUT_METHODS.isdisjoint(vars(cls)):
            cls.takesText = True

    def __init__(self, remote_command: str, args: Mapping[str, Any]) -> None:
        self.remote_command = remote_command
        self.args = dict(args)
        self.updates: dict[str, list[Any]] = {}
        self.deferred: Deferred[Any] = Deferred()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.remote_command!r} {self.commandID}>"

    def run(self, step: Any, remote: SlaveForBuild) -> Deferred[Any]:
        """Run on a slave.

        @param step: the step of the command.
        @param remote: the L{buildbot.process.slavebuilder.SlaveBuilder} to run on.
        @return: fires with me when I have ended; fails with the slave's error, or with C{ConnectionLost}.
        """
        self.step = step
        self.remote = remote
        self.active = True
        self.commandID = str(next(_counter))
        self.deadlines = deadlines = deadlinesOf(
            self.remote_command, self.args, remote.clock, self._overdue, self._noSign
        )
        isMute = deadlines.isMute
        if isMute:
            remote.slave.mayBeMute(MUTE_TIME)
        made = maybeDeferred(self.start)
        if isMute:
            made.addBoth(self._isHeardAgain)
        made.addCallbacks(lambda answer: self._started(), self._notMade)
        return self.deferred

    def _overdue(self, what: str) -> None:
        self._inOvertime().overdue(what)

    def _noSign(self) -> None:
        self._inOvertime().noSign()

    def _inOvertime(self) -> Overtime:
        """The actions on exceeded limits, made for the first one."""
        if self._overtime is None:
            self._overtime = Overtime(self, self._finished)
        return self._overtime

    def start(self) -> Any:
        """Send the command. Subclasses complete C{args} first, and then call this.

        @return: fires when the slave has confirmed the start of the command.
        """
        for name, value in self.args.items():
            if type(value) in _ONCE_LISTS:
                self.args[name] = list(value)
        return self.remote.peer.startCommand(self, self.commandID, self.remote_command, self.args)

    def _notMade(self, why: Failure) -> None:
        """End with the slave's error. After a lost connection, do nothing: the build interrupts me next."""
        if not why.check(pb.PBConnectionLost, pb.DeadReferenceError):
            self._finished(why)

    def _isHeardAgain(self, answer: Any) -> Any:
        self.remote.slave.mayBeMute(0.0)
        return answer

    def _started(self) -> None:
        if self.deadlines is not None and self.active:
            self.deadlines.started(limitsOf(self.remote_command, self.args))

    def heard(self) -> None:
        """Note progress of the command other than an update.

        Objects that the slave calls for a subclass call this. Otherwise, a command without updates for a long
        time would be treated as hanging.
        """
        if self.deadlines is not None:
            self.deadlines.heard()

    def interrupt(self, why: str | Failure) -> Deferred[None]:
        """Ask the slave to stop the command, or end at once if C{why} is a lost connection.

        @param why: a reason in words, or a L{Failure}.
        @return: fires with None at once. L{run}'s Deferred fires at the end of the command.
        """
        if not self.active:
            return succeed(None)
        if isinstance(why, Failure) and why.check(ConnectionLost):
            self._finished(why)
        else:
            self.remote.peer.interruptCommand(self.commandID, str(why))
            if self.deadlines is not None:
                self.deadlines.ending()
        return succeed(None)

    def results(self) -> int:
        """The result of its exit status, as in C{decodeRC}. Without an exit status, it is FAILURE."""
        return FAILURE if self.rc is None else self.decodeRC.get(self.rc, FAILURE)

    def didFail(self) -> bool:
        """True if its result is FAILURE."""
        return self.results() == FAILURE

    # called by the slave

    def remoteMessageReceived(self, broker: Any, message: str, args: Any, kw: object) -> Any:
        """Handle a call from the slave. Updates, and an end without an error, take a fast path."""
        if self.deadlines is not None:
            self.deadlines.lastHeard = self.remote.clock.seconds()
        kind = type(self)
        if message == "complete" and kind.remote_complete is RemoteCommand.remote_complete:
            if (args, kw) == _NO_ERROR:
                self.remote_complete()
                return AT_LEISURE
        if message != "update" or kind.remote_update is not RemoteCommand.remote_update:
            return super().remoteMessageReceived(broker, message, args, kw)
        sole = decodeSingle(args)
        if sole is not None:
            key, value = sole
            if isinstance(value, int) or len(value) <= PIECE or not self._isWatched():
                self._readOne({key: value})
                return _ZERO
        return Slices(self._readCall(broker, args), _ZERO)

    def _readCall(self, broker: Any, args: object) -> Iterator[None]:
        """Read a call of C{update}, a part of the work at a time.

        A message may hold 100,000 values. The broker can serve others after each part.

        @raise MalformedCall: it has no list of updates.
        """
        yield  # the message was decoded in this turn
        if not self.active:
            return
        said = broker.unserialize(args)
        if type(said) is not tuple or len(said) != 1 or type(said[0]) not in (list, tuple):
            raise MalformedCall("update takes a list of updates")
        yield
        yield from self._read(said[0])

    def remote_update(self, updates: object) -> int:
        """Handle updates from the slave. An invalid update makes the command fail.

        @param updates: a list of [dictionary, number] lists; the number is ignored.
        @return: the number to acknowledge, always 0.
        """
        for _ in self._read(updates):
            pass
        return _ZERO

    def _readOne(self, news: dict[str, Any]) -> None:
        """Handle one short update."""
        if self.active and self._unread is None:
            try:
                self.remoteUpdate(self._withText(news) if self.takesText else news)
            except PLUGIN_ERRORS:
                self._giveUp(Failure())

    def _read(self, updates: Any) -> Iterator[None]:
        """Handle updates one at a time. Long output that is read by lines is split into pieces."""
        if not self.active or self._unread is not None:
            return
        try:
            for update in updates:
                news = decodeUpdate(update)
                yield
                if not self.active:
                    return
                for part in self._parts(self._withText(news) if self.takesText else news):
                    self.remoteUpdate(part)
                    yield
                    if not self.active or self._unread is not None:
                        return
        except PLUGIN_ERRORS:
            self._giveUp(Failure())

    def _withText(self, news: dict[str, Any]) -> dict[str, Any]:
        """The update with its output as text."""
        if self._output is None:
            self._output = OutputText()
        return self._output.read(news)

    def _readRest(self) -> None:
        """Handle the incomplete characters at the end of the output."""
        if self._output is not None and self._unread is None:
            for news in self._output.rest():
                self.remoteUpdate(news)

    def _isWatched(self) -> bool:
        """True if handling the output may take long, as with log observers; for subclasses."""
        return False

    def _parts(self, update: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Split an update into parts to handle one at a time; for subclasses."""
        yield update

    def _giveUp(self, why: Failure) -> None:
        """Interrupt the command after an error in an update, and end when it has ended, or soon.

        I do not end at once: a 0.7 slave would report the end of this command to the next one.
        """
        self._unread = why
        self._givenUp = Alarm(lambda: self._finished(why))
        self._givenUp.set(self.remote.clock, END_TIME)
        said = f"the master cannot read its message: {text(why.getErrorMessage(), 200)}"
        self.remote.peer.interruptCommand(self.commandID, said)

    def remote_complete(self, failure: object = None) -> None:
        """Handle the end of the command. The slave is answered at once; the rest follows in a later turn.

        @param failure: the slave's error, or None.
        """
        if self.active:
            eventual(self.remote.clock, self._finished, self._unread or failure)

    def _finished(self, failure: object) -> None:
        if not self.active:
            return
        self.active = False
        if self.deadlines is not None:
            self.deadlines.over()
            self.deadlines = self._overtime = None  # they refer to me
        self.remote.peer.retire(self)
        if self._givenUp is not None:
            self._givenUp.stop()
        if failure is not None and not isinstance(failure, Failure):
            failure = Failure(SlaveSaid(f"the slave said: {text(failure, 200)}"))
        elif isinstance(failure, Failure) and isinstance(failure.type, (str, bytes)):
            # Twisted 22.10 cannot raise a Failure whose type is only a name: wrap it in RemoteError.
            failure = Failure(pb.RemoteError(failure.type, failure.value, failure.getTraceback()))
        try:
            self._readRest()
            result = self.remoteComplete(failure)
        except PLUGIN_ERRORS:
            result = Failure()
        if result is not None and isawaitable(result):
            maybeDeferred(lambda: result).addBoth(self._completed)
        else:
            self._completed(result)

    def _completed(self, result: object) -> None:
        self.deferred.callback(result if isinstance(result, Failure) else self)

    # for subclasses

    def tellOverdue(self, words: str) -> None:
        """Report an exceeded limit to people; for subclasses."""

    def remoteUpdate(self, update: dict[str, Any]) -> None:
        """Handle one update. Keys and words are text; for output, see C{takesText}."""
        for key, value in update.items():
            if key == "rc":
                self.rc = value if isinstance(value, int) else -1
            elif key in self.updates or len(self.updates) < KEPT_UPDATES:
                self._keep(key, value)

    def _keep(self, key: str, value: object) -> None:
        """Keep a value. Raises BudgetExceeded if there are too many."""
        kept = self.updates.get(key)
        budget = self._memory()
        budget.take(weigh(value) + (weigh(key) if kept is None else 0))
        if kept is None:
            kept = self.updates[key] = []
        kept.append(value)
        if len(kept) > KEPT_UPDATES:
            budget.giveBack(weigh(kept.pop(0)))

    def _memory(self, what: str = "the slave's data besides the output") -> Budget:
        """The account for what is kept of the slave's data; C{what} is its name in errors."""
        if self._budget is None:
            build = getattr(self.step, "build", None)
            self._budget = Budget(what, COMMAND_MEMORY, getattr(build, "budget", None))
        return self._budget

    def remoteComplete(self, maybeFailure: Failure | None) -> Any:
        """Handle the end of the command; for subclasses.

        @param maybeFailure: the reason of a failure, or None.
        @return: a Failure makes L{run}'s Deferred fail; may be a Deferred.
        """
        return maybeFailure


class LoggedRemoteCommand(RemoteCommand):
    """I am a command whose output goes to logs.

    @ivar logs: name -> log; C{stdio} has the command's output.
    """

    takesText = False
    _delayed: Mapping[str, Callable[[], LogFile]] = {}

    def __init__(self, remote_command: str, args: Mapping[str, Any]) -> None:
        super().__init__(remote_command, args)
        self.logs: dict[str, LogFile] = {}
        self._closing: dict[str, bool] = {}
        self._stdio: LogFile = None  # type: ignore[assignment]  # if it has no such log

    def useLog(self, loog: LogFile, closeWhenFinished: bool = False, logfileName: str | None = None) -> None:
        """Write output to a log.

        @param closeWhenFinished: whether to finish the log at the end of the command.
        @param logfileName: the name of the watched file for this log; None: the log's own name.
        """
        name = logfileName or loog.name
        self.logs[name] = loog
        self._closing[name] = closeWhenFinished
        if name == "stdio":
            self._stdio = loog

    def useLogDelayed(
        self, name: str, makeLog: Callable[[], LogFile], closeWhenFinished: bool = False
    ) -> None:
        """Write the content of a watched file to a log that is made when there is some.

        @param makeLog: called once, with the first content.
        """
        self._delayed = {**self._delayed, name: makeLog}
        self._closing[name] = closeWhenFinished

    def addStdout(self, data: bytes | str) -> None:
        """Write standard output to the log."""
        self._stdio.addStdout(data)

    def addStderr(self, data: bytes | str) -> None:
        """Write standard error to the log."""
        self._stdio.addStderr(data)

    def addHeader(self, data: bytes | str) -> None:
        """Write header text about the command to the log."""
        self._stdio.addHeader(data)

    def tellOverdue(self, words: str) -> None:
        """See L{RemoteCommand}. Writes to the log."""
        if self._stdio is not None:
            self.addHeader(f"\n{words}\n")

    def addToLog(self, logname: str, data: bytes | str) -> None:
        """Write new content of a watched file to its log."""
        watched = self.logs.get(logname)
        if watched is None and logname in self._delayed:
            watched = self.logs[logname] = self._delayed[logname]()
        if watched is not None:
            watched.addStdout(data)

    def _isWatched(self) -> bool:
        """See L{RemoteCommand}. True for log observers, and for subclasses that read the output."""
        if self.takesText:
            return True
        for logfile in self.logs.values():
            if logfile.isWatched():
                return True
        return False

    def _parts(self, update: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """See L{RemoteCommand}. Splits long output, because observers may take long for each line."""
        return piecesOf(update) if self._isWatched() else iter((update,))

    def remoteUpdate(self, update: dict[str, Any]) -> None:
        """See L{RemoteCommand}. Writes output to its log, and keeps other values."""
        for key, value in update.items():
            write = _CHANNELS.get(key)
            if write is not None:
                if self._stdio is not None and isinstance(value, (bytes, str)):
                    getattr(self, write)(value)
            elif key == "log":
                if not (isPair(value) and isinstance(value[1], (bytes, str))):
                    raise SlaveSaid(
                        "the slave sent content of a watched file without the file's name or without a text"
                    )
                self.addToLog(text(value[0], 200), value[1])
            else:
                super().remoteUpdate({key: value})
                if key == "rc" and self._stdio is not None:
                    self.addHeader(f"exit code {value if type(value) is int else text(value, 100)}\n")

    def remoteComplete(self, maybeFailure: Failure | None) -> Any:
        """See L{RemoteCommand}. Finishes the logs."""
        for name, logfile in self.logs.items():
            if self._closing[name]:
                if maybeFailure is not None and name == "stdio":
                    logfile.addHeader(f"\nremoteFailed: {text(maybeFailure.getErrorMessage(), 2000)}\n")
                logfile.finish()
        return maybeFailure


#: The key of output -> the name of its method.
_CHANNELS = {"stdout": "addStdout", "stderr": "addStderr", "header": "addHeader"}


class RemoteShellCommand(LoggedRemoteCommand):
    """I run a shell command, or a program with its arguments, on the slave.

    @ivar command: the command to run; it may be changed until L{start}.
    """

    takesText = False
    _collected: Mapping[str, bytearray] = MappingProxyType({})

    def __init__(
        self,
        workdir: str,
        command: str | Sequence[Any],
        env: Mapping[str, Any] | None = None,
        want_stdout: bool = True,
        want_stderr: bool = True,
        timeout: float | None = 1200,
        logfiles: Mapping[str, Any] | None = None,
        *,
        initialStdin: str | bytes | None = None,
        decodeRC: Mapping[int, int] | None = None,
        collectStdout: bool = False,
        collectStderr: bool = False,
        **others: Any,
    ) -> None:
        """@param workdir: the working directory, relative to the builder's directory on the slave.
        @param timeout: seconds without output after which the slave kills the command.
        @param initialStdin: the input of the command; the slave's name for it is C{initial_stdin}.
        @param decodeRC: see L{RemoteCommand}.
        @param collectStdout: whether to keep the output for C{stdout}. If it takes more than
            L{COMMAND_MEMORY}, the command ends with L{BudgetExceeded}.
        @param collectStderr: the same for C{stderr}.
        @param others: further arguments of the slave's command, such as C{maxTime}. A None is not sent.
        """
        self.command = command
        args = {
            "workdir": workdir,
            "command": command,
            "env": None if env is None else dict(env),
            "want_stdout": bool(want_stdout),
            "want_stderr": bool(want_stderr),
            "logfiles": dict(logfiles or {}),
            "timeout": timeout,
            **{key: value for key, value in others.items() if value is not None},
        }
        if initialStdin is not None:
            args["initial_stdin"] = initialStdin
        super().__init__("shell", args)
        if decodeRC is not None:
            self.decodeRC = decodeRC
        kept = {"stdout": collectStdout, "stderr": collectStderr}
        if collectStdout or collectStderr:
            self._collected = {name: bytearray() for name, isKept in kept.items() if isKept}

    @property
    def stdout(self) -> str:
        """The standard output so far, if it is collected; else empty."""
        return self._collected.get("stdout", b"").decode("utf-8", "replace")

    @property
    def stderr(self) -> str:
        """The standard error so far, if it is collected; else empty."""
        return self._collected.get("stderr", b"").decode("utf-8", "replace")

    def remoteUpdate(self, update: dict[str, Any]) -> None:
        """See L{RemoteCommand}. Collects output."""
        for name, collected in self._collected.items():
            data = update.get(name, b"")
            data = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
            if isinstance(data, bytes):
                self._memory("the collected output of a command").take(len(data))
                collected += data
        super().remoteUpdate(update)

    def start(self) -> Any:
        """Send the command, with the argument names of the oldest slaves, too."""
        self.args["command"] = self.command
        if not self.remote.slaveCommands:
            self.args["dir"] = self.args["workdir"]
        return super().start()

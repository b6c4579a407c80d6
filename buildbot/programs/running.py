# -*- test-case-name: tests.processes.test_programs -*-
"""Run a program without a shell, with a time limit, and never block the reactor.

The program gets a session of its own, so that a kill also reaches the children that it has started, such as
ssh. It has no terminal to ask questions on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessTerminated
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from buildbot.events.alarm import Alarm
from buildbot.events.reactors import ProcessReactor
from buildbot.text.printable import plainLine
from buildbot.text.urls import withoutPasswords

#: The most bytes of output that are kept, unless the caller says otherwise.
MOST_OUTPUT = 64 << 20
#: The most bytes of error output that are kept: its end.
MOST_ERRORS = 4096
#: The seconds between the request to end and the kill.
GRACE = 2.0
#: Starts the program in a session of its own. Twisted can only do that together with a terminal.
_LAUNCHER = (
    "import os,sys\n"
    "os.setsid()\n"
    "try: os.execvp(sys.argv[1],sys.argv[1:])\n"
    "except OSError as e: os.write(2,os.fsencode(e.strerror)); os._exit(127)\n"
)
#: Lets the system end the program by a signal after some seconds. That survives the exec.
_ALARM = "import signal\nsignal.alarm({})\n"
#: The seconds from the time limit of a program to the signal of the system.
BOUND = 5


class ProgramFailed(Exception):
    """A program could not do its work. The text names the program and the reason, without passwords.

    @ivar status: the exit status; None if a signal or a limit ended it.
    @ivar output: the text of its standard output.
    """

    def __init__(self, reason: str, status: int | None = None, output: bytes = b"") -> None:
        super().__init__(reason)
        self.status = status
        self.output = output


class Program(ProcessProtocol):
    """I am one run of a program."""

    def __init__(
        self,
        reactor: ProcessReactor,
        seconds: float | None,
        most: int = MOST_OUTPUT,
        heard: Callable[[bytes], object] | None = None,
    ) -> None:
        """@param seconds: the time limit; None: no limit.
        @param most: the most bytes of output; more are an error.
        @param heard: called with each piece of output as it arrives; then none is kept.
        """
        self._reactor = reactor
        self._seconds = seconds
        self._most = most
        self._heard = heard
        self._name = ""
        self._output: list[bytes] = []
        self._size = 0
        self._errors = b""
        self._limit = ""
        self._alarm = Alarm(self._tooLate)
        self._done: Deferred[bytes] = Deferred()
        self._isOver = False

    def start(
        self,
        command: Sequence[str],
        cwd: str | None = None,
        env: Mapping[str, str | None] | None = None,
        stdin: bytes = b"",
        isBounded: bool = False,
    ) -> Deferred[bytes]:
        """Start the program.

        @param env: added to the environment of the master; None removes a variable.
        @param stdin: its standard input.
        @param isBounded: True: the system ends the program soon after its time limit, also if the master has
            been killed.
        @return: fires with its standard output when it has ended with status 0. Fails with L{ProgramFailed}
            otherwise. A cancelled Deferred kills the program.
        """
        self._name = " ".join([os.path.basename(command[0]), *_verb(command)])
        self._stdin = stdin
        launcher = _LAUNCHER
        if isBounded and self._seconds is not None:
            launcher = _ALARM.format(int(self._seconds + BOUND)) + _LAUNCHER
        launched = [sys.executable, "-I", "-S", "-c", launcher, *command]
        try:
            self._reactor.spawnProcess(
                self,
                launched[0],
                [os.fsencode(each) for each in launched],
                env=_environment(env or {}),
                path=cwd,
                childFDs={0: "w", 1: "r", 2: "r"},
            )
        except (OSError, ValueError) as error:
            self._fail(f"cannot start: {error}")
            return self._done
        if self._seconds is not None:
            self._alarm.set(self._reactor, self._seconds)
        done: Deferred[bytes] = Deferred(lambda _: self.stop())
        self._done.addBoth(lambda result: done.callback(result) if not done.called else None)
        return done

    def stop(self, signal: str = "KILL") -> None:
        """Send a signal to the program and its children, if it runs; kill them a moment later."""
        self._limit = self._limit or "was stopped"
        self._signal(signal)
        if signal != "KILL" and not self._isOver:
            self._alarm.set(self._reactor, GRACE)

    def _signal(self, name: str) -> None:
        pid = self.transport.pid if self.transport is not None else None
        if pid is None or self._isOver:
            return
        import signal

        try:
            os.killpg(pid, getattr(signal, f"SIG{name}"))
        except ProcessLookupError:  # it has no session yet
            self.transport.signalProcess(name)  # type: ignore[union-attr]
        except PermissionError:  # every member has ended, or has another user's rights
            pass

    def _tooLate(self) -> None:
        if not self._limit:
            self._limit = f"did not end within {self._seconds:g} seconds"
            self._signal("TERM")
            self._alarm.set(self._reactor, GRACE)
        else:
            self._signal("KILL")

    # events of the child

    def connectionMade(self) -> None:
        """Write the standard input."""
        assert self.transport is not None
        if self._stdin:
            self.transport.write(self._stdin)
        self.transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        """Keep a piece of output, up to the limit, or pass it on."""
        if self._heard is not None:
            self._heard(data)
            return
        self._size += len(data)
        if self._size <= self._most:
            self._output.append(data)
        elif not self._limit:
            self._limit = f"printed more than {self._most} bytes"
            self._signal("KILL")

    def errReceived(self, data: bytes) -> None:
        """Keep the end of the error output."""
        self._errors = (self._errors + data)[-MOST_ERRORS:]

    def processEnded(self, reason: Failure) -> None:
        """Fire the Deferred: the program has ended, and its output is complete."""
        self._isOver = True
        self._alarm.stop()
        if self._limit:
            self._fail(self._limit)
        elif not isinstance(reason.value, ProcessTerminated):
            self._done.callback(b"".join(self._output))
        elif reason.value.signal is not None:
            self._fail(f"was killed by signal {reason.value.signal}")
        else:
            lines = [plainLine(each) for each in self._errors.decode("utf-8", "replace").splitlines()]
            told = withoutPasswords("; ".join(_most([each for each in lines if each])))
            status: int | None = reason.value.exitCode
            self._fail(told or f"ended with status {status}", status)

    def _fail(self, why: str, status: int | None = None) -> None:
        self._done.errback(ProgramFailed(f"{self._name}: {why}", status, b"".join(self._output)))


def run(
    reactor: ProcessReactor,
    command: Sequence[str],
    seconds: float,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> Deferred[bytes]:
    """Run a program; see L{Program.start}."""
    return Program(reactor, seconds).start(command, cwd, env, stdin)


def _environment(changes: Mapping[str, str | None]) -> dict[str, str]:
    wanted = {**os.environ, **changes}
    return {name: value for name, value in wanted.items() if value is not None}


def _verb(command: Sequence[str]) -> list[str]:
    """The subcommand, for messages: the first argument that is neither an option nor a path."""
    words = (each for each in command[1:] if each.replace("-", "").isalnum())
    return [each for each in words if not each.startswith("-")][:1]


def _most(lines: list[str]) -> list[str]:
    """The telling lines of an error output: the first and the last ones."""
    return lines if len(lines) <= 4 else [*lines[:2], "…", *lines[-2:]]

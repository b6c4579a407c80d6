# -*- test-case-name: tests.unit.process.test_deadline -*-
"""
How long the master waits for a command of a slave, whatever the slave makes of its own time limits.

A slave is told the C{timeout} and C{maxTime} of a command, and ends it when they are over.  One that does not
is stopped by the master a little later.  What is then said to it is for L{buildbot.process.remotecommand}.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from twisted.internet.interfaces import IReactorTime

#: Seconds after which a slave that did not say that it has made a command is asked whether it lives.
SIGN_AFTER = 2.0
#: Seconds that a slave may take to say that it has made a command.
START_TIME = 60.0
#: Seconds that a slave may take to end a command that is to stop.
END_TIME = 30.0
#: Seconds that the master gives a slave beyond C{timeout} and C{maxTime}, to end the command by itself.
GRACE = 20.0
#: Seconds without a sign of a transfer of one file, or of a small command on files.
FILE_IDLE = 300.0
#: Seconds without a sign of any other command that has no C{timeout} of its own.
IDLE = 1200.0

#: Seconds that a slave may take to make a command of L{_MUTE}.
MUTE_TIME = IDLE
#: In these commands slaves of all generations hear and say nothing until the archive is made.
_MUTE = frozenset(("uploadDirectory",))
#: Commands that delete or copy a tree first: old slaves on Windows answer nothing before that is done.
_SLOW_TO_START = frozenset("rmdir cpdir arch bazaar bzr cvs darcs git hg monotone p4 p4sync svn".split())
_FILE_COMMANDS = frozenset("uploadFile downloadFile mkdir stat glob listdir rmfile".split())


class Limits(NamedTuple):
    """
    I say how long a command may take, as the master sees it.

    @ivar silence: seconds without a word from the slave about it; None: any time.
    @ivar total: seconds altogether; None: any time.
    """

    silence: float | None = None
    total: float | None = None


def limitsOf(name: str, args: Mapping[str, Any]) -> Limits:
    """
    The limits of a command.

    A command C{shell} without C{timeout} and C{maxTime} may take any time. One that does not send all of its
    output may be silent for any time: only the slave knows when it has said something. Others may be several
    commands in turn, each with these limits, so they have no total; and those that have not even got a
    C{timeout} among their arguments have a limit for their silence all the same.
    """
    timeout = _seconds(args.get("timeout"))
    if name == "shell":
        maxTime = _seconds(args.get("maxTime"))
        grace = GRACE + (_seconds(args.get("sigtermTime")) or 0.0)
        isTold = bool(args.get("want_stdout", True) and args.get("want_stderr", True))
        return Limits(_plus(timeout, grace) if isTold else None, _plus(maxTime, grace))
    if "timeout" not in args:
        return Limits(FILE_IDLE if name in _FILE_COMMANDS else IDLE)
    return Limits(None if timeout is None else timeout + IDLE)


def isMute(name: str) -> bool:
    """Whether a slave that makes this command may give no sign of life for a long time."""
    return name in _MUTE


def isQuick(name: str) -> bool:
    """Whether a living slave says soon that it has made this command."""
    return name not in _SLOW_TO_START and name not in _MUTE


def endTime(args: Mapping[str, Any]) -> float:
    """Seconds that a slave may take to end a command that is to stop: SIGTERM has its time, too."""
    return END_TIME + (_seconds(args.get("sigtermTime")) or 0.0)


def _seconds(value: Any) -> float | None:
    """A limit of time; slaves take 0 for none, and what is no number means nothing to them."""
    return float(value) if isinstance(value, (int, float)) and value > 0 else None


def _plus(limit: float | None, grace: float) -> float | None:
    return None if limit is None else limit + grace


class Deadlines:
    """
    I watch one command, with one timer that is set anew only when it has run out.

    @ivar limits: what is due once the command runs.
    """

    __slots__ = (
        "_at",
        "_began",
        "_clock",
        "_endTime",
        "_ending",
        "_heard",
        "_isStarted",
        "_noSign",
        "_overdue",
        "_startTime",
        "_timer",
        "limits",
    )

    def __init__(
        self,
        clock: IReactorTime,
        overdue: Callable[[str], object],
        noSign: Callable[[], object] | None = None,
        startTime: float = START_TIME,
        endTime: float = END_TIME,
    ) -> None:
        """
        The slave is asked to make the command now.

        @param overdue: called with the reason, in words, when a time is over. It is called again after as
            long a time, unless something happens meanwhile.
        @param noSign: called once if the slave does not say soon that it has made the command.
        @param startTime: seconds that the slave may take to make the command.
        @param endTime: seconds that it may take to end the command when it is to stop.
        """
        self.limits = Limits()
        self._clock = clock
        self._overdue = overdue
        self._noSign = noSign
        self._isStarted = False
        self._ending: float | None = None
        self._startTime = startTime
        self._endTime = endTime
        self._began = self._heard = clock.seconds()
        first = startTime if noSign is None else SIGN_AFTER
        self._at = self._began + first
        self._timer: Any = clock.callLater(first, self._look)

    @property
    def isStarting(self) -> bool:
        """Whether the slave has not said yet that it has made the command."""
        return not self._isStarted

    @property
    def isEnding(self) -> bool:
        """Whether the slave was asked to end it."""
        return self._ending is not None

    def started(self, limits: Limits) -> None:
        """The slave has made the command."""
        if not self._isStarted:
            self.limits = limits
            self._isStarted = True
            self._began = self._heard = self._clock.seconds()
            self._rearm()

    def heard(self) -> None:
        """The slave says something about it."""
        self._heard = self._clock.seconds()

    def ending(self) -> None:
        """The slave is asked to end it; only the first time counts."""
        if self._ending is None:
            self._ending = self._clock.seconds() + self._endTime
            self._rearm()

    def over(self) -> None:
        """The command has ended."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def due(self) -> float | None:
        """When the next time is over, by the clock; None if the command may take any time."""
        if self._ending is not None:
            return self._ending
        if not self._isStarted:
            return self._began + self._startTime
        silence, total = self.limits
        if total is None:
            return None if silence is None else self._heard + silence
        whole = self._began + total
        return whole if silence is None else min(whole, self._heard + silence)

    def _what(self, due: float) -> str:
        """Which time was over then, in words."""
        if self._ending is not None:
            return f"the slave did not end it within {self._endTime:g} s"
        if not self._isStarted:
            return f"no word of it within {self._startTime:g} s"
        silence, total = self.limits
        if total is not None and due == self._began + total:
            return f"it has not ended within {total:g} s"
        return f"no word of it for {silence:g} s"

    def isOverdue(self) -> bool:
        """Whether a time is over."""
        due = self.due()
        return due is not None and due <= self._clock.seconds()

    def _rearm(self) -> None:
        """A time may be due before the timer runs out."""
        due = self.due()
        if due is None or (self._timer is not None and self._at <= due):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._set(due)

    def _set(self, when: float) -> None:
        self._at = when
        self._timer = self._clock.callLater(max(0.0, when - self._clock.seconds()), self._look)

    def _look(self) -> None:
        self._timer = None
        due = self.due()
        if due is None:
            return
        now = self._clock.seconds()
        if now < due:
            self._set(due)
            noSign, self._noSign = self._noSign, None
            if noSign is not None and self.isStarting and not self.isEnding:
                noSign()
            return
        self._set(now + END_TIME)
        self._overdue(self._what(due))

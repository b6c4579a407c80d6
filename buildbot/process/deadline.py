# -*- test-case-name: tests.unit.process.test_deadline -*-
"""The master's own time limits for a command on a slave.

A slave gets the C{timeout} and C{maxTime} of a command, and should end it in time. If it does not, the master
acts a little later. L{buildbot.process.remotecommand} then interrupts the command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from twisted.internet.interfaces import IDelayedCall, IReactorTime

#: Seconds without a confirmed start of a command, after which the slave is pinged.
SIGN_AFTER = 2.0
#: Seconds for a slave to confirm the start of a command.
START_TIME = 60.0
#: Seconds for a slave to end an interrupted command.
END_TIME = 30.0
#: Seconds beyond C{timeout} and C{maxTime}, for the slave to end the command by itself.
GRACE = 20.0
#: Seconds without progress of a transfer of one file, or of a small command on files.
FILE_IDLE = 300.0
#: Seconds without progress of any other command that has no C{timeout} argument.
IDLE = 1200.0

#: Seconds for a slave to confirm the start of a command of L{_MUTE}.
MUTE_TIME = IDLE
#: During the start of these commands, all slaves are unresponsive until the archive is made.
_MUTE = frozenset(("uploadDirectory",))
#: Commands that first delete or copy a tree: old slaves on Windows answer only after that.
_SLOW_TO_START = frozenset("rmdir cpdir arch bazaar bzr cvs darcs git hg monotone p4 p4sync svn".split())
_FILE_COMMANDS = frozenset("uploadFile downloadFile mkdir stat glob listdir rmfile".split())


class Limits(NamedTuple):
    """The master's time limits for one command.

    @ivar silence: seconds without a message from the slave about the command; None: no limit.
    @ivar total: seconds in total; None: no limit.
    """

    silence: float | None = None
    total: float | None = None


_NONE = Limits()


def limitsOf(name: str, args: Mapping[str, Any]) -> Limits:
    """The limits of a command.

    A C{shell} command without C{timeout} and C{maxTime} has no limits. If it does not send all of its output,
    it has no limit of silence: only the slave sees the output. Other commands may run several programs in
    turn, each with these limits, so they have no total. If they have no C{timeout} argument, a default limit
    of silence applies.
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


def endTime(args: Mapping[str, Any]) -> float:
    """The seconds for a slave to end an interrupted command, including its C{sigtermTime}."""
    return END_TIME + (_seconds(args.get("sigtermTime")) or 0.0)


def _seconds(value: object) -> float | None:
    """A time limit, or None: for slaves, 0 means no limit, and a value that is not a number is ignored."""
    return float(value) if isinstance(value, (int, float)) and value > 0 else None


def _plus(limit: float | None, grace: float) -> float | None:
    return None if limit is None else limit + grace


class Deadlines:
    """I watch the time limits of one command. I use one timer, and restart it only when it fires.

    @ivar limits: the limits of the running command.
    @ivar lastHeard: the time of the last sign of progress, by the clock: the limit of silence begins then.
    @ivar isMute: True if the slave may be unresponsive for a long time while it starts the command.
    """

    __slots__ = (
        "_at",
        "_began",
        "_clock",
        "_endTime",
        "_ending",
        "_isStarted",
        "_noSign",
        "_overdue",
        "_startTime",
        "_timer",
        "isMute",
        "lastHeard",
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
        """Start the watch, when the command is sent to the slave.

        @param overdue: called with the reason, in words, when a limit is exceeded, and again every END_TIME
            seconds while it is.
        @param noSign: called once if the slave does not confirm the start soon.
        @param startTime: seconds for the slave to confirm the start.
        @param endTime: seconds for the slave to end the command after an interrupt.
        """
        self.limits = _NONE
        self._clock = clock
        self._overdue = overdue
        self._noSign = noSign
        self._isStarted = False
        self._ending: float | None = None
        self._startTime = startTime
        self.isMute = startTime == MUTE_TIME
        self._endTime = endTime
        self._began = self.lastHeard = clock.seconds()
        first = startTime if noSign is None else SIGN_AFTER
        self._at = self._began + first
        # Not an Alarm: each command has one, and this is the cheapest way.
        self._timer: IDelayedCall | None = clock.callLater(first, self._look)

    @property
    def isStarting(self) -> bool:
        """True before the slave has confirmed the start."""
        return not self._isStarted

    @property
    def isEnding(self) -> bool:
        """True after the command was interrupted."""
        return self._ending is not None

    def started(self, limits: Limits) -> None:
        """Apply C{limits}: the slave has confirmed the start."""
        if not self._isStarted:
            self.limits = limits
            self._isStarted = True
            self._began = self.lastHeard = self._clock.seconds()
            self._rearm()

    def heard(self) -> None:
        """Note a sign of progress. Sets C{lastHeard}."""
        self.lastHeard = self._clock.seconds()

    def ending(self) -> None:
        """Start the limit for the end: the command was interrupted. Later calls do nothing."""
        if self._ending is None:
            self._ending = self._clock.seconds() + self._endTime
            self._rearm()

    def over(self) -> None:
        """Stop the watch: the command has ended. Forget whom to tell, who usually holds me."""
        self._overdue, self._noSign = _tellNobody, None
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def due(self) -> float | None:
        """The time of the next limit, by the clock; None if there is no limit."""
        if self._ending is not None:
            return self._ending
        if not self._isStarted:
            return self._began + self._startTime
        silence, total = self.limits
        if total is None:
            return None if silence is None else self.lastHeard + silence
        whole = self._began + total
        return whole if silence is None else min(whole, self.lastHeard + silence)

    def _what(self, due: float) -> str:
        """Describe the exceeded limit, in words."""
        if self._ending is not None:
            return f"the slave did not end it within {self._endTime:g} s"
        if not self._isStarted:
            return f"the slave did not confirm the command within {self._startTime:g} s"
        silence, total = self.limits
        if total is not None and due == self._began + total:
            return f"it has not ended within {total:g} s"
        return f"the slave sent nothing about it for {silence:g} s"

    def isOverdue(self) -> bool:
        """True if a limit is exceeded."""
        due = self.due()
        return due is not None and due <= self._clock.seconds()

    def _rearm(self) -> None:
        """Restart the timer if a limit comes before it fires."""
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


def _tellNobody(what: str) -> None:
    """The command has ended."""


def deadlinesOf(
    name: str,
    args: Mapping[str, Any],
    clock: IReactorTime,
    overdue: Callable[[str], object],
    noSign: Callable[[], object],
) -> Deadlines:
    """The deadlines of a command that the slave is asked to make now; see L{Deadlines}."""
    if name in _MUTE:
        return Deadlines(clock, overdue, None, MUTE_TIME, endTime(args))
    return Deadlines(clock, overdue, None if name in _SLOW_TO_START else noSign, START_TIME, endTime(args))

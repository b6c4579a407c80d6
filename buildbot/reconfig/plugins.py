# -*- test-case-name: tests.unit.reconfig.test_reconfigurer -*-
"""
Plug-ins are exchanged for others: all of them, or none.

Which ones is said by L{buildbot.config.diff}.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.wire.listeners import CannotOpen

log = Logger()
#: A service, and who is to be its parent.
Pair = tuple[Any, Any]

#: Seconds that a plug-in has to start, and to stop.
CHILD_TIME = 30.0
#: Why a change is refused when the master stops meanwhile.
STOPPING = "the master is stopping"


class Refused(Exception):
    """
    The new configuration is not put into force; the old one stands, whole.

    @ivar errors: every reason, one line each.
    """

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = list(errors)


async def exchange(old: Iterable[Pair], new: Iterable[Pair], clock: Any) -> None:
    """
    Stop the C{old} services and start the C{new} ones, or change nothing.

    Each has CHILD_TIME: an old one that has not stopped by then, or that fails to, is left behind (R10); a
    new one is refused.

    @param new: (service, its parent) pairs, as are C{old}.
    @raise Refused: one of the new ones failed to start; the old ones run again.  One that does not has no
        parent, and is named.
    """
    stopped: list[Pair] = []
    started: list[Pair] = []
    try:
        for child, parent in old:
            stopped.append((child, parent))
            await _stop(child, clock)
        for child, parent in new:
            started.append((child, parent))
            await _start(child, parent, clock)
    except PLUGIN_ERRORS as error:
        culprit, _ = started[-1]
        if not isinstance(error, (_TooSlow, CannotOpen)):
            log.failure("starting {name} failed", name=_nameOf(culprit))
        lost = await undo(started, stopped, clock)
        raise Refused([f"cannot start {_nameOf(culprit)}: {error}", *lost]) from error


async def undo(started: Iterable[Pair], stopped: Iterable[Pair], clock: Any) -> list[str]:
    """
    Stop what was started, and start again what was stopped, each as far as it can be.

    @return: a line for each that does not run any more; it has no parent.
    """
    for child, _ in started:
        await _stop(child, clock)
    lost = [await _startAgain(child, parent, clock) for child, parent in stopped]
    return list(filter(None, lost))


def living(plugins: Iterable[Any]) -> tuple[Any, ...]:
    """Those plug-ins that have a parent, and those that have no life."""
    return tuple(
        each for each in plugins if not IService.providedBy(each) or getattr(each, "parent", None) is not None
    )


class _TooSlow(Exception):
    """A service has not done within CHILD_TIME what it was told to."""


async def _stop(child: Any, clock: Any) -> None:
    """The child has no parent any more, whatever it says to that."""
    if getattr(child, "parent", None) is None:
        return
    try:
        await _within(maybeDeferred(child.disownServiceParent), child, clock)
    except _TooSlow:
        log.error(
            "{name} has not stopped within {seconds:g} seconds, and is no longer waited for",
            **{"name": type(child).__name__, "seconds": CHILD_TIME},
        )
    except PLUGIN_ERRORS:
        log.failure("{name} failed to stop, and is no longer waited for", name=_nameOf(child))
    child.parent = None


async def _start(child: Any, parent: Any, clock: Any) -> None:
    starting = maybeDeferred(child.setServiceParent, parent)
    try:
        await _within(starting, child, clock)
    except _TooSlow:
        starting.cancel()
        raise _TooSlow(f"it has not begun within {CHILD_TIME:g} seconds") from None


def _within(work: Deferred[Any], child: Any, clock: Any) -> Deferred[Any]:
    """Fires as C{work} does; fails if that takes too long, whether or not it could be cancelled."""
    answer: Deferred[Any] = Deferred()
    late = Alarm(lambda: answer.errback(_TooSlow()))
    late.set(clock, CHILD_TIME)

    def ended(result: Any) -> None:
        if late.isSet:
            late.stop()
            answer.callback(result)
        elif isinstance(result, Failure) and not result.check(CancelledError):
            log.failure(
                "{name} failed after the master had stopped waiting for it", result, name=_nameOf(child)
            )

    work.addBoth(ended)
    return answer


async def _startAgain(child: Any, parent: Any, clock: Any) -> str:
    """On the way back, one that fails keeps no other one from running again; return what to say of it."""
    try:
        await _start(child, parent, clock)
    except PLUGIN_ERRORS as error:
        if not isinstance(error, _TooSlow):
            log.failure("starting {name} again failed", name=_nameOf(child))
        await _stop(child, clock)
        return f"{_nameOf(child)} was stopped and cannot be started again: {error}"
    return ""


def _nameOf(child: Any) -> str:
    """Not its repr, which may hold a password and may raise."""
    return type(child).__name__

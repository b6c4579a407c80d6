# -*- test-case-name: tests.unit.reconfig.test_reconfigurer -*-
"""Replace old plug-ins by new ones: all of them, or none.

L{buildbot.config.diff} chooses them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twisted.application.service import IService, Service
from twisted.internet.defer import CancelledError, Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.reconfig.parent import PluginParent
from buildbot.wire.listeners import CannotOpen, Reserving

log = Logger()
#: A service and its future parent.
Pair = tuple[Any, PluginParent]

#: The time limit for a plug-in to start, and to stop, in seconds.
CHILD_TIME = 30.0
#: The error of a change that is refused because the master stops.
STOPPING = "the master is stopping"


class Refused(Exception):
    """The new configuration is refused. The old one stays in force.

    @ivar errors: the reasons, one line each.
    """

    def __init__(self, errors: Sequence[str]) -> None:
        super().__init__("\n".join(errors))
        self.errors = list(errors)


async def exchange(old: Iterable[Pair], new: Iterable[Pair], clock: IReactorTime) -> None:
    """Stop the C{old} services and start the C{new} ones, or change nothing.

    The limit for each is CHILD_TIME. An old service that does not stop in time, or fails to stop, is left
    behind (R10). A new service that does not start in time is refused.

    @param new: (service, its parent) pairs, like C{old}.
    @raise Refused: a new service failed to start. The old ones are started again. One that cannot be started
        has no parent, and the error names it.
    """
    stopped: list[Pair] = []
    started: list[Pair] = []
    old, new = list(old), list(new)
    await _reserve(old, new)
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
        await _release(new)
        raise Refused([f"cannot start {_nameOf(culprit)}: {error}", *lost]) from error


async def _reserve(old: Sequence[Pair], new: Sequence[Pair]) -> None:
    """Let the new services open ports while the old ones run, so that nothing stops for a port in use.

    @raise Refused: a port cannot be opened.
    """
    for child, parent in new if old else ():
        if isinstance(child, Reserving):
            try:
                await child.reserve(parent, [each for each, _ in old])
            except CannotOpen as error:
                await _release(new)
                raise Refused([f"cannot start {_nameOf(child)}: {error}"]) from error


async def _release(new: Iterable[Pair]) -> None:
    """Close the ports that are open for services that do not start."""
    for child, _ in new:
        if isinstance(child, Reserving):
            await child.release()


async def undo(started: Iterable[Pair], stopped: Iterable[Pair], clock: IReactorTime) -> list[str]:
    """Stop the started services, and start the stopped ones again.

    @return: a line for each service that cannot be started again; it has no parent.
    """
    for child, _ in started:
        await _stop(child, clock)
    lost = [await _startAgain(child, parent, clock) for child, parent in stopped]
    return list(filter(None, lost))


def living(plugins: Iterable[Any]) -> tuple[Any, ...]:
    """The plug-ins that have a parent, and those that are not services."""
    return tuple(
        each for each in plugins if not IService.providedBy(each) or getattr(each, "parent", None) is not None
    )


class _TooSlow(Exception):
    """A service did not start or stop within CHILD_TIME."""


async def _stop(child: Service, clock: IReactorTime) -> None:
    """Stop a child, and clear its parent even if it fails to stop."""
    if getattr(child, "parent", None) is None:
        return
    try:
        await _within(maybeDeferred(child.disownServiceParent), child, clock)
    except _TooSlow:
        log.error(
            "{name} did not stop within {seconds:g} seconds; going on without waiting for it",
            **{"name": type(child).__name__, "seconds": CHILD_TIME},
        )
    except PLUGIN_ERRORS:
        log.failure("{name} failed to stop; going on without waiting for it", name=_nameOf(child))
    child.parent = None


async def _start(child: Service, parent: PluginParent, clock: IReactorTime) -> None:
    starting = maybeDeferred(child.setServiceParent, parent)
    try:
        await _within(starting, child, clock)
    except _TooSlow:
        starting.cancel()
        raise _TooSlow(f"it did not start within {CHILD_TIME:g} seconds") from None


def _within(work: Deferred[Any], child: object, clock: IReactorTime) -> Deferred[Any]:
    """Fires like C{work}; fails with _TooSlow if that takes longer than CHILD_TIME."""
    answer: Deferred[Any] = Deferred()
    late = Alarm(lambda: answer.errback(_TooSlow()))
    late.set(clock, CHILD_TIME)

    def ended(result: object) -> None:
        if late.isSet:
            late.stop()
            answer.callback(result)
        elif isinstance(result, Failure) and not result.check(CancelledError):
            log.failure(
                "{name} failed after the master had stopped waiting for it", result, name=_nameOf(child)
            )

    work.addBoth(ended)
    return answer


async def _startAgain(child: Service, parent: PluginParent, clock: IReactorTime) -> str:
    """Start a stopped child again. Returns "", or a line about the failure."""
    try:
        await _start(child, parent, clock)
    except PLUGIN_ERRORS as error:
        if not isinstance(error, _TooSlow):
            log.failure("starting {name} again failed", name=_nameOf(child))
        await _stop(child, clock)
        return f"{_nameOf(child)} was stopped and cannot be started again: {error}"
    return ""


def _nameOf(child: object) -> str:
    """The class name. The repr is not used: it may contain a password, and may raise."""
    return type(child).__name__

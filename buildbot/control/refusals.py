# -*- test-case-name: tests.unit.control.test_buildcommands -*-
"""Refusals that several commands of the control socket share, in the user's words.

Refusals of one command alone are beside that command.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TypeVar

from buildbot.control.client import ControlError
from buildbot.store.interface import StoreFailed
from buildbot.text.similar import closest

#: The most known names that a refusal lists.
MOST_NAMES = 10
T = TypeVar("T")


def noBuilder(name: str, builders: Iterable[str]) -> ControlError:
    """The error for an unknown builder."""
    return ControlError(f"no builder {name!r} in c['builders']{thereAre(name, builders)}")


def noSlave(name: str, slaves: Iterable[str]) -> ControlError:
    """The error for an unknown slave."""
    return ControlError(f"no slave {name!r} in c['bots']{thereAre(name, slaves)}")


async def stored(waited: Awaitable[T]) -> T:
    """Wait for the store and return its answer. Raises L{ControlError} if the store fails."""
    try:
        return await waited
    except StoreFailed as failed:
        raise ControlError(f"the master's store does not work: {failed.reason}") from None


def thereAre(name: str, names: Iterable[str]) -> str:
    """The known names in brackets; if there are too many, the nearest one."""
    known = sorted(names)
    if len(known) > MOST_NAMES:
        near = closest(name, known)
        return f"; did you mean {near}?" if near else ""
    return f" (there: {', '.join(known)})" if known else ""

# -*- test-case-name: tests.unit.process.test_builds -*-
"""Read stored values, and skip invalid ones with a warning (P3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.store.interface import UNREADABLE, IStore

log = Logger()
_T = TypeVar("_T")
_K = TypeVar("_K")


def readable(read: Callable[[Any], _T], what: str, records: Mapping[_K, Any]) -> dict[_K, _T]:
    """Read several stored values.

    @param what: the kind of the values, for the log.
    @return: key -> value, without the values for which C{read} raises an exception.
    """
    found = {}
    for name, record in records.items():
        try:
            found[name] = read(record)
        except PLUGIN_ERRORS as error:
            log.warn(
                "stored {what} {name!r} cannot be read, and is skipped: {error!r}",
                what=what,
                name=name,
                error=error,
            )
    return found


async def statesOf(store: IStore, kind: str, read: Callable[[Any], _T]) -> dict[str, _T]:
    """The states in the store under C{kind/NAME}, by name.

    Invalid states are moved to another key, so that the next start does not read them again.
    """
    states = await store.getStates(f"{kind}/")
    values = {key.partition("/")[2]: value for key, value in states.items()}
    found = readable(read, kind, values)
    for name in values:
        if name not in found:
            await store.setState(f"{UNREADABLE}/{kind}/{name}", values[name])
            await store.setState(f"{kind}/{name}", None)
    return found

# -*- test-case-name: tests.unit.store.test_states -*-
"""The states in the store of a stopped master, for commands that change a state.

The store must exist. Its schema does not change, because only the start of a master upgrades or repairs it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred, execute

from buildbot.store.address import BadAddress
from buildbot.store.database import BUSY
from buildbot.store.direct import hasStore, opened
from buildbot.store.interface import StoreFailed
from buildbot.store.place import placeOf
from buildbot.store.seams import Connection

_T = TypeVar("_T")


class StoppedStates:
    """I read and write states; see L{IStore<buildbot.store.interface.IStore>}. All calls block.

    The caller must hold the lock of the directory.
    """

    def __init__(self, basedir: str) -> None:
        self._basedir = basedir

    def getStates(self, prefix: str) -> Deferred[dict[str, Any]]:
        """The states whose keys begin with a prefix, by key; empty without a store."""

        def read(store: Connection) -> dict[str, Any]:
            which = "WHERE substr(name, 1, ?) = ?"
            rows = store.execute(f"SELECT name, value FROM state {which}", (len(prefix), prefix))
            return {name: json.loads(value) for name, value in rows}

        return execute(lambda: self._done(read) if hasStore(self._basedir) else {})

    def setState(self, key: str, value: Any) -> Deferred[None]:
        """Set a state; None deletes it. Fires when it is on disk."""
        text = json.dumps(value)

        def write(store: Connection) -> None:
            store.execute("DELETE FROM state WHERE name = ?", (key,))
            if value is not None:
                store.execute("INSERT INTO state (name, value) VALUES (?, ?)", (key, text))

        return execute(self._done, write, True)

    def _done(self, work: Callable[[Connection], _T], toWrite: bool = False) -> _T:
        """Do some work in one transaction. Raises L{StoreFailed}."""
        try:
            place = placeOf(self._basedir)
            if not hasStore(self._basedir):
                raise StoreFailed(
                    f"there is no store {place.shown} yet: the first start of the master makes it"
                )
            with opened(place, toWrite, BUSY) as store:
                if toWrite:
                    store.lock()  # a master elsewhere would not see what is written
                with store.transaction(toWrite) as connection:
                    return work(connection)
        except BadAddress as why:
            raise StoreFailed(str(why)) from None
        except ValueError as why:
            raise StoreFailed(f"cannot use the store {place.shown}: {why}") from None

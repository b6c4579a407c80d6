# -*- test-case-name: tests.unit.store.test_states -*-
"""The states in the store of a stopped master, for commands that change a state.

The store must exist. Its schema does not change, because only the start of a master upgrades or repairs it.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any, TypeVar
from urllib.parse import quote

from twisted.internet.defer import Deferred, execute

from buildbot.store.files import FILE, mustBePlainStore
from buildbot.store.interface import StoreFailed

_T = TypeVar("_T")


class StoppedStates:
    """I read and write states; see L{IStore<buildbot.store.interface.IStore>}. All calls block.

    The caller must hold the lock of the directory.
    """

    def __init__(self, basedir: str) -> None:
        self._path = os.path.join(basedir, FILE)

    def getStates(self, prefix: str) -> Deferred[dict[str, Any]]:
        """The states whose keys begin with a prefix, by key; empty without a store."""

        def read(store: sqlite3.Connection) -> dict[str, Any]:
            which = "WHERE substr(name, 1, ?) = ?"
            rows = store.execute(f"SELECT name, value FROM state {which}", (len(prefix), prefix))
            return {name: json.loads(value) for name, value in rows}

        return execute(lambda: self._done(read) if os.path.exists(self._path) else {})

    def setState(self, key: str, value: Any) -> Deferred[None]:
        """Set a state; None deletes it. Fires when it is on disk."""
        text = json.dumps(value)

        def write(store: sqlite3.Connection) -> None:
            with store:
                store.execute("DELETE FROM state WHERE name = ?", (key,))
                if value is not None:
                    store.execute("INSERT INTO state (name, value) VALUES (?, ?)", (key, text))

        return execute(self._done, write)

    def _done(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do some work with the file. Raises L{StoreFailed}."""
        if not os.path.exists(self._path):
            raise StoreFailed(f"there is no store {self._path} yet: the first start of the master makes it")
        try:
            mustBePlainStore(self._path)
            with closing(
                sqlite3.connect(f"file:{quote(self._path)}?mode=rw", uri=True, timeout=5.0)
            ) as store:
                return work(store)
        except (OSError, sqlite3.Error, ValueError) as why:
            raise StoreFailed(f"cannot use the store {self._path}: {why}") from None

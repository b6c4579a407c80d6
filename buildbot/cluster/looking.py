# -*- test-case-name: tests.integration.test_standby -*-
"""Look at the masters of a store without being one of them. Everything here blocks."""

from __future__ import annotations

from buildbot.cluster.places import ACTIVE, Place, rowsOf
from buildbot.store.direct import opened
from buildbot.store.place import Place as StorePlace


def mastersOf(where: StorePlace) -> list[Place]:
    """The masters of a store that have used it since the last takeover; none with a store in a file.

    @raise StoreFailed: the store cannot be read.
    """
    if where.server is None:
        return []
    with opened(where) as store, store.transaction(False) as connection:
        (isThere,) = connection.execute("SELECT to_regclass('store_masters') IS NOT NULL").fetchone()
        return rowsOf(connection) if isThere else []


def activeOf(where: StorePlace) -> Place | None:
    """The active master of a store, as far as the store knows: it may be dead. Raises L{StoreFailed}."""
    return next((each for each in mastersOf(where) if each.state == ACTIVE), None)

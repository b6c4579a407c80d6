# -*- test-case-name: tests.unit.store.test_stores -*-
"""The store of a master, of the kind that its place names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildbot.store.place import Place
from buildbot.store.requests import Store
from buildbot.store.sqlite import SqliteStore
from buildbot.store.worker import Reactor

if TYPE_CHECKING:
    from buildbot.store.postgres import Fence


def storeAt(place: Place, reactor: Reactor, fence: Fence | None = None) -> Store:
    """The store at a place, not open yet.

    @param fence: for a server; see L{PostgresStore<buildbot.store.postgres.PostgresStore>}.
    @raise BadAddress<buildbot.store.address.BadAddress>: the password for the server cannot be read.
    """
    if place.server is None:
        return SqliteStore(place.basedir, reactor)
    from buildbot.store.postgres import PostgresStore  # most masters do without it

    return PostgresStore(place.conninfo(), reactor, fence=fence)

# -*- test-case-name: tests.unit.cluster.test_places -*-
"""The fence: it refuses transactions that write, once another master has taken the place of this one."""

from __future__ import annotations

from collections.abc import Callable

from buildbot.cluster.places import FENCE, fenced, rowsOf, sessionName
from buildbot.store.interface import StoreFenced
from buildbot.store.seams import Connection


class Fence:
    """I am called at the begin of each transaction that writes.

    @param incarnation: this process; C{epoch}: when it took the active place.
    @param buried: called in the thread of the transaction with the error when the place was taken.
    """

    def __init__(self, incarnation: str, epoch: int, buried: Callable[[StoreFenced], object]) -> None:
        self._values = (sessionName(incarnation), incarnation, epoch)
        self._buried = buried

    def __call__(self, connection: Connection) -> None:
        """Hold my place until the end of the transaction.

        @raise StoreFenced: it was taken.
        """
        if connection.execute(FENCE, self._values).fetchone() is None:
            error = fenced(rowsOf(connection))
            self._buried(error)
            raise error

"""The store in PostgreSQL keeps the promises of all stores, with a real server."""

from __future__ import annotations

from buildbot.store.requests import Store
from tests.integration.postgres import PostgresCase
from tests.unit.store import test_actions, test_lists, test_store

_Promises = test_store.PROMISES[0]
_Lists = test_lists.PROMISES[0]
_Actions = test_actions.PROMISES[0]


class ContractTests(PostgresCase, _Promises):  # type: ignore[misc,valid-type]
    """The promises of the store."""

    def make(self) -> Store:
        return self.postgres()


class ListsTests(PostgresCase, _Lists):  # type: ignore[misc,valid-type]
    """The promises of lists and searches."""

    def make(self) -> Store:
        return self.postgres()


class ActionsTests(PostgresCase, _Actions):  # type: ignore[misc,valid-type]
    """The promises of the record of actions."""

    def make(self) -> Store:
        return self.postgres()


del _Promises, _Lists, _Actions  # trial would run them by themselves

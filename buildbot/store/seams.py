"""The interfaces of databases that the store uses. Those of a connection are a part of Python's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

#: A value for a place in a statement.
Value: TypeAlias = str | float | None


class OutcomeUnknown(Exception):
    """No answer came to a COMMIT: str() is the reason, for people. See L{Driver.settle}."""


class Cursor(Protocol):
    """The part of a database cursor that the store uses."""

    @property
    def rowcount(self) -> int: ...
    def __iter__(self) -> Iterator[Any]: ...
    def fetchone(self) -> Any: ...


class Connection(Protocol):
    """The part of a L{sqlite3.Connection} that the store uses."""

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor: ...
    def executemany(self, statement: str, values: Iterable[Sequence[Value]], /) -> Cursor: ...


class Driver(Protocol):
    """One open database, as the thread of a store uses it.

    L{loss} is called in any thread, everything else in that one.
    """

    def transaction(self, isWriting: bool, /) -> AbstractContextManager[Connection]:
        """A context that commits at its end. On an exception within, it undoes everything.

        Raises L{StoreFailed<buildbot.store.interface.StoreFailed>} if the database cannot be used: then
        nothing has changed. Raises L{OutcomeUnknown} if that is not known: the caller must call L{settle}.
        """

    def settle(self) -> bool:
        """Find out the outcome of the transaction that has raised L{OutcomeUnknown}.

        Returns True if it was committed, False if it has changed nothing and never will. Raises
        L{StoreFailed<buildbot.store.interface.StoreFailed>} while the database does not answer: the caller
        must ask again, before any other transaction.
        """

    def loss(self) -> str:
        """The reason if what is written now would be lost; else ""."""

    def close(self) -> None:
        """Close the database. Never raises."""

    def isOutage(self, error: Exception, /) -> bool:
        """True if an error of a statement says that no statement can succeed now."""

    def isDamage(self, error: Exception, /) -> bool:
        """True if an error of a statement says that some stored data cannot be read."""

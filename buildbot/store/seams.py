"""The database interface that the SQL of the store uses: a part of Python's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeAlias

#: A value for a place in a statement.
Value: TypeAlias = str | float | None


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

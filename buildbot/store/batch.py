# -*- test-case-name: tests.unit.store.test_batch -*-
"""Run equal statements of one transaction together.

Each run of a statement releases Python's global lock several times, and the reactor's thread takes it. Many
rows in one run cost less than many runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain

from buildbot.store.seams import Connection, Cursor, Value

#: The most rows of one INSERT. SQLite before 3.32 takes 999 values.
MOST_ROWS = 32


class Unsure(Exception):
    """A postponed statement failed, or changed no row. It is not known which caller gave it.

    The transaction must be rolled back, and done again without postponing.
    """


class Batch:
    """I am a connection during one transaction. I can postpone statements.

    L{execute} and L{executemany} run the postponed statements first. So a statement sees all earlier changes.

    @param isPostponing: False to run each statement at once.
    @param isOutage: see L{Driver<buildbot.store.seams.Driver>}.
    """

    def __init__(
        self, connection: Connection, isPostponing: bool, isOutage: Callable[[Exception], bool]
    ) -> None:
        self._isOutage = isOutage
        self._connection = connection
        self._isPostponing = isPostponing
        self._rows: dict[str, list[Sequence[Value]]] = {}  # by statement

    def execute(self, statement: str, values: Sequence[Value] = (), /) -> Cursor:
        """See L{Connection}."""
        if self._rows:
            self.flush()
        return self._connection.execute(statement, values)

    def executemany(self, statement: str, values: Iterable[Sequence[Value]], /) -> Cursor:
        """See L{Connection}."""
        if self._rows:
            self.flush()
        return self._connection.executemany(statement, values)

    def changeOne(self, statement: str, values: Sequence[Value], /) -> bool:
        """Run a statement that changes one row or none: an INSERT, or an UPDATE of the row with a key.

        @return: False if it has changed no row. While I postpone, always True: L{flush} finds out.
        """
        if not self._isPostponing:
            return self._connection.execute(statement, values).rowcount > 0
        rows = self._rows.get(statement)
        if rows is None:
            self._rows[statement] = [values]
        else:
            rows.append(values)
        return True

    def flush(self) -> None:
        """Run the postponed statements. Raises L{Unsure} unless each has changed its row."""
        postponed, self._rows = self._rows, {}
        try:
            for statement, rows in postponed.items():
                if self._run(statement, rows) != len(rows):
                    raise Unsure(statement)
        except Exception as error:
            if isinstance(error, Unsure) or self._isOutage(error):
                raise
            raise Unsure(statement) from error

    def _run(self, statement: str, rows: list[Sequence[Value]]) -> int:
        """Run a statement for all rows. Returns the number of rows that were changed."""
        if len(rows) == 1:
            return self._connection.execute(statement, rows[0]).rowcount
        if not statement.startswith("INSERT "):
            return self._connection.executemany(statement, rows).rowcount
        done, count = 0, MOST_ROWS
        while done < len(rows):
            while done + count > len(rows):
                count //= 2
            some = list(chain.from_iterable(rows[done : done + count]))
            self._connection.execute(_ofRows(statement, count), some)
            done += count
        return done


@lru_cache(maxsize=64)
def _ofRows(statement: str, count: int) -> str:
    """An INSERT of so many rows. Only few counts are used, so that SQLite prepares few statements."""
    start, values, row = statement.partition(" VALUES ")
    return f"{start}{values}{', '.join([row] * count)}"

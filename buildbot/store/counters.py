# -*- test-case-name: tests.unit.store.test_counters -*-
"""The counters of a store.

They stay in memory between transactions, because no other process writes them. Each transaction writes a
counter once, however many numbers it gives.
"""

from __future__ import annotations

from buildbot.store.seams import Connection


class Counters:
    """I give numbers. The caller tells me about each commit and each rollback."""

    def __init__(self) -> None:
        self._following: dict[str, int] = {}  # the next number, by the name of the counter
        self._unwritten: set[str] = set()

    def peek(self, connection: Connection, name: str, first: int) -> int:
        """The next number of a counter, at least C{first}. No row has this number yet."""
        number = self._following.get(name)
        if number is None:
            row = connection.execute("SELECT value FROM counters WHERE name = ?", (name,)).fetchone()
            number = first if row is None else int(row[0])
        return max(first, number)

    def take(self, name: str, number: int) -> None:
        """Use a number from L{peek}."""
        self._following[name] = number + 1
        self._unwritten.add(name)

    def next(self, connection: Connection, name: str, first: int) -> int:
        """Use the next number of a counter and return it."""
        number = self.peek(connection, name, first)
        self.take(name, number)
        return number

    def write(self, connection: Connection) -> None:
        """Write the counters that have changed. Call this before each commit."""
        if self._unwritten:
            connection.executemany(
                "INSERT INTO counters (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                [(name, self._following[name]) for name in sorted(self._unwritten)],
            )
            self._unwritten.clear()

    def forget(self) -> None:
        """Read all counters again. Call this after each rollback."""
        self._following.clear()
        self._unwritten.clear()

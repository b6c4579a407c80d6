# -*- test-case-name: tests.unit.store.test_damage -*-
"""Make records from rows of a database. A row that cannot be read stays in the store (P3)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, TypeVar

from twisted.logger import Logger

from buildbot.model.records import BuildRecord, BuildsetRecord, RequestRecord
from buildbot.model.sourcestamp import SourceStamp

_log = Logger()
_T = TypeVar("_T")

#: Longer texts would take much memory.
_SHORT = 4096


def readable(read: Callable[[Any], _T], what: str, rows: Iterable[Any]) -> Iterator[_T]:
    """Yield C{read(row)} for each row. An unreadable row stays in the store, with a warning (P3).

    C{read} may raise any exception: a record may be valid JSON of any shape.
    """
    for row in rows:
        try:
            found = read(row)
        except Exception as error:
            _log.warn(
                "stored {what} {id} cannot be read, and is skipped: {error}",
                what=what,
                id=row[:-1],
                error=error,
            )
        else:
            yield found


class Requests:
    """I convert rows to requests: number, builder, attempts, interruptions, and the row of the set or NULLs.

    The requests of a buildset follow each other, so that it is parsed once, and only one is kept.
    """

    def __init__(self) -> None:
        self._last: tuple[int, BuildsetRecord] | None = None

    def read(self, row: Sequence[Any]) -> RequestRecord:
        """The request of a row. Raises any exception for a record that is not valid."""
        id, builder, attempts, interruptions, *buildset = row
        if not isinstance(attempts, int) or not isinstance(interruptions, int):
            raise TypeError("attempts and interruptions are numbers")
        if self._last is None or self._last[0] != buildset[0]:
            self._last = buildset[0], buildsetOf(buildset)
        request = RequestRecord.of(self._last[1], id, builder)
        return request.altered(attempts=attempts, interruptions=interruptions)


def buildsetOf(row: Sequence[Any]) -> BuildsetRecord:
    """The set of a row: number, end, results and record. Raises any exception for a wrong record."""
    id, complete, results, text = row
    record = _remembered(text) if len(text) <= _SHORT else BuildsetRecord.fromRecord(json.loads(text))
    SourceStamp.fromRecord(record.sourcestamp)  # raises here if the source is not readable later
    return record.altered(id=id, complete=complete, results=results)


@lru_cache(maxsize=512)
def _remembered(text: str) -> BuildsetRecord:
    """The record in a short JSON text. Equal texts, of sets that were added together, are parsed once."""
    return BuildsetRecord.fromRecord(json.loads(text))


def buildOf(row: Sequence[Any]) -> BuildRecord:
    """The build of a row: builder, number and record. Raises any exception for a wrong record."""
    return BuildRecord.fromRecord(json.loads(row[2])).altered(number=row[1])

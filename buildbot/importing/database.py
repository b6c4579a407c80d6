# -*- test-case-name: tests.unit.importing.test_database -*-
"""Read the changes in the database of a master of 0.8, whatever version its tables have.

Later releases added columns to the tables. A missing column counts as empty.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from typing import Any
from urllib.parse import quote

from buildbot.files.plain import NotPlain
from buildbot.importing.reader import Unreadable
from buildbot.importing.shapes import changeOf
from buildbot.model.change import Change
from buildbot.store.files import WAL, mustBePlainStore

#: The columns of changes, with the keys of our values.
_COLUMNS = {
    "changeid": "number",
    "author": "who",
    "comments": "comments",
    "is_dir": "isdir",
    "branch": "branch",
    "revision": "revision",
    "revlink": "revlink",
    "when_timestamp": "when",
    "category": "category",
    "repository": "repository",
    "project": "project",
    "codebase": "codebase",
}


#: The version of the tables of 0.8.14, the last release that keeps its builds in pickles.
LAST = 24


class OldDatabase:
    """I am the open database of an old master. I change nothing in it."""

    def __init__(self, path: str) -> None:
        """@raise Unreadable: it cannot be opened, or it is no database."""
        self._path = path
        try:
            mustBePlainStore(path)
            # "immutable" makes no files in the old directory, but reads nothing of a write-ahead log
            hasLog = os.path.exists(path + WAL) and os.path.getsize(path + WAL) > 0
            how = "mode=ro" if hasLog else "mode=ro&immutable=1"
            self._connection = sqlite3.connect(f"file:{quote(path)}?{how}", uri=True)
            self._connection.text_factory = lambda data: data.decode("utf-8", "replace")
            self._tables = {
                name for (name,) in self._ask("SELECT name FROM sqlite_master WHERE type = 'table'")
            }
        except NotPlain as error:
            raise Unreadable(str(error.strerror)) from None
        except (OSError, sqlite3.Error) as error:
            raise Unreadable(str(error)) from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @property
    def version(self) -> int | None:
        """The version of its tables; None if it has none."""
        for table in ("migrate_version", "version"):
            if table in self._tables:
                row = next(iter(self._ask(f"SELECT version FROM {table}")), None)
                return int(row[0]) if row is not None and isinstance(row[0], int) else None
        return None

    def changeNumbers(self) -> list[int]:
        """The numbers of all changes, the lowest first."""
        if "changes" not in self._tables:
            return []
        rows = self._ask("SELECT changeid FROM changes ORDER BY changeid")
        return [number for (number,) in rows if isinstance(number, int)]

    def change(self, number: int) -> Change:
        """One change. Raises L{Unreadable}."""
        present = self._columns("changes")
        names = [name for name in _COLUMNS if name in present]
        rows = list(self._ask(f"SELECT {', '.join(names)} FROM changes WHERE changeid = ?", number))
        if not rows:
            raise Unreadable("it is gone")
        values: dict[str, Any] = {_COLUMNS[name]: each for name, each in zip(names, rows[0], strict=True)}
        values["files"] = sorted(self._listed("change_files", "filename", number))
        values["links"] = self._listed("change_links", "link", number)
        values["properties"] = {"": "Properties", "properties": self._properties(number)}
        made = changeOf(values)
        if made.number is None:
            raise Unreadable("no change can have this number")
        return made

    def waiting(self) -> int:
        """The number of requests that are not done."""
        if "buildrequests" not in self._tables:
            return 0
        (row,) = self._ask("SELECT COUNT(*) FROM buildrequests WHERE complete = 0")
        return int(row[0])

    def _properties(self, number: int) -> dict[str, Any]:
        found = {}
        if "change_properties" in self._tables:
            rows = self._ask(
                "SELECT property_name, property_value FROM change_properties WHERE changeid = ?", number
            )
            for name, text in rows:
                try:
                    found[str(name)] = _plain(json.loads(text, parse_constant=lambda word: None))
                except (TypeError, ValueError, RecursionError):
                    found[str(name)] = [str(text), "unknown"]
        return found

    def _listed(self, table: str, column: str, number: int) -> list[str]:
        if table not in self._tables or column not in self._columns(table):
            return []
        return [
            str(each) for (each,) in self._ask(f"SELECT {column} FROM {table} WHERE changeid = ?", number)
        ]

    def _columns(self, table: str) -> set[str]:
        return {row[1] for row in self._ask(f"PRAGMA table_info({table})")}

    def _ask(self, statement: str, *values: int) -> Iterator[tuple[Any, ...]]:
        try:
            with closing(self._connection.execute(statement, values)) as cursor:
                return iter(cursor.fetchall())
        except sqlite3.Error as error:
            raise Unreadable(str(error)) from None


def _plain(value: Any) -> Any:
    """A value from JSON, whose texts have no lone surrogates: pages and slaves cannot get them."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))

# -*- test-case-name: tests.unit.importing.test_database -*-
"""Read the changes in the database of a master of 0.8, whatever version its tables have.

Later releases added columns to the tables. A missing column counts as empty.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
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
    """I am the open database of an old master. I change nothing in it.

    @ivar tables: the names of its tables.
    """

    def __init__(self, path: str) -> None:
        """@raise Unreadable: it cannot be opened, or it is no database."""
        self._path = path
        self._columns: dict[str, set[str]] = {}
        try:
            mustBePlainStore(path)
            # "immutable" makes no files in the old directory, but reads nothing of a write-ahead log
            hasLog = os.path.exists(path + WAL) and os.path.getsize(path + WAL) > 0
            how = "mode=ro" if hasLog else "mode=ro&immutable=1"
            self._connection = sqlite3.connect(f"file:{quote(path)}?{how}", uri=True)
            self._connection.text_factory = lambda data: data.decode("utf-8", "replace")
            self.tables = {
                name for (name,) in self.ask("SELECT name FROM sqlite_master WHERE type = 'table'")
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
            if table in self.tables:
                row = next(iter(self.ask(f"SELECT version FROM {table}")), None)
                return int(row[0]) if row is not None and isinstance(row[0], int) else None
        return None

    def changeNumbers(self) -> list[int]:
        """The numbers of all changes, the lowest first."""
        if "changes" not in self.tables:
            return []
        rows = self.ask("SELECT changeid FROM changes ORDER BY changeid")
        return [number for (number,) in rows if isinstance(number, int)]

    def change(self, number: int) -> Change:
        """One change. Raises L{Unreadable}."""
        present = self.columns("changes")
        names = [name for name in _COLUMNS if name in present]
        rows = list(self.ask(f"SELECT {', '.join(names)} FROM changes WHERE changeid = ?", number))
        if not rows:
            raise Unreadable("it is gone")
        values: dict[str, Any] = {_COLUMNS[name]: each for name, each in zip(names, rows[0], strict=True)}
        values["files"] = sorted(self._listed("change_files", "filename", number))
        values["links"] = self._listed("change_links", "link", number)
        values["properties"] = {
            "": "Properties",
            "properties": self.properties("change_properties", "changeid", number),
        }
        made = changeOf(values)
        if made.number is None:
            raise Unreadable("no change can have this number")
        return made

    def waiting(self) -> int:
        """The number of requests that are not done."""
        if "buildrequests" not in self.tables:
            return 0
        (row,) = self.ask("SELECT COUNT(*) FROM buildrequests WHERE complete = 0")
        return int(row[0])

    def values(self, table: str, names: Iterable[str], key: str, number: int) -> list[dict[str, Any]]:
        """The rows of a table with this number in the column C{key}; a missing column counts as NULL."""
        known = self.columns(table)
        present = [name for name in names if name in known]
        if key not in known or not present:
            return []
        rows = self.ask(f"SELECT {', '.join(present)} FROM {table} WHERE {key} = ? ORDER BY rowid", number)
        return [dict(zip(present, row, strict=True)) for row in rows]

    def properties(self, table: str, key: str, number: int) -> dict[str, Any]:
        """The properties of a change or a set, as pairs of value and source."""
        found = {}
        if table in self.tables:
            rows = self.ask(f"SELECT property_name, property_value FROM {table} WHERE {key} = ?", number)
            for name, text in rows:
                try:
                    found[str(name)] = _plain(json.loads(text, parse_constant=lambda word: None))
                except (TypeError, ValueError, RecursionError):
                    found[str(name)] = [str(text), "unknown"]
        return found

    def _listed(self, table: str, column: str, number: int) -> list[str]:
        if table not in self.tables or column not in self.columns(table):
            return []
        return [str(each) for (each,) in self.ask(f"SELECT {column} FROM {table} WHERE changeid = ?", number)]

    def columns(self, table: str) -> set[str]:
        """The names of the columns of a table; empty if there is no such table."""
        if table not in self._columns:
            self._columns[table] = {row[1] for row in self.ask(f"PRAGMA table_info({table})")}
        return self._columns[table]

    def ask(self, statement: str, *values: int | str) -> Iterator[tuple[Any, ...]]:
        """The rows of a query. Raises L{Unreadable}."""
        try:
            with closing(self._connection.execute(statement, values)) as cursor:
                return iter(cursor.fetchall())
        except sqlite3.Error as error:
            raise Unreadable(str(error)) from None


def _plain(value: Any) -> Any:
    """A value from JSON, whose texts have no lone surrogates: pages and slaves cannot get them."""
    return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))

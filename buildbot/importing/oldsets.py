# -*- test-case-name: tests.unit.importing.test_oldsets -*-
"""Read the build sets in the database of a master of 0.8, with their requests."""

from __future__ import annotations

import base64
import binascii
from functools import lru_cache
from typing import Any

from buildbot.importing.database import OldDatabase
from buildbot.importing.reader import Unreadable
from buildbot.importing.shapes import NotABuild, OldSet, setOf
from buildbot.model.change import Change

_SET = (*("external_idstring", "reason", "submitted_at", "sourcestampsetid", "sourcestampid"),)
_STAMP = ("id", "branch", "revision", "patchid", "repository", "project", "codebase")
_REQUEST = ("id", "buildername", "complete", "complete_at", "results")
#: Neighbouring sets often have the same changes.
_CHANGES = 1000


class OldSets:
    """I read the sets of an open database."""

    def __init__(self, database: OldDatabase) -> None:
        self._database = database
        self._change = lru_cache(_CHANGES)(self._readChange)

    def numbers(self) -> list[int]:
        """The numbers of all sets, the lowest first."""
        if not {"buildsets", "buildrequests"} <= self._database.tables:
            return []
        rows = self._database.ask("SELECT id FROM buildsets ORDER BY id")
        return [number for (number,) in rows if isinstance(number, int)]

    def read(self, number: int) -> OldSet:
        """One set. Raises L{Unreadable}."""
        found = self._database.values("buildsets", _SET, "id", number)
        if not found:
            raise Unreadable("it is gone")
        values = found[0]
        requests = self._database.values("buildrequests", _REQUEST, "buildsetid", number)
        for each in requests:
            each["build"] = self._lastBuild(each.get("id"))
        properties = self._database.properties("buildset_properties", "buildsetid", number)
        stamps = self._sources(values)
        try:
            return setOf(number, {**values, "requests": requests, "properties": properties}, stamps)
        except NotABuild as why:
            raise Unreadable(str(why)) from None

    def requestsOf(self, builder: str, number: int) -> tuple[int, ...]:
        """The requests that a build has served. Raises L{Unreadable}."""
        if not {"number", "brid"} <= self._database.columns("builds"):
            return ()
        rows = self._database.ask(
            "SELECT r.id FROM builds b JOIN buildrequests r ON r.id = b.brid"
            " WHERE b.number = ? AND r.buildername = ? ORDER BY r.id",
            *(number, builder),
        )
        return tuple(dict.fromkeys(id for (id,) in rows if isinstance(id, int)))

    def _lastBuild(self, request: object) -> int | None:
        if not isinstance(request, int) or not {"number", "brid"} <= self._database.columns("builds"):
            return None
        (row,) = self._database.ask("SELECT MAX(number) FROM builds WHERE brid = ?", request)
        return row[0] if isinstance(row[0], int) else None

    def _sources(self, values: dict[str, Any]) -> list[tuple[dict[str, Any], list[Change]]]:
        """The source stamps of a set, each with its changes."""
        key, number = "sourcestampsetid", values.get("sourcestampsetid")
        if not isinstance(number, int):  # the first releases of 0.8
            key, number = "id", values.get("sourcestampid")
        stamps = self._database.values("sourcestamps", _STAMP, key, number) if isinstance(number, int) else []
        return [
            ({**each, "patch": self._patch(each.get("patchid"))}, self._changesOf(each)) for each in stamps
        ]

    def _changesOf(self, stamp: dict[str, Any]) -> list[Change]:
        own = self._database.values("sourcestamp_changes", ("changeid",), "sourcestampid", stamp.get("id", 0))
        found = [self._change(each["changeid"]) for each in own if isinstance(each["changeid"], int)]
        changes = [each for each in found if each is not None]
        return sorted(changes, key=lambda each: each.number or 0)

    def _readChange(self, number: int) -> Change | None:
        try:
            return self._database.change(number)
        except Unreadable:  # it was told with the changes
            return None

    def _patch(self, number: object) -> list[Any] | None:
        names = ("patchlevel", "patch_base64", "subdir")
        found = self._database.values("patches", names, "id", number) if isinstance(number, int) else []
        if not found:
            return None
        try:
            text = base64.b64decode(str(found[0].get("patch_base64"))).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            return None
        return [found[0].get("patchlevel"), text, found[0].get("subdir")]

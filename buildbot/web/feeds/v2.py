# -*- test-case-name: tests.unit.web.feeds.test_v2 -*-
"""The answers of C{/api/v2} that badges and dashboards read: builders, builds and masters.

They are read-only and bounded. No other resource of that API is here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

#: The builds in an answer when the address asks for no number, and the most.
DEFAULT, MOST = 20, 100
#: The orders of builds: oldest or newest first.
ORDERS = ("number", "-number")

Json = dict[str, object]


class BadQuery(ValueError):
    """A parameter of the address is wrong; my text names it, and gives the right form."""


@dataclass(frozen=True)
class Query:
    """I say which builds to answer.

    @ivar complete: True: only finished builds; False: only running ones; None: both.
    """

    limit: int = DEFAULT
    offset: int = 0
    newestFirst: bool = False
    complete: bool | None = None


@dataclass(frozen=True)
class BuildRow:
    """I am one build. Times are seconds since 1970; C{results} is None while the build runs."""

    id: int
    number: int
    builderId: int
    started: float
    finished: float | None
    results: int | None
    words: str


def query(parameters: Mapping[str, Sequence[str]]) -> Query:
    """The query in the parameters C{limit}, C{offset}, C{order} and C{complete}. Others are ignored.

    A greater limit than L{MOST} is L{MOST}.

    @raise BadQuery: one of them is wrong.
    """
    order = _last(parameters, "order", "number")
    if order not in ORDERS:
        raise BadQuery(f"order={order[:40]} is unknown: use one of {', '.join(ORDERS)}")
    complete = _last(parameters, "complete", "").lower()
    if complete not in ("", "true", "false", "on", "off", "1", "0"):
        raise BadQuery(f"complete={complete[:40]} is unknown: use true or false")
    return Query(
        min(_whole(parameters, "limit", DEFAULT), MOST),
        _whole(parameters, "offset", 0),
        order.startswith("-"),
        complete in ("true", "on", "1") if complete else None,
    )


def builder(id: int, name: str, description: str = "", tags: Sequence[str] = ()) -> Json:
    """One builder. The id is any number that stays."""
    return {
        "builderid": id,
        "name": name,
        "description": description or None,
        "tags": list(tags),
        "masterids": [1],
    }


def builders(found: Sequence[Json], total: int | None = None) -> Json:
    """The answer with builders from L{builder}."""
    return _answer("builders", found, total)


def build(row: BuildRow) -> Json:
    """One build. A running build has no C{results}: shields.io refuses null there."""
    found: Json = {
        "buildid": row.id,
        "number": row.number,
        "builderid": row.builderId,
        "masterid": 1,
        "started_at": int(row.started),
        "complete": row.finished is not None,
        "complete_at": None if row.finished is None else int(row.finished),
        "state_string": row.words,
        "properties": {},
    }
    if row.finished is not None and row.results is not None:
        found["results"] = row.results
    return found


def builds(rows: Sequence[BuildRow], total: int | None = None) -> Json:
    """The answer with builds that the store has found; C{total} is their number without limit and offset."""
    return _answer("builds", [build(row) for row in rows[:MOST]], total)


def masters(name: str, lastActive: float) -> Json:
    """The answer with the one master."""
    master: Json = {"masterid": 1, "name": name, "active": True, "last_active": int(lastActive)}
    return _answer("masters", [master], 1)


def error(words: str) -> Json:
    """The answer to a wrong query, or to a query for what does not exist."""
    return {"error": words}


def _answer(name: str, found: Sequence[Json], total: int | None) -> Json:
    return {name: list(found), "meta": {"total": len(found) if total is None else total}}


def _last(parameters: Mapping[str, Sequence[str]], name: str, default: str) -> str:
    return next(reversed(parameters.get(name, ())), default)


def _whole(parameters: Mapping[str, Sequence[str]], name: str, default: int) -> int:
    value = _last(parameters, name, str(default))
    if not value.isascii() or not value.isdigit() or len(value) > 9:
        raise BadQuery(f"{name}={value[:40]} is no whole number from 0 to 999999999")
    return int(value)

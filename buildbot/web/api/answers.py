# -*- test-case-name: tests.stories.test_webapi -*-
"""How the routes of C{/api/v1} answer: parameters of all of them, shapes, lists in parts, and ETags."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from buildbot.model.rows import fromCursor, toCursor
from buildbot.web.api.schemas import keysOf
from buildbot.web.api.shaping import UnknownField, chosenFields, fieldsOf, withIsoTimes
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.jsonanswers import asJSON
from buildbot.web.routes import Handler, Parameter, Route
from buildbot.web.serving.unchanged import kept

#: The beginning of all paths.
ROOT = "/api/v1"
#: The items of a list when the client asks for no number, and the most.
DEFAULT, MOST = 50, 1000

SHAPE = (
    Parameter("fields", "Only these fields of the objects, separated by commas.", repeated=True),
    Parameter(
        "times",
        "iso: times as text of RFC 3339; epoch: as seconds.",
        default="epoch",
        choices=("epoch", "iso"),
    ),
)
PAGED = (
    Parameter("limit", "The most items.", "integer", default=DEFAULT, least=1, most=MOST),
    Parameter("cursor", "The value of next from the previous part of the list.", default=""),
)

Value = Mapping[str, Any]


def reading(
    path: str,
    handler: Handler,
    about: str,
    schema: str,
    *parameters: Parameter,
    isList: bool = False,
) -> Route:
    """The route of a question."""
    return Route(
        ROOT + path,
        handler,
        about,
        (*parameters, *(PAGED if isList else ()), *SHAPE),
        kind="json",
        strict=True,
        schema=schema,
    )


async def one(
    call: Call,
    topics: tuple[str, ...],
    make: Callable[[], Awaitable[Value]],
    *others: object,
    ages: bool = False,
) -> Answer:
    """The answer with one object; see L{kept}."""

    async def answer() -> Answer:
        return asJSON(_shaped(call, await make()))

    return await kept(call, topics, answer, *others, ages=ages)


async def many(
    call: Call,
    topics: tuple[str, ...],
    make: Callable[[], Awaitable[tuple[str, Sequence[Value], str]]],
    *others: object,
    ages: bool = False,
) -> Answer:
    """The answer with a part of a list.

    @param make: gives the name of the list, the objects, and the cursor of the next part or "".
    """

    async def answer() -> Answer:
        name, items, following = await make()
        value = {name: [_shaped(call, each) for each in items], "next": following or None}
        return asJSON(value, headers=_links(call, following))

    return await kept(call, topics, answer, *others, ages=ages)


def part(call: Call, names: Sequence[str]) -> tuple[Sequence[str], str]:
    """The names of this part of a list of names, and the cursor of the next part."""
    first = 0
    try:
        place = fromCursor(call.query["cursor"], int, str)
    except ValueError as why:
        raise badCursor(why) from None
    if place is not None:
        position, last = place
        # the name tells the place; after a removal the position does
        first = names.index(last) + 1 if last in names else max(0, position)
    end = first + call.query["limit"]
    found = names[first:end]
    return found, toCursor(end, found[-1]) if found and end < len(names) else ""


def badCursor(why: ValueError) -> Problem:
    """The problem of a wrong cursor, or of another wrong value."""
    return Problem(400, "A parameter is wrong", str(why))


def _shaped(call: Call, value: Value) -> dict[str, Any]:
    """An object with the fields and the times that the client asks for."""
    try:
        chosen = chosenFields(value, fieldsOf(call.query["fields"]), keysOf(call.route.schema))
    except UnknownField as why:
        raise Problem(400, "A parameter is wrong", str(why)) from None
    return withIsoTimes(chosen) if call.query["times"] == "iso" else chosen


def _links(call: Call, following: str) -> Sequence[tuple[str, str]]:
    """The header that names the next part (RFC 8288)."""
    if not following:
        return ()
    pairs = [(name, text) for name, texts in call.given.items() if name != "cursor" for text in texts]
    return (("Link", f'<?{urlencode([*pairs, ("cursor", following)])}>; rel="next"'),)

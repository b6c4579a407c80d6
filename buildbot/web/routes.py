# -*- test-case-name: tests.unit.web.test_routes -*-
"""The route table: which URL is answered by which function, with which parameters.

A route is data: the site finds handlers in it, and the documentation, the OpenAPI description and the tests
are made of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

#: It gets a L{buildbot.web.call.Call}, and returns an answer, a stream, a page, or a coroutine of one.
Handler = Callable[[Any], Any]
#: The most characters of a value of the query.
LONGEST = 1000


class BadQuery(ValueError):
    """A parameter of a URL or form has a wrong value. The message is for the user."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a query or form.

    @ivar kind: "text", "integer", "number", "time" (seconds since the epoch) or "flag".
    @ivar about: what it does, as one sentence.
    @ivar repeated: True if it may be given several times; its value is then a tuple.
    @ivar choices: the allowed values; empty: all.
    @ivar least: the smallest number.
    @ivar most: the largest number; a larger one is reduced to it.
    """

    name: str
    about: str
    kind: str = "text"
    repeated: bool = False
    default: Any = None
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None

    def read(self, given: Sequence[str]) -> Any:
        """The value, from the given texts.

        @raise BadQuery: a text is no value of this parameter.
        """
        if not given:
            return () if self.repeated else self.default
        if self.repeated:
            return tuple(self._one(each) for each in given)
        return self._one(given[-1])

    def _one(self, text: str) -> Any:
        if self.kind == "flag":
            return text.lower() not in ("0", "false", "no", "off")
        if len(text) > LONGEST:
            raise BadQuery(f"the parameter {self.name} is longer than {LONGEST} characters")
        if self.kind == "text":
            if self.choices and text not in self.choices:
                raise BadQuery(f"the parameter {self.name} must be one of {', '.join(self.choices)}")
            return text
        return self._number(text)

    def _number(self, text: str) -> float:
        try:
            value = int(text) if self.kind == "integer" else float(text)
        except ValueError:
            raise BadQuery(f"the parameter {self.name} must be a number, not {text!r}") from None
        if value != value or abs(value) > 1e15:
            raise BadQuery(f"the parameter {self.name} must be a smaller number")
        if self.least is not None and value < self.least:
            raise BadQuery(f"the parameter {self.name} must be at least {self.least:g}")
        return value if self.most is None else min(value, self.most)


@dataclass(frozen=True)
class Route:
    """One row of the table.

    @ivar path: segments, with C{{name}} for any text, C{{name:int}} for an integer, and a last C{{name:rest}}
        for all that follow.
    @ivar handler: called with a L{Call}.
    @ivar about: its answer, as one sentence for the documentation.
    @ivar action: the action that needs a right of the user; see C{web.accounts.rights}. Empty if everybody
        may call it.
    @ivar kind: "page", "file", "feed", "json" (errors are problem+json), "old" (an old URL),
        "way" (a redirect to a page) or "stream".
    @ivar strict: True if an unknown parameter is an error.
    @ivar schema: the name of the JSON schema of the answer, for the API.
    """

    path: str
    handler: Handler
    about: str
    parameters: tuple[Parameter, ...] = ()
    method: str = "GET"
    action: str = "view"
    kind: str = "page"
    strict: bool = False
    schema: str = ""

    def read(self, given: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """The values of all parameters, from the given texts.

        @raise BadQuery: one is wrong, or unknown to a strict route.
        """
        names = {each.name for each in self.parameters}
        if self.strict:
            unknown = sorted(set(given) - names)
            if unknown:
                raise BadQuery(
                    f"unknown parameter {unknown[0]!r}; known are {', '.join(sorted(names)) or 'none'}"
                )
        return {each.name: each.read(self._texts(each, given)) for each in self.parameters}

    def _texts(self, parameter: Parameter, given: Mapping[str, Sequence[str]]) -> Sequence[str]:
        """The texts of a parameter. An empty field of a form counts as none, unless its value is one text: an
        empty branch is the main line.
        """
        texts = given.get(parameter.name, ())
        if self.strict or (parameter.kind in ("text", "flag") and not parameter.repeated):
            return texts
        return [each for each in texts if each]


_SEGMENT = re.compile(r"\{(\w+)(?::(int|rest))?\}")


@dataclass
class _Node:
    """The routes that share the segments so far."""

    literal: dict[str, _Node] = field(default_factory=dict)
    integer: tuple[str, _Node] | None = None
    text: tuple[str, _Node] | None = None
    rest: tuple[str, dict[str, Route]] | None = None
    here: dict[str, Route] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """The routes of a path: by method, with the values of its segments."""

    routes: Mapping[str, Route]
    values: Mapping[str, Any]


class Table:
    """I find the route of a path."""

    def __init__(self, routes: Iterable[Route]) -> None:
        """@raise ValueError: two routes have the same path and method."""
        self.routes = list(routes)
        self._root = _Node()
        for route in self.routes:
            self._add(route)

    def __iter__(self) -> Iterator[Route]:
        return iter(self.routes)

    def _add(self, route: Route) -> None:
        node, here = self._root, None
        for segment in route.path.strip("/").split("/"):
            match = _SEGMENT.fullmatch(segment)
            if match is None:
                node = node.literal.setdefault(segment, _Node())
            elif match.group(2) == "int":
                node.integer = node.integer or (match.group(1), _Node())
                node = _named(node.integer, match.group(1), route)
            elif match.group(2) == "rest":
                node.rest = node.rest or (match.group(1), {})
                here = node.rest[1]
            else:
                node.text = node.text or (match.group(1), _Node())
                node = _named(node.text, match.group(1), route)
        here = node.here if here is None else here
        if route.method in here:
            raise ValueError(f"two routes for {route.method} {route.path}")
        here[route.method] = route

    def find(self, segments: Sequence[str]) -> Found | None:
        """The routes of a path, given as unquoted segments; None if there are none.

        A literal segment is preferred to an integer, and that to any text.
        """
        return self._find(self._root, tuple(segments) or ("",), {})

    def _find(self, node: _Node, segments: tuple[str, ...], values: dict[str, Any]) -> Found | None:
        if not segments:
            return Found(node.here, values) if node.here else None
        first, others = segments[0], segments[1:]
        found = None
        if first in node.literal:
            found = self._find(node.literal[first], others, values)
        if found is None and node.integer is not None and _isNumber(first):
            name, below = node.integer
            found = self._find(below, others, {**values, name: int(first)})
        if found is None and node.text is not None and first:
            name, below = node.text
            found = self._find(below, others, {**values, name: first})
        if found is None and node.rest is not None:
            name, here = node.rest
            return Found(here, {**values, name: segments})
        return found


class Tables(NamedTuple):
    """The routes of a site.

    @ivar last: the routes that are looked up last.
    """

    table: Table
    last: Table


def _isNumber(text: str) -> bool:
    return len(text) <= 15 and text.removeprefix("-").isascii() and text.removeprefix("-").isdigit()


def _named(place: tuple[str, _Node], name: str, route: Route) -> _Node:
    """The node of a segment with a value, which has one name in all routes."""
    if place[0] != name:
        raise ValueError(f"{route.path}: the segment {{{name}}} is called {{{place[0]}}} in another route")
    return place[1]

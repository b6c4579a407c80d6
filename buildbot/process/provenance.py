# -*- test-case-name: tests.unit.process.test_provenance -*-
"""The origin of each part of a text: the configuration, strangers or a slave.

A property set by a step counts as from the slave. This module does not judge the use of a text;
L{buildbot.process.masterpath} does so for paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from buildbot.model.interpolate import Interpolate
from buildbot.model.properties import (
    PLACE,
    Filling,
    HasProperties,
    Properties,
    Renderable,
    WithProperties,
    propertyOf,
    render,
)


class Origin(IntEnum):
    """The origin of a text, most trusted first."""

    CONFIGURATION = 0
    #: Senders of changes and requesters of builds.
    OTHERS = 1
    SLAVE = 2


@dataclass(frozen=True)
class Piece:
    """A part of a text.

    @ivar name: the property that it comes from; empty if it comes from none.
    """

    text: str
    by: Origin = Origin.CONFIGURATION
    name: str = ""


class Told(HasProperties, Protocol):
    """A build: its properties, and their values at the start."""

    properties: Properties
    given: Properties


#: Properties of a build that only the configuration determines.
_OURS = frozenset({"buildername", "buildnumber", "slavename"})
#: The sources of properties that the configuration gives to all builds, to a builder and to a slave.
_CONFIGURED = frozenset({"Global", "builder", "slave"})


def originOf(name: str, build: Told) -> Origin:
    """The origin of a property of a build. Properties set after the start were set by a step."""
    if not build.given.hasProperty(name) or not build.properties.hasProperty(name):
        return Origin.SLAVE
    source = build.given.getPropertySource(name)
    before = (build.given[name], source)
    if (build.properties[name], build.properties.getPropertySource(name)) != before:
        return Origin.SLAVE
    if source == "build" and name == "revision":
        return Origin.SLAVE  # a dependent build may get the revision that the slave of another build found
    ours = source in _CONFIGURED or (source == "build" and name in _OURS)
    return Origin.CONFIGURATION if ours else Origin.OTHERS


def piecesOf(value: object, build: Told) -> list[Piece]:
    """Render a text of the configuration, as pieces with their origins.

    @param value: a text, or a value with properties.
    @raise NoProperty: a property is not set.
    """
    if isinstance(value, Interpolate) and _isPlain(value, Interpolate):
        pieces = [_whole(part, build) for part in value.parts()]
        return [piece for piece in pieces if piece.text or piece.name]
    if not isinstance(value, WithProperties):
        return [_whole(value, build)]
    pieces = _taken(value, build) if _isPlain(value, WithProperties) else []
    whole = _whole(value, build)
    return pieces if pieces and "".join(piece.text for piece in pieces) == whole.text else [whole]


def _isPlain(value: object, ours: type[Renderable]) -> bool:
    """True unless a class of one's own renders the value in its own way."""
    kind: Any = type(value)
    return kind.render is ours.render and kind.getRenderingFor is ours.getRenderingFor


def _whole(value: object, build: Told) -> Piece:
    """Render a value as one piece. It gets the least trusted origin of the properties that it asks for."""
    recorder = _Recorder(build)
    said = render(value, recorder)
    whole = "" if said is None else str(said)
    asked = [Piece(whole, originOf(name, build), name) for name in sorted(recorder.asked)]
    return max(asked, key=lambda piece: piece.by, default=Piece(whole))


def _taken(value: WithProperties, build: Told) -> list[Piece]:
    """The pieces of a text with placeholders; empty if they cannot be separated."""
    if "*" in value.fmtstring:
        return []
    pieces, at, names, filling = [], 0, iter(value.args), Filling(build)
    for place in PLACE.finditer(value.fmtstring):
        pieces.append(Piece(value.fmtstring[at : place.start()]))
        at = place.end()
        if place["letter"] == "%":
            pieces.append(Piece("%"))
            continue
        name = next(names) if place["name"] is None else place["name"]
        spec = place[0] if place["name"] is None else "%" + place[0][len(name) + 3 :]
        asked = propertyOf(name)
        isSet = build.properties.hasProperty(asked)
        if asked == "revision" and build.properties.getProperty(asked, "") is None:
            asked = "branch"  # the branch is used for its latest revision
        by = originOf(asked, build) if isSet else Origin.CONFIGURATION
        pieces.append(Piece(spec % (filling[name],), by, asked))
    pieces.append(Piece(value.fmtstring[at:]))
    return [piece for piece in pieces if piece.text or piece.name]


class _Recorder:
    """I stand in for a build, and record the requested properties."""

    def __init__(self, build: Told) -> None:
        self._build = build
        self.asked: set[str] = set()

    def getProperty(self, name: str, *default: object) -> Any:
        self.asked.add(name)
        get: Any = self._build.getProperty
        return get(name, *default)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._build, name)

# -*- test-case-name: tests.unit.process.test_provenance -*-
"""Who has said a text: what of it stands in the configuration, and what others have filled in.

A property that a step sets counts as the slave's word, whatever the step made it of. Nothing here judges what
a text is used for; for paths that is L{buildbot.process.masterpath}'s business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from buildbot.model.properties import PLACE, Filling, HasProperties, Properties, WithProperties, propertyOf


class Teller(IntEnum):
    """Who has said something, the most trusted first."""

    CONFIGURATION = 0
    #: Senders of changes, and whoever asks for a build.
    OTHERS = 1
    SLAVE = 2


@dataclass(frozen=True)
class Piece:
    """
    A part of a text.

    @ivar name: of the property that it comes from; empty if it comes from none.
    """

    text: str
    by: Teller = Teller.CONFIGURATION
    name: str = ""


class Told(HasProperties, Protocol):
    """What texts are filled in from, and how it was at first: a build."""

    properties: Properties
    given: Properties


#: Properties of a build that the configuration alone decides.
_OURS = frozenset({"buildername", "buildnumber", "slavename"})


def tellerOf(name: str, build: Told) -> Teller:
    """Who has set a property of a build; what was set after the build began, a step has set."""
    if not build.given.hasProperty(name) or not build.properties.hasProperty(name):
        return Teller.SLAVE
    source = build.given.getPropertySource(name)
    before = (build.given[name], source)
    if (build.properties[name], build.properties.getPropertySource(name)) != before:
        return Teller.SLAVE
    if source == "build" and name == "revision":
        return Teller.SLAVE  # of a build that follows another one, it can be what that one's slave has found
    # "slave" are the properties that the configuration gives to a bot.
    ours = source == "slave" or (source == "build" and name in _OURS)
    return Teller.CONFIGURATION if ours else Teller.OTHERS


def piecesOf(value: Any, build: Told) -> list[Piece]:
    """
    A text of the configuration with its properties filled in, in pieces.

    @param value: a text, or a L{WithProperties}.
    @raise NoProperty: a property is not set.
    """
    if not isinstance(value, WithProperties):
        return [Piece(str(value))]
    pieces = _taken(value, build) if type(value).render is WithProperties.render else []
    witness = _Witness(build)
    whole: str = value.render(witness)
    if pieces and "".join(piece.text for piece in pieces) == whole:
        return pieces
    # A text that fills itself in otherwise: nobody knows which part of it is whose.
    asked = [Piece(whole, tellerOf(name, build), name) for name in sorted(witness.asked)]
    return [max(asked, key=lambda piece: piece.by, default=Piece(whole))]


def _taken(value: WithProperties, build: Told) -> list[Piece]:
    """The pieces of a text with places; none if they cannot be told apart."""
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
            asked = "branch"  # which stands for its latest revision
        by = tellerOf(asked, build) if isSet else Teller.CONFIGURATION
        pieces.append(Piece(spec % (filling[name],), by, asked))
    pieces.append(Piece(value.fmtstring[at:]))
    return [piece for piece in pieces if piece.text or piece.name]


class _Witness:
    """I pass for a build, and remember which properties are asked for."""

    def __init__(self, build: Told) -> None:
        self._build = build
        self.asked: set[str] = set()

    def getProperty(self, name: str, *default: Any) -> Any:
        self.asked.add(name)
        get: Any = self._build.getProperty
        return get(name, *default)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._build, name)

# -*- test-case-name: tests.unit.irc.test_wishes -*-
"""Read the arguments of the commands that force and stop builds."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

from buildbot.irc.wording import told

#: The most characters of a branch, a revision, and a value of a property.
LONGEST = 200
_WORD = re.compile(r"(?!-)[\w.+/~:@=-]*")
_OPTION = re.compile(r"--(codebase|branch|revision|props)(?:=(.*))?", re.DOTALL)


class UsageError(ValueError):
    """A command cannot be used like this; the text is for the person."""

    def __init__(self, string: str = "Invalid usage", *more: object) -> None:
        super().__init__(string, *more)


@dataclass(frozen=True)
class Wish:
    """I am what somebody wants to be built."""

    builder: str
    reason: str = ""
    branch: str | None = None
    revision: str | None = None
    properties: dict[str, str] = field(default_factory=dict)
    codebase: str | None = None


def words(text: str) -> list[str]:
    """The words of a text. Quotes hold words together; a lonely one is a letter."""
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def wishOf(text: str, usage: str) -> Wish:
    """Read C{build [--codebase=C] [--branch=B] [--revision=R] [--props=a=b,c=d] BUILDER [REASON]}.

    @param usage: the text of the error about a wrong form.
    @raise UsageError: the text has another form, or an odd value.
    """
    rest = words(text)
    if not rest or rest.pop(0).lower() != "build":
        raise UsageError(usage)
    values: dict[str, str] = {}
    while rest and rest[0].startswith("--"):
        option = _OPTION.fullmatch(rest.pop(0))
        if option is None:
            raise UsageError(usage)
        name, value = option[1], option[2]
        if value is None:
            if not rest:
                raise UsageError(usage)
            value = rest.pop(0)
        values[name] = value
    if not rest:
        raise UsageError(usage)
    properties = _properties(values.pop("props", ""))
    for name, value in values.items():
        _check(name, value)
    return Wish(rest[0], " ".join(rest[1:]), properties=properties, **values)


def _properties(text: str) -> dict[str, str]:
    found = {}
    for each in filter(None, text.split(",")):
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise UsageError("properties are written as --props=name=value,other=value")
        _check("property name", name)
        _check(f"property {told(name, 30)}", value)
        found[name] = value
    return found


def _check(what: str, value: str) -> None:
    if len(value) > LONGEST or not _WORD.fullmatch(value):
        raise UsageError(f"the {what} {told(value, 60)!r} has characters that are not taken from IRC")

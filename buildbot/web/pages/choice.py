# -*- test-case-name: tests.stories.test_webchoice -*-
"""What a person chooses of a long list: the fields of the form, and the values of the query."""

from __future__ import annotations

from urllib.parse import urlencode

from buildbot.text.moments import EXAMPLES, moment
from buildbot.web.call import Call, Problem
from buildbot.web.pages.forms import Field


def field(call: Call, name: str, label: str) -> Field:
    """A field with the present value."""
    given = call.query[name]
    return Field(name, label, "" if given is None else str(given))


def times(call: Call) -> tuple[Field, Field]:
    """The fields for the earliest and the latest time."""
    return field(call, "since", "Since (such as 2h, 3d, 2026-11-30)"), field(call, "until", "Until")


def pointIn(call: Call, name: str) -> float | None:
    """The point in time that a parameter of the query means; None without it. A wrong one is a L{Problem}."""
    text: str | None = call.query[name]
    if not text:
        return None
    found = moment(text, call.world.now())
    if found is None:
        raise Problem(400, "A parameter is wrong", f"{name} must be {EXAMPLES}, not {text!r}.")
    return found


def chosenToo(call: Call, *others: tuple[str, object]) -> str:
    """The query of another part of the same list: the present one, with other values for some names."""
    names = {name for name, _ in others}
    kept = [(name, text) for name, texts in call.given.items() if name not in names for text in texts if text]
    return urlencode([*kept, *others])

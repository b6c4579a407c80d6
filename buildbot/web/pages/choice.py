# -*- test-case-name: tests.stories.test_webchoice -*-
"""What a person chooses of a long list: the fields of the form, and the values of the query."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from buildbot.text.moments import EXAMPLES, moment
from buildbot.web.call import Call, Problem
from buildbot.web.markup import NOTHING, Markup, join, link
from buildbot.web.outcomes import PARAMETER
from buildbot.web.pages.forms import Field
from buildbot.web.pages.pieces import paragraph

#: The parameters that choose builders and branches.
NAMES = ("builder", "category", "tag", "branch")


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


def narrowed(call: Call, names: Sequence[str] = NAMES) -> Markup:
    """What the address chooses, with a link to all; empty if it chooses nothing.

    @param names: the parameters that no form of the page shows.
    """
    words = [f"{name} {text}" for name in names for text in call.given.get(name, ()) if text]
    if not words:
        return NOTHING
    return paragraph(join([f"Only {', '.join(words)}.", link(call.to(*call.segments), "Show all")], " "))


def chosenToo(call: Call, place: str, value: object = None) -> str:
    """The query of another part of the same list: what the present one chooses, at another place.

    @param place: the parameter with the place in the list.
    @param value: its value; None: the beginning of the list.
    """
    left = {place, PARAMETER}
    kept = [(name, text) for name, texts in call.given.items() if name not in left for text in texts if text]
    return urlencode(kept if value is None else [*kept, (place, value)])


def turning(call: Call, things: str, place: str, older: object = None) -> Markup:
    """The links to the beginning of a list with the newest first, and to its older lines; empty without any.

    @param things: what is in the list, such as "builds".
    @param place: the parameter with the place in the list.
    @param older: its value for the older lines; None: there are none.
    """
    links = []
    if any(call.given.get(place, ())):
        links.append(link(call.to(*call.segments, query=chosenToo(call, place)), f"Newest {things}"))
    if older is not None:
        to = call.to(*call.segments, query=chosenToo(call, place, older))
        links.append(link(to, f"Older {things}"))
    return paragraph(join(links, " · ")) if links else NOTHING

# -*- test-case-name: tests.stories.test_websearch -*-
"""The search: builders, slaves, builds, changes and revisions. A search with one hit goes there at once.

The best hits come first: exact names, then builds, revisions and changes, then names that begin with the
text, and last other names with the text in them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from urllib.parse import urlencode

from buildbot.model.rows import ChangeFilter
from buildbot.web.call import Answer, Call, Page, redirect
from buildbot.web.markup import Href, Value, link
from buildbot.web.pages.pieces import paragraph, table
from buildbot.web.pages.revisions import matching, revisionsOf
from buildbot.web.reading import runningBuild
from buildbot.web.routes import Parameter, Route

#: The most hits of one kind.
MOST = 50
#: A build as people write it: C{full/12}, C{full#12} or C{full 12}.
#: It begins at the last sign before the number, so that a long text of blanks takes no time.
_BUILD = re.compile(r"(.*[^/#\s])[/#\s]+(-?\d{1,9})")
#: The number of a change.
_NUMBER = re.compile(r"#?(\d{1,9})")


class Likeness(IntEnum):
    """How well a hit matches the searched text; lower is better."""

    SAME = 0
    #: The same name, in other upper or lower case.
    FOLDED = 1
    BUILD = 2
    REVISION = 3
    CHANGE = 4
    BEGINNING = 5
    PART = 6


@dataclass(frozen=True)
class Hit:
    """One hit: what it is, its name, and its page."""

    kind: str
    name: str
    to: Href
    likeness: Likeness


async def search(call: Call) -> Page | Answer:
    """The hits of a search; with exactly one, its page."""
    text = call.query["q"].strip()
    if not text:
        return Page(
            "Search", [paragraph("Search for a builder, slave, revision, change number, build or author.")]
        )
    hits = [
        *await _builds(call, text),
        *_names(call, text),
        *await _changes(call, text),
        *await _revisions(call, text),
    ]
    hits = hits or [*await _removed(call, text), *await _people(call, text)]
    hits.sort(key=lambda hit: hit.likeness)
    if len(hits) == 1:
        return redirect(hits[0].to)
    if not hits:
        return Page("Search", [paragraph(f"Nothing is called {text}.")])
    rows: list[list[Value]] = [[each.kind, link(each.to, each.name)] for each in hits]
    return Page("Search", [table(f"Hits for {text}", ("Kind", "Name"), rows)])


def likenessOf(text: str, name: str) -> Likeness | None:
    """How well a name matches a text; None if the name does not contain the text."""
    if name == text:
        return Likeness.SAME
    wanted, folded = text.lower(), name.lower()
    if folded == wanted:
        return Likeness.FOLDED
    if folded.startswith(wanted):
        return Likeness.BEGINNING
    return Likeness.PART if wanted in folded else None


def similar(text: str, names: Iterable[str]) -> list[tuple[Likeness, str]]:
    """At most L{MOST} names that contain the text, the best match first."""
    found = [(likeness, name) for name in names if (likeness := likenessOf(text, name)) is not None]
    return sorted(found, key=lambda each: each[0])[:MOST]


def _names(call: Call, text: str) -> list[Hit]:
    """The builders and slaves with this text in their names."""
    builders = similar(text, call.world.status.getBuilderNames())
    slaves = similar(text, call.world.status.getSlaveNames())
    return [
        *(Hit("Builder", name, call.to("builders", name), likeness) for likeness, name in builders),
        *(Hit("Slave", name, call.to("buildslaves", name), likeness) for likeness, name in slaves),
    ]


async def _removed(call: Call, text: str) -> list[Hit]:
    """The builders with this text in their names that have builds, but are no more in the configuration."""
    names = set(await call.world.store.countBuilds()) - set(call.world.status.getBuilderNames())
    return [
        Hit("Builder (removed)", name, call.to("one_line_per_build", name), likeness)
        for likeness, name in similar(text, sorted(names))
    ]


async def _people(call: Call, text: str) -> list[Hit]:
    """The changes whose author has this text in the name."""
    try:
        found = await call.world.store.getChangeRows(ChangeFilter(author=text), 1)
    except ValueError:
        return []
    to = call.to("changes", query=urlencode({"author": text}))
    return [Hit("Changes by", text, to, Likeness.PART)] if found.rows else []


async def _builds(call: Call, text: str) -> list[Hit]:
    """The build of this builder and number."""
    match = _BUILD.fullmatch(text)
    if match is None:
        return []
    name, number = match.group(1), int(match.group(2))
    if number < 0 or (
        runningBuild(call.world, name, number) is None
        and await call.world.store.getBuild(name, number) is None
    ):
        return []
    to = call.to("builders", name, "builds", number)
    return [Hit("Build", f"{name} #{number}", to, Likeness.BUILD)]


async def _changes(call: Call, text: str) -> list[Hit]:
    """The change of this number."""
    match = _NUMBER.fullmatch(text)
    if match is None or await call.world.store.getChange(int(match.group(1))) is None:
        return []
    number = int(match.group(1))
    return [Hit("Change", f"#{number}", call.to("changes", number), Likeness.CHANGE)]


async def _revisions(call: Call, text: str) -> list[Hit]:
    """The revisions that are this text, or else begin so."""
    found = revisionsOf(*await matching(call.world, text, 1000))
    return [
        Hit(
            *("Revision", each, call.to("revision", each)),
            Likeness.REVISION if each == text else Likeness.BEGINNING,
        )
        for each in found[:MOST]
    ]


ROUTES = (
    Route(
        "/search",
        search,
        "Search for a builder, slave, revision, change number, build or author; one hit leads to its page.",
        (
            Parameter(
                "q", "The text to search, such as a name, full/12, or the start of a revision.", default=""
            ),
        ),
    ),
)

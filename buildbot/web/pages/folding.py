# -*- test-case-name: tests.stories.test_waterfall -*-
"""Groups of builders by category, which a reader can fold into one column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from urllib.parse import urlencode

from buildbot.web.call import Call
from buildbot.web.markup import Markup, Template, join
from buildbot.web.routes import Parameter

#: The name of the group of builders without a category.
OTHERS = "no category"
PARAMETER = Parameter("fold", "Show these categories as one column with numbers.", repeated=True)
_LINK = Template('{name} <a href="{to}" aria-label="{text} {name}">{text}</a>')


@dataclass(frozen=True)
class Group:
    """A group of neighbouring builders of one category."""

    category: str
    builders: tuple[str, ...]
    isFolded: bool = False


def categoryOf(call: Call, builder: str) -> str:
    """The name of the group of a builder."""
    return call.world.config.builders[builder].category or OTHERS


def byCategory(call: Call, names: Iterable[str]) -> dict[str, list[str]]:
    """The builders of each category; both in the order of C{names}."""
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(categoryOf(call, name), []).append(name)
    return found


def groupsOf(call: Call, names: Iterable[str]) -> list[Group]:
    """The groups, in the order of the builders. A folded category is one group at its first builder."""
    return grouped([(categoryOf(call, name), name) for name in names], call.query["fold"])


def grouped(named: Sequence[tuple[str, str]], folded: Collection[str]) -> list[Group]:
    """The groups of builders, given as category and name.

    @param folded: the categories that are folded.
    """
    every: dict[str, list[str]] = {}
    for category, name in named:
        every.setdefault(category, []).append(name)
    groups: list[Group] = []
    done: set[str] = set()
    for category, run in groupby(named, lambda each: each[0]):
        if category not in folded:
            groups.append(Group(category, tuple(name for _, name in run)))
        elif category not in done:
            done.add(category)
            groups.append(Group(category, tuple(every[category]), True))
    return groups


def foldLink(call: Call, category: str, parameters: Iterable[Parameter]) -> Markup:
    """The name of a category, with a link that folds or unfolds it.

    @param parameters: the parameters of the page. The link drops all others.
    """
    now = set(call.query["fold"])
    text = "unfold" if category in now else "fold"
    known = {each.name for each in parameters}
    query = urlencode([*_kept(call.given, known), *(("fold", each) for each in sorted(now ^ {category}))])
    return _LINK(name=category, to=call.to(*call.segments, query=query), text=text)


def _kept(given: Mapping[str, Sequence[str]], known: Collection[str]) -> list[tuple[str, str]]:
    return [
        (name, text)
        for name, texts in given.items()
        if name != PARAMETER.name and name in known
        for text in texts
    ]


def numbers(words: Iterable[str]) -> Markup:
    """The count of each word, such as "12 success, 1 failure"."""
    return join([f"{count} {word}" for word, count in Counter(words).most_common()], ", ")

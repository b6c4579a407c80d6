# -*- test-case-name: tests.unit.web.feeds.test_entries -*-
"""The parts that Atom and RSS share: titles, ids, addresses and texts of entries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from buildbot.model.results import Results, outcomeWords
from buildbot.status.urls import buildPath
from buildbot.web.feeds.views import ALL, CHANGES, BuildView
from buildbot.web.feeds.xmltext import rfc3339
from buildbot.web.markup import Template

#: The most lines of a log in an entry.
LINES = 40
_CONTENT = Template("<p>{facts}</p>")
_LOG = Template("<p>{heading}</p><pre>{lines}</pre>")


@dataclass(frozen=True)
class FeedHead:
    """I describe a feed.

    @ivar title: its title, such as that of L{titled}.
    @ivar base: C{c['buildbotURL']}, with a slash at its end.
    @ivar address: the whole URL of the feed, with its parameters.
    @ivar made: when the master started, in seconds since 1970: the date of a feed without entries.
    """

    title: str
    base: str
    address: str
    made: float


def titled(
    project: str,
    only: str,
    builders: Sequence[str] = (),
    categories: Sequence[str] = (),
    branches: Sequence[str] = (),
) -> str:
    """The title of a feed, which names its filters."""
    what = {CHANGES: "builds that turned red or green", ALL: "builds"}.get(only, "failed builds")
    parts = [f"{project or 'Buildbot'}: {what}"]
    for word, names in (("builders", builders), ("categories", categories), ("branches", branches)):
        if names:
            parts.append(f"{word} {', '.join(names)}")
    return "; ".join(parts)


def title(build: BuildView) -> str:
    """The title of an entry, such as C{linux #12: failed: compile}."""
    return f"{build.builder} #{build.number}: {outcome(build)}"


def outcome(build: BuildView) -> str:
    """The outcome of a build in words."""
    return outcomeWords(resultWord(build.results), build.text) if build.results is not None else "running"


def resultWord(results: int | None) -> str:
    """The name of a result; "" for a running build; C{exception} for an unknown number."""
    if results is None:
        return ""
    return Results[results] if 0 <= results < len(Results) else "exception"


def identity(head: FeedHead, build: BuildView) -> str:
    """The id of an entry: a tag URI (RFC 4151) of the builder, the number and the day of the start."""
    try:
        host = urlsplit(head.base).hostname or "localhost"
    except ValueError:
        host = "localhost"
    return f"tag:{host},{rfc3339(build.started)[:10]}:{buildPath(build.builder, build.number)}"


def address(head: FeedHead, build: BuildView) -> str:
    """The whole URL of the page of a build."""
    return head.base + buildPath(build.builder, build.number)


def summary(build: BuildView) -> str:
    """The facts of a build in one line."""
    facts = [outcome(build)]
    if build.branch:
        facts.append(f"branch {build.branch}")
    if build.revision:
        facts.append(f"revision {build.revision}")
    if build.blame:
        facts.append(f"changes by {', '.join(build.blame)}")
    if build.slave:
        facts.append(f"slave {build.slave}")
    if build.reason:
        facts.append(f"reason: {build.reason}")
    return "; ".join(facts)


def content(build: BuildView) -> str:
    """The HTML of an entry: its facts, and the last lines of the log of the failed step."""
    html = str(_CONTENT(facts=summary(build)))
    if build.tail:
        heading = f"The end of the log of {build.failed}:" if build.failed else "The end of the log:"
        html += _LOG(heading=heading, lines="\n".join(build.tail[-LINES:]))
    return html

# -*- test-case-name: tests.stories.test_chat -*-
"""What a message in a chat room says about a build, or about a build set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from buildbot.chat.shapes import LONGEST, Line, Part
from buildbot.model.results import Results, outcomeWords
from buildbot.reporters.broken import BROKEN
from buildbot.reporters.revision import builtOf, revisionWords
from buildbot.status.build import BuildStatus
from buildbot.text.printable import plain, plainLine
from buildbot.text.urls import withoutPasswords

#: The most characters of a fact, such as the names of all authors, and the most builds of a set.
_LONGEST_FACT = 200
_MOST_BUILDS = 20


def linesOfBuild(build: BuildStatus, results: int, status: Any, first: BuildStatus | None) -> list[Line]:
    """The message about one build.

    @param status: the status of the master.
    @param first: the first build of its outage; see L{buildbot.reporters.outages.Outages.first}.
    """
    title = status.getProjectName()
    return [
        [*_headline(build, results, status), *([Part(f", in {_short(title)}")] if title else [])],
        *([Part(each)] for each in _facts(build, results, first)),
    ]


def linesOfSet(reason: str, builds: Sequence[BuildStatus], status: Any) -> list[Line]:
    """The message about the builds of a set.

    @param reason: of the set, in words.
    """
    title = status.getProjectName()
    more = len(builds) - _MOST_BUILDS
    return [
        [Part(_short(f"{title}: {reason}" if title else reason))],
        *(_headline(build, build.getResults() or 0, status) for build in builds[:_MOST_BUILDS]),
        *([[Part(f"and {more} more")]] if more > 0 else []),
        *([Part(each)] for each in _facts(builds[-1], 0, None)),
    ]


def linesOfText(text: str) -> list[Line]:
    """The message that a function of the configuration returned."""
    cut = withoutPasswords(plain(text)).strip()
    return [[Part(each)] for each in (cut if len(cut) <= LONGEST else f"{cut[: LONGEST - 1]}…").splitlines()]


def _headline(build: BuildStatus, results: int, status: Any) -> list[Part]:
    word = Results[results] if 0 <= results < len(Results) else "unknown"
    outcome = _short(outcomeWords(word, build.getText()))
    name = _short(f"{build.getBuilder().getName()} #{build.getNumber()}")
    return [Part(name, status.getURLForThing(build)), Part(f": {outcome}")]


def _facts(build: BuildStatus, results: int, first: BuildStatus | None) -> Iterator[str]:
    revision, users = revisionWords(builtOf(build)), ", ".join(build.getResponsibleUsers())
    if revision or users:
        said = [f"revision {revision}"] if revision else []
        yield _short(", ".join([*said, *([f"by {users}"] if users else [])]))
    if first is not None and first.number != build.number:
        yield f"{'Broken' if results in BROKEN else 'Was broken'} since build {first.number}"


def _short(text: str) -> str:
    """One line without passwords, and not too long."""
    line = withoutPasswords(plainLine(text))
    return line if len(line) <= _LONGEST_FACT else f"{line[: _LONGEST_FACT - 1]}…"

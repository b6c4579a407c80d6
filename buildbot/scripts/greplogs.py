# -*- test-case-name: tests.unit.scripts.test_grep -*-
"""The logs that C{grep} searches: those that its options choose in the store of a directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, Protocol

from buildbot.logs.names import LOGS
from buildbot.model.records import BuildRecord
from buildbot.model.results import EXCEPTION, FAILURE
from buildbot.model.rows import BuildFilter
from buildbot.scripts.buildname import readings
from buildbot.scripts.output import CommandFailed, Config
from buildbot.store.peek import Peek, peeking
from buildbot.text.printable import plainLine
from buildbot.text.similar import closest

#: How many builds are read from the store at once.
PAGE = 100


class OneLog(Protocol):
    """I search one log; see L{Searcher.search}."""

    def search(self, path: str, most: int) -> Iterator[list[Any]]: ...


class Log(NamedTuple):
    """One log to search.

    @ivar path: its file; or its place in the web pages of a master.
    @ivar started: the start of its build.
    """

    builder: str
    number: int
    step: str
    log: str
    path: str
    started: float

    def __str__(self) -> str:
        return plainLine(f"{self.builder}/{self.number}/{self.step}/{self.log}")


class Chosen(NamedTuple):
    """The builds to search: those of a filter, or one.

    @ivar total: their number; 0 if it is unknown.
    """

    filter: BuildFilter
    one: tuple[str, int] | None = None
    total: int = 0


def chosenBuilds(config: Config, store: Peek) -> Chosen:
    """The builds that BUILDER[/BUILD] and the options mean. Raises L{CommandFailed}."""
    since: Any = config.get("since")
    results = (FAILURE, EXCEPTION) if config.get("failed") else ()
    if config.get("where") is None:
        isAll = not results and since is None
        total = sum(store.lists.countBuilds().values()) if isAll else 0
        return Chosen(BuildFilter(results=results, since=since), total=total)
    name = str(config["where"])
    builders = store.builders()
    if name in builders:
        return Chosen(BuildFilter((name,), results=results, since=since))
    for one in readings(name):
        if not one.rest and one.builder in builders:
            if store.build(one.builder, one.number) is None:
                raise CommandFailed(f"builder {one.builder!r} has no build {one.number}")
            return Chosen(BuildFilter(results=results, since=since), (one.builder, one.number))
    near = closest(name, builders)
    raise CommandFailed(f"no builder {name!r} has builds here{f'; did you mean {near}?' if near else ''}")


def logsOf(config: Config, here: str, chosen: Chosen) -> Iterator[Log]:
    """The logs to search, those of the newest build first."""
    for build in _builds(here, chosen):
        for step in build.steps:
            if not fits(config.get("step"), step.name):
                continue
            for log in step.logs:
                if fits(config.get("log"), log.name):
                    path = os.path.join(here, LOGS, log.filename)
                    yield Log(build.builder, build.number or 0, step.name, log.name, path, build.started)


def fits(wanted: object, name: str) -> bool:
    """True if a name has the pattern of an option; None is any name."""
    return wanted is None or fnmatchcase(name, str(wanted))


def _builds(here: str, chosen: Chosen) -> Iterator[BuildRecord]:
    """The builds, some at a time: a master at work cannot tidy its store while it is being read."""
    if chosen.one is not None:
        with peeking(here) as store:
            found = store.build(*chosen.one)
        if found is not None:
            wanted = chosen.filter
            if (not wanted.results or found.results in wanted.results) and found.started >= (
                wanted.since or 0
            ):
                yield found
        return
    after: tuple[float, str, int] | None = None
    while True:
        with peeking(here) as store:
            rows = store.lists.getBuildRows(chosen.filter, PAGE, after)
            builds = [store.build(row.builder, row.number) for row in rows]
        yield from (each for each in builds if each is not None)
        if len(rows) < PAGE:
            return
        after = rows[-1].place()

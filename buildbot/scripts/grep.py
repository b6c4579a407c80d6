# -*- test-case-name: tests.unit.scripts.test_grep -*-
"""The command C{grep}: find lines in the logs of many builds.

It reads the store and the logs of the directory, so the master may run or not.
L{buildbot.scripts.searcher} searches the logs.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from buildbot.logs.directory import LOGS
from buildbot.logs.grepchild import Wanted
from buildbot.logs.matching import BadPattern, Query, finderOf
from buildbot.model.records import BuildRecord
from buildbot.model.results import EXCEPTION, FAILURE
from buildbot.model.rows import BuildFilter
from buildbot.scripts import colours
from buildbot.scripts.buildname import readings
from buildbot.scripts.output import CommandFailed, Config, complain, setting, usable
from buildbot.scripts.progress import Progress
from buildbot.scripts.searcher import Searcher, TooSlow
from buildbot.scripts.tables import moment
from buildbot.store.interface import StoreFailed
from buildbot.store.peek import Peek, hasStore, peeking
from buildbot.text.plural import counted
from buildbot.text.printable import plainLine
from buildbot.text.similar import closest

#: How many builds are read from the store at once.
PAGE = 100
#: After so many logs for which the expression takes too long, the command gives up.
TOO_SLOW = 3


class Log(NamedTuple):
    """One log to search.

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


def grep(config: Config) -> int:
    """Search. Status 0 if a line matches, 1 if none does; fails if the store cannot be read."""
    here = usable(config, toWrite=False)
    wanted = _wanted(config)
    if not hasStore(here):
        raise CommandFailed(f"no master has run in {here}: there are no logs")
    try:
        with peeking(here) as store:
            chosen = _chosen(config, store)
        found = _Search(config, wanted).run(_logs(config, here, chosen))
    except StoreFailed as why:
        raise CommandFailed(why.reason) from None
    return 0 if found else 1


def _wanted(config: Config) -> Wanted:
    """What to search. Raises L{CommandFailed} with status 2 for a wrong expression."""
    pattern = str(config["pattern"])
    query = Query(pattern, not config.get("fixed"), bool(config.get("ignore-case")))
    try:
        query.check()
        finderOf(query)
    except BadPattern as why:
        raise CommandFailed(f"buildbot: {why}", status=2) from None
    context, headers = setting(config, "context", int, 0), bool(config.get("headers"))
    return Wanted(query.text, query.isRegex, query.isFolded, context, headers)


class _Chosen(NamedTuple):
    """The builds to search: those of a filter, or one."""

    filter: BuildFilter
    one: tuple[str, int] | None = None


def _chosen(config: Config, store: Peek) -> _Chosen:
    """The builds that BUILDER[/BUILD] and the options mean. Raises L{CommandFailed}."""
    since: Any = config.get("since")
    results = (FAILURE, EXCEPTION) if config.get("failed") else ()
    if config.get("where") is None:
        return _Chosen(BuildFilter(results=results, since=since))
    name = str(config["where"])
    builders = store.builders()
    if name in builders:
        return _Chosen(BuildFilter((name,), results=results, since=since))
    for one in readings(name):
        if not one.rest and one.builder in builders:
            if store.build(one.builder, one.number) is None:
                raise CommandFailed(f"builder {one.builder!r} has no build {one.number}")
            return _Chosen(BuildFilter(results=results, since=since), (one.builder, one.number))
    near = closest(name, builders)
    raise CommandFailed(f"no builder {name!r} has builds here{f'; did you mean {near}?' if near else ''}")


def _logs(config: Config, here: str, chosen: _Chosen) -> Iterator[Log]:
    """The logs to search, those of the newest build first."""
    for build in _builds(here, chosen):
        for step in build.steps:
            if not _fits(config.get("step"), step.name):
                continue
            for log in step.logs:
                if _fits(config.get("log"), log.name):
                    path = os.path.join(here, LOGS, log.filename)
                    yield Log(build.builder, build.number or 0, step.name, log.name, path, build.started)


def _fits(wanted: object, name: str) -> bool:
    return wanted is None or fnmatchcase(name, str(wanted))


def _builds(here: str, chosen: _Chosen) -> Iterator[BuildRecord]:
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


class _Search:
    """I search logs, and print what is found."""

    def __init__(self, config: Config, wanted: Wanted) -> None:
        self._config = config
        self._wanted = wanted
        self._left = setting(config, "count", int, 1000)
        self._wantsNames = bool(config.get("list"))
        self._isQuiet = bool(config.get("quiet"))
        self._last: tuple[str, int] | None = None  # the log and the number of the last line
        self._slow = 0

    def run(self, logs: Iterable[Log]) -> int:
        """Search them, and return the number of hits."""
        count = found = 0
        with Searcher(self._wanted) as searcher, Progress(self._config) as progress:
            for log in logs:
                if self._left <= 0:
                    progress.clear()
                    self._note(
                        f"more lines may match: this is the end after {counted(found, 'line')} (--count)"
                    )
                    return found
                count += 1
                progress.show(f"{counted(count, 'log')} searched, back to {moment(log.started)}")
                hits = self._one(searcher, log, progress)
                found += hits
                self._left -= hits
                if found and self._isQuiet:
                    break
                if self._left <= 0:
                    progress.clear()
                    what = "log" if self._wantsNames else "line"
                    self._note(
                        f"perhaps there is more: this is the end after {counted(found, what)} (--count)"
                    )
                    break
        if not found:
            self._note(f"no line matches in {counted(count, 'log')}")
        return found

    def _one(self, searcher: Searcher, log: Log, progress: Progress) -> int:
        """Search one log, and return the number of hits."""
        most = 1 if self._wantsNames or self._isQuiet else self._left
        hits = 0
        try:
            for kind, *words in searcher.search(log.path, most):
                if kind == "line":
                    progress.clear()
                    self._show(log, *words)
                    hits += words[-1] is not None
                elif kind == "nothing":
                    progress.show(f"searching {log}")
                elif kind == "gone" and os.path.lexists(log.path):
                    complain(f"cannot read {log.path}: {words[0]}")
                elif kind == "damaged":
                    complain(f"{log} is damaged from byte {words[0]} on: its rest is not searched")
                elif kind == "error":
                    raise CommandFailed(f"buildbot: {words[0]}", status=2)
        except TooSlow:
            progress.clear()
            self._slow += 1
            complain(f"{log}: the expression takes too long; the rest of this log is not searched")
            if self._slow >= TOO_SLOW:
                raise CommandFailed(
                    "the expression takes too long for several logs: make it simpler"
                ) from None
        return hits

    def _show(self, log: Log, number: int, text: str, at: int | None) -> None:
        """Print one line."""
        if self._isQuiet:
            return
        if self._config.get("json"):
            about = {"builder": log.builder, "number": log.number, "step": log.step, "log": log.log}
            print(json.dumps({**about, "line": number, "text": text, "at": at}), flush=True)
        elif self._wantsNames:
            print(colours.line((str(log), "magenta")), flush=True)
        else:
            if self._wanted.context:
                self._separate(log, number)
            mark = ":" if at is not None else "-"
            name = ((str(log), "magenta"), mark, (str(number), "green"), f"{mark} ")
            print(colours.line(*name, text.rstrip()), flush=True)

    def _separate(self, log: Log, number: int) -> None:
        """Print a line between groups of lines that do not follow each other."""
        place = (log.path, number)
        if self._last is not None and self._last != (log.path, number - 1):
            print("--")
        self._last = place

    def _note(self, text: str) -> None:
        """Tell the user something beside the lines."""
        if not self._isQuiet:
            complain(text)

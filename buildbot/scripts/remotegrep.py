# -*- test-case-name: tests.stories.test_remotegrep -*-
"""The logs of a master on another machine, for C{grep --url}. Its web server searches them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from buildbot.control import remote
from buildbot.control.client import ControlError
from buildbot.logs.grepchild import Wanted
from buildbot.scripts.buildname import readings
from buildbot.scripts.greplogs import Log, fits
from buildbot.scripts.output import CommandFailed, Config, tokenOf
from buildbot.scripts.searcher import TooSlow

#: How many builds one answer has.
PAGE = 50
#: How often a busy server is asked again, and the seconds before each time.
_AGAIN, _PAUSE = 10, 1.0
#: The statuses of a server that is busy, and of a page that is not there.
_BUSY, _MISSING = (429, 503), 404


class RemoteLogs:
    """I list and search the logs of one master.

    @param url: the address of its web pages.
    """

    def __init__(self, config: Config, url: str, wanted: Wanted) -> None:
        self._config = config
        self._url = url
        self._token = tokenOf(config)
        self._wanted = wanted

    def logs(self) -> Iterator[Log]:
        """The logs that the options choose, those of the newest build first."""
        for builder, number in self._builds():
            place = f"builders/{quote(builder, safe='')}/builds/{number}"
            build = self._page(f"api/v1/{place}/record")
            for step in build["steps"]:
                if not fits(self._config.get("step"), step["name"]):
                    continue
                for log in step["logs"]:
                    if fits(self._config.get("log"), log["name"]):
                        names = (quote(each, safe="") for each in (step["name"], log["name"]))
                        path = f"{place}/steps/{'/logs/'.join(names)}/search"
                        yield Log(builder, number, step["name"], log["name"], path, build["started"])

    def _builds(self) -> Iterator[tuple[str, int]]:
        """The builds that BUILDER[/BUILD] and the options mean."""
        query: dict[str, Any] = {"limit": PAGE, "since": self._config.get("since")}
        if self._config.get("failed"):
            query["result"] = ["failure", "exception"]
        where = self._config.get("where")
        if where is not None:
            builder, build = self._chosen(str(where))
            if build is not None:
                isLate = build["started"] < (query["since"] or 0)
                if not isLate and build["result"] in query.get("result", [build["result"]]):
                    yield builder, build["number"]
                return
            query["builder"] = builder
        while True:
            found = self._page("api/v1/builds", query)
            for build in found["builds"]:
                yield build["builder"], build["number"]
            if not found["next"]:
                return
            query["cursor"] = found["next"]

    def _chosen(self, name: str) -> tuple[str, Any]:
        """The builder, and perhaps the build of it. Raises L{CommandFailed} if there is none."""
        try:
            self._page(f"api/v1/builders/{quote(name, safe='')}")
            return name, None
        except ControlError as why:
            if why.status != _MISSING:
                raise
            trouble = str(why)
        for one in readings(name):
            path = f"api/v1/builders/{quote(one.builder, safe='')}/builds/{one.number}/record"
            try:
                return one.builder, self._page(path)
            except ControlError as why:
                if why.status != _MISSING:
                    raise
                trouble = str(why)
        raise CommandFailed(trouble)

    def search(self, path: str, most: int) -> Iterator[list[Any]]:
        """What is found in one log; see L{buildbot.scripts.searcher.Searcher.search}."""
        wanted = self._wanted
        query: dict[str, object] = {"q": wanted.text, "format": "json", "regex": int(wanted.isRegex)}
        query["case"] = int(not wanted.isFolded)
        if wanted.context:
            query["context"] = wanted.context
        first, left = 1, most
        lines = _InOrder()
        while True:
            try:
                found = self._page(path, {**query, "from": first})
            except ControlError as why:
                if why.status != _MISSING:
                    raise
                yield ["gone", str(why)]
                break
            beside = [(hit["line"], hit["text"]) for hit in found["hits"][left:]]  # found, but too many
            yield from lines.of(found["hits"][:left], [*found.get("around", ()), *beside], wanted.context)
            left -= len(found["hits"])
            following = found["next"]
            if following is None or left <= 0:
                break
            if found["late"] and following <= first:
                raise TooSlow
            first = following
            yield ["nothing"]
        yield from lines.rest()
        yield ["end"]

    def _page(self, path: str, query: dict[str, object] | None = None) -> Any:
        """A page, also of a server that is busy for a moment."""
        for left in range(_AGAIN, -1, -1):
            try:
                return remote.page(self._url, self._token, path, query or {})
            except ControlError as why:
                if why.status not in _BUSY or not left:
                    raise
            time.sleep(_PAUSE)
        raise AssertionError  # the last attempt has returned or raised


class _InOrder:
    """I put the hits of many answers, and the lines beside them, in order. Each line comes once."""

    def __init__(self) -> None:
        self._told = 0  # the last line
        self._after: list[list[Any]] = []  # lines after the last hit: one of them may be the next hit

    def of(self, hits: Sequence[Any], around: Iterable[Any], context: int) -> Iterator[list[Any]]:
        """The lines of an answer whose place is known."""
        if not hits:
            return
        lines = [["line", hit["line"], hit["text"], hit["at"]] for hit in hits]
        first, last = hits[0]["line"], hits[-1]["line"]
        before = [each for each in self._after if each[1] < first]
        known = {each[1] for each in before}
        beside = [["line", *each, None] for each in around if each[0] not in known]
        lines += [each for each in beside if each[1] < last]
        for line in [*before, *sorted(lines, key=lambda each: each[1])]:
            if line[1] > self._told:
                self._told = line[1]
                yield line
        self._after = [each for each in beside if last < each[1] <= last + context]

    def rest(self) -> Iterator[list[Any]]:
        """The lines after the last hit."""
        yield from sorted(self._after, key=lambda each: each[1])

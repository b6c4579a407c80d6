# -*- test-case-name: tests.unit.scripts.test_grep -*-
"""The command C{grep}: find lines in the logs of many builds.

It reads the store and the logs of the directory, so the master may run or not.
L{buildbot.scripts.searcher} searches the logs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable
from typing import Any

from buildbot.control.client import ControlError
from buildbot.logs.grepchild import Wanted
from buildbot.logs.matching import BadPattern, Query, finderOf
from buildbot.logs.names import LOGS
from buildbot.scripts import colours
from buildbot.scripts.farlogs import hasFarLogs
from buildbot.scripts.greplogs import Log, OneLog, chosenBuilds, logsOf
from buildbot.scripts.output import CommandFailed, Config, complain, setting, usable
from buildbot.scripts.progress import Progress
from buildbot.scripts.searcher import Searcher, TooSlow
from buildbot.scripts.tables import moment
from buildbot.store.direct import hasStore
from buildbot.store.interface import StoreFailed
from buildbot.store.peek import peeking
from buildbot.store.place import serverOf
from buildbot.text.plural import counted

#: The characters that have a meaning in a regular expression.
_SPECIAL = frozenset(".^$*+?{}[]\\|()")
#: After so many logs for which the expression takes too long, the command gives up.
TOO_SLOW = 3


def grep(config: Config) -> int:
    """Search. Status 0 if a line matches, 1 if none does; fails if the store cannot be read."""
    wanted = _wanted(config)
    url = setting(config, "url", str, "")
    if url:
        from buildbot.scripts.remotegrep import RemoteLogs  # seldom needed

        remote = RemoteLogs(config, url, wanted)
        try:
            return 0 if Search(config, wanted).run(remote.logs(), remote) else 1
        except ControlError as why:
            raise CommandFailed(str(why)) from None
    here = usable(config, toWrite=False)
    if not hasStore(here):
        raise CommandFailed(f"no master has run in {here}: there are no logs")
    try:
        with peeking(here) as store:
            chosen = chosenBuilds(config, store)
        far = os.path.join(here, LOGS) if hasFarLogs(here) else None
        with Searcher(wanted, farLogs=far) as searcher:
            search = Search(config, wanted)
            found = search.run(logsOf(config, here, chosen), searcher, chosen.total)
        if search.absent and far is None and serverOf(here):
            search.note(
                f"not searched: {counted(search.absent, 'log')} without a file in {here}:"
                " deleted, or on the machine of another master"
            )
    except StoreFailed as why:
        raise CommandFailed(why.reason) from None
    return 0 if found else 1


def _wanted(config: Config) -> Wanted:
    """What to search. Raises L{CommandFailed} with status 2 for a wrong expression."""
    pattern = str(config["pattern"])
    isRegex = not config.get("fixed") and not _SPECIAL.isdisjoint(pattern)  # a text is found faster
    query = Query(pattern, isRegex, bool(config.get("ignore-case")))
    try:
        query.check()
        finderOf(query)
    except BadPattern as why:
        raise CommandFailed(f"buildbot: {why}", status=2) from None
    context, headers = setting(config, "context", int, 0), bool(config.get("headers"))
    return Wanted(query.text, query.isRegex, query.isFolded, context, headers)


class _HowFar:
    """I tell how far a search is: by the number of builds, or by their age."""

    def __init__(self, since: Any, total: int) -> None:
        """@param since: the time where it ends, or None.
        @param total: the number of builds; 0 if it is unknown.
        """
        self._since, self._total = since, total
        self._builds = 0
        self._last: tuple[str, int] | None = None

    def show(self, progress: Progress, log: Log, count: int) -> None:
        """Show it before a log is searched, the C{count}th."""
        if self._last != (log.builder, log.number):
            self._last = (log.builder, log.number)
            self._builds += 1
        words = f"{counted(count, 'log')}, back to {moment(log.started)}"
        now = time.time()
        if self._total:
            progress.at(self._builds - 1, self._total, words)
        elif self._since is not None and self._since < now:
            progress.at(now - log.started, now - self._since, words)
        else:
            progress.show(words)


class Search:
    """I search logs, and print what is found.

    @ivar absent: the number of logs that have no file.
    """

    def __init__(self, config: Config, wanted: Wanted) -> None:
        self._config = config
        self._wanted = wanted
        self._left = setting(config, "count", int, 1000)
        self._wantsNames = bool(config.get("list"))
        self._isQuiet = bool(config.get("quiet"))
        self._last: tuple[str, int] | None = None  # the log and the number of the last line
        self._slow = 0
        self._unread: dict[str, int] = {}  # by reason
        self.absent = 0

    def run(self, logs: Iterable[Log], searcher: OneLog, total: int = 0) -> int:
        """Search logs, and return the number of hits.

        @param total: the number of their builds; 0 if it is unknown.
        """
        count = found = 0
        far = _HowFar(self._config.get("since"), total)
        with Progress(self._config, "searching") as progress:
            for log in logs:
                count += 1
                far.show(progress, log, count)
                hits = self._one(searcher, log, progress)
                found += hits
                self._left -= hits
                if found and self._isQuiet:
                    break
                if self._left <= 0:
                    progress.clear()
                    what = "log" if self._wantsNames else "line"
                    self.note(
                        f"perhaps there is more: this is the end after {counted(found, what)} (--count)"
                    )
                    break
        for why, number in self._unread.items():
            if number > 1:
                complain(f"cannot read {counted(number, 'log')} in all: {why}")
        if not found:
            self.note(f"no line matches in {counted(count, 'log')}")
        return found

    def _one(self, searcher: OneLog, log: Log, progress: Progress) -> int:
        """Search one log, and return the number of hits."""
        most = 1 if self._wantsNames or self._isQuiet else self._left
        hits = 0
        try:
            for kind, *words in searcher.search(log.path, most):
                if kind == "line":
                    progress.clear()
                    self._show(log, *words)
                    hits += words[2] is not None
                elif kind == "nothing":
                    progress.show(str(log))
                elif kind == "gone" and self._config.get("url"):
                    complain(f"cannot read {log.path}: {words[0]}")
                elif kind == "gone":
                    self.absent += 1
                elif kind == "unreadable":
                    progress.clear()
                    self._unreadable(log, str(words[0]))
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

    def _unreadable(self, log: Log, why: str) -> None:
        """Tell the first log that cannot be read for a reason: an object storage may be away from all."""
        if why not in self._unread:
            complain(f"cannot read {log.path}: {why}")
        self._unread[why] = self._unread.get(why, 0) + 1

    def _show(self, log: Log, number: int, text: str, at: int | None, length: int = 0) -> None:
        """Print one line, with the match at C{at} of this length; 0 if it is not known."""
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
            text = text.rstrip()
            begin, end = at or 0, (at or 0) + length
            print(colours.line(*name, text[:begin], (text[begin:end], "red"), text[end:]), flush=True)

    def _separate(self, log: Log, number: int) -> None:
        """Print a line between groups of lines that do not follow each other."""
        place = (log.path, number)
        if self._last is not None and self._last != (log.path, number - 1):
            print("--")
        self._last = place

    def note(self, text: str) -> None:
        """Tell the user something beside the lines."""
        if not self._isQuiet:
            complain(text)

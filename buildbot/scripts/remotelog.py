# -*- test-case-name: tests.stories.test_remotecommands -*-
"""The command C{log}: print the output of a step, also from a master on another machine.

With C{--url}, the output comes from the web server of the master. Otherwise L{buildbot.scripts.log} reads its
file.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from buildbot.control import remote
from buildbot.control.client import ControlError, Unreachable
from buildbot.interfaces import LOG_CHANNEL_STDOUT
from buildbot.scripts.buildname import Wanted, readings
from buildbot.scripts.following import followLogs, throughRestart
from buildbot.scripts.log import (
    Found,
    choose,
    logAgain,
    logOf,
    printLogs,
    verdict,
    whenBegun,
)
from buildbot.scripts.log import log as ofDirectory
from buildbot.scripts.output import (
    CommandFailed,
    Config,
    askMaster,
    setting,
    tokenOf,
)
from buildbot.scripts.showing import Show, showing, showingOne

#: Seconds between two questions whether a step has begun.
POLL = 1.0
#: After so many cut connections for a finished log, the command gives up. Those of a growing log may be cut
#: often: many proxies do that when a log is quiet for a minute.
_CUTS = 10


def log(config: Config) -> int:
    """Print a log, or the list of a build's logs. Status 0 if it is complete; fails if it does not exist."""
    url = setting(config, "url", str, "")
    if not url:
        return ofDirectory(config)
    wanted = readings(str(config["path"]))
    if not wanted:
        numbers = f"BUILD is a number, and `buildbot builds --url {url}` lists them"
        raise CommandFailed(f"name a log as BUILDER/BUILD/STEP, not {str(config['path'])!r}: {numbers}")
    one, build = _find(config, wanted)
    if one.rest:
        return _print(config, url, one, build)
    if config.get("follow"):
        return _followBuild(config, url, one, build)
    return printLogs(config, one, build)


def _print(config: Config, url: str, one: Wanted, build: dict[str, Any]) -> int:
    """Print the output of a log, to its end with C{--follow}."""
    _mayNotBeJSON(config)
    log = whenBegun(config, one, build, lambda: _ask(config, one), POLL)
    follows = bool(config.get("follow")) and not log.finished

    def latest() -> Found:
        return choose(one, throughRestart(config, lambda: _ask(config, one)))

    log = _stream(config, url, one, log, latest if follows else None, showing(config))
    return verdict([log.record.trouble] if log.record.trouble else [])


def _followBuild(config: Config, url: str, one: Wanted, build: dict[str, Any]) -> int:
    """Print the logs of a build, one step after the other, to its end."""
    _mayNotBeJSON(config)

    def again() -> dict[str, Any]:
        return throughRestart(config, lambda: _ask(config, one))

    def printLog(at: int, step: Mapping[str, Any], number: int) -> list[str]:
        now = logOf(build, step, step["logs"][number])
        show = showingOne(config, now.step, now.record.name)

        def latest() -> Found:
            return logAgain(again(), at, number, now)

        now = _stream(config, url, one, now, None if now.finished else latest, show)
        return [now.record.trouble] if now.record.trouble else []

    return followLogs(config, f"{one.builder}/{one.number}", build, again, printLog, POLL)


def _stream(
    config: Config, url: str, one: Wanted, log: Found, latest: Callable[[], Found] | None, show: Show
) -> Found:
    """Print what the web server sends of a log. Go on where a cut connection, or a restart, has ended it.

    @param latest: asks for the log again, to follow it to its end; None: print what there is.
    @return: the log at the end.
    """
    query: dict[str, object] = {"headers": "1" if config.get("headers") else None}
    if latest is not None:
        query["follow"] = "1"
    names = (one.builder, "builds", str(one.number), "steps", log.step, "logs", log.record.name, "text")
    path = "/".join(("builders", *(quote(each, safe="") for each in names)))
    sent, left = 0, _CUTS
    while True:
        cut: ControlError | None = None
        try:
            place = {} if latest is None else {"offset": sent}
            for piece in remote.stream(url, tokenOf(config), path, {**query, **place}):
                sent += len(piece)
                show([(LOG_CHANNEL_STDOUT, piece)])
        except ControlError as why:
            if latest is not None and log.finished and why.status == 404:  # it is at the master before
                log = replace(log, record=log.record.altered(trouble=str(why)))
                break
            if latest is None or not left or (why.status and not isinstance(why, Unreachable)):
                raise CommandFailed(str(why)) from None
            cut = why
        if latest is None or (log.finished and cut is None):
            break
        if log.finished:
            left -= 1
        if cut is not None:
            time.sleep(POLL)
        log = latest()  # then once more: the end of a log of a killed master was never sent
    show([])
    return log


def _mayNotBeJSON(config: Config) -> None:
    if config.get("json"):
        raise CommandFailed("--json prints a log only on the machine of the master; leave it out")


def _find(config: Config, wanted: list[Wanted]) -> tuple[Wanted, dict[str, Any]]:
    """The first interpretation with an existing build, and the build."""
    trouble: CommandFailed | None = None
    for one in wanted:
        try:
            return one, _ask(config, one)
        except CommandFailed as why:
            trouble = trouble or why
    assert trouble is not None
    raise trouble


def _ask(config: Config, one: Wanted) -> dict[str, Any]:
    said: Any = askMaster(config, "build", {"builder": one.builder, "number": one.number})
    return dict(said)

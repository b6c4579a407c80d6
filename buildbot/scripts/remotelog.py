# -*- test-case-name: tests.stories.test_remotecommands -*-
"""The command C{log}: print the output of a step, also from a master on another machine.

With C{--url}, the output comes from the web server of the master. Otherwise L{buildbot.scripts.log} reads its
file.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from buildbot.control import remote
from buildbot.control.client import ControlError
from buildbot.interfaces import LOG_CHANNEL_STDOUT
from buildbot.scripts.buildname import Wanted, readings
from buildbot.scripts.log import choose, printLogs, showing, verdict, whenBegun
from buildbot.scripts.log import log as ofDirectory
from buildbot.scripts.output import (
    CommandFailed,
    Config,
    askMaster,
    setting,
    tokenOf,
)

#: Seconds between two questions whether a step has begun.
POLL = 1.0


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
    return printLogs(config, one, build)


def _print(config: Config, url: str, one: Wanted, build: dict[str, Any]) -> int:
    """Print the output of a log, to its end with C{--follow}."""
    if config.get("json"):
        raise CommandFailed("--json prints a log only on the machine of the master; leave it out")
    found = whenBegun(config, one, build, lambda: _ask(config, one), POLL)
    follows = bool(config.get("follow")) and not found.finished
    query = {"follow": "1" if follows else None, "headers": "1" if config.get("headers") else None}
    names = (one.builder, "builds", str(one.number), "steps", found.step, "logs", found.record.name, "text")
    path = "/".join(("builders", *(quote(each, safe="") for each in names)))
    show = showing(config)
    try:
        for piece in remote.stream(url, tokenOf(config), path, query):
            show([(LOG_CHANNEL_STDOUT, piece)])
    except ControlError as why:
        raise CommandFailed(str(why)) from None
    show([])
    if follows:
        found = choose(one, _ask(config, one))
    return verdict([found.record.trouble] if found.record.trouble else [])


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

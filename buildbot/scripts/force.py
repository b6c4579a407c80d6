# -*- test-case-name: tests.unit.scripts.test_builds -*-
"""The commands C{force}, C{rebuild}, C{stopbuild} and C{cancel}: start and stop a build by hand.

C{builds} and C{log} show the build.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from buildbot.scripts.buildname import readings
from buildbot.scripts.output import CommandFailed, Config, askMaster, command, loginName, say, sayJSON
from buildbot.scripts.tables import table, terminalWidth
from buildbot.text.plural import counted

#: The beginning of the master's answer about an unknown builder.
NO_BUILDER = "no builder "
#: The most waiting requests in one answer of the master.
_MOST_WAITING = 1000


def force(config: Config) -> int:
    """Request a build. Status 0 when the request is on disk; fails for an unknown builder."""
    if config.get("list-parameters"):
        return _listParameters(config)
    names = ("branch", "revision", "reason", "properties", "scheduler", "params")
    given = {name: config.get(name) for name in names}
    params = {"builder": config["builder"], "who": loginName(), **{k: v for k, v in given.items() if v}}
    said: Any = askMaster(config, "force", params)
    if config.get("wait"):
        return _wait(config, said)
    if not sayJSON(config, said):
        _sayRequested(config, said)
    return 0


def rebuild(config: Config) -> int:
    """Build the source of a finished build again. Status 0 when the request is on disk."""
    given = {"reason": config.get("reason"), "absolute": False if config.get("as-requested") else None}
    params = {
        "builder": config["builder"],
        "number": config["number"],
        "who": loginName(),
        **{name: value for name, value in given.items() if value is not None},
    }
    said: Any = askMaster(config, "rebuild", params)
    if config.get("wait"):
        return _wait(config, said)
    if not sayJSON(config, said):
        _sayRequested(config, said)
    return 0


def cancel(config: Config) -> int:
    """Cancel one request that waits for a builder, or all. Fails if none waits."""
    params: dict[str, object] = {"builder": config["builder"], "who": loginName()}
    if config.get("number") is not None:
        params["request"] = config["number"]
    try:
        said: Any = askMaster(config, "cancel", params)
    except CommandFailed as why:
        number = str(config["builder"])
        if "request" in params or not number.isdecimal() or not str(why).startswith(NO_BUILDER):
            raise
        params |= {"builder": _builderOfRequest(config, int(number)), "request": int(number)}
        said = askMaster(config, "cancel", params)
    if not sayJSON(config, said):
        say(config, f"{counted(len(said['cancelled']), 'waiting request')} cancelled")
    return 0


def _builderOfRequest(config: Config, request: int) -> str:
    """The name of the builder that a request waits for. Raises CommandFailed if it does not wait."""
    said: Any = askMaster(config, "builds", {"count": _MOST_WAITING})
    for each in said["requests"]:
        if each["id"] == request:
            return str(each["builder"])
    raise CommandFailed(f"no request {request} waits, and there is no builder of this name")


def _wait(config: Config, said: Mapping[str, Any]) -> int:
    """With C{--wait}: wait for the build. The status is that of its result."""
    from buildbot.scripts.waitbuild import waitForBuild  # not needed to start a build only

    return waitForBuild(config, said)


def _sayRequested(config: Config, said: Mapping[str, Any]) -> None:
    """Tell that a build has started, or why it waits."""
    if said["build"] is None:
        waits = f"request {said['request']} for {said['builder']} waits"
        say(config, f"{waits}: {said['why']}" if said["why"] else waits)
    else:
        say(config, f"build {said['build']} of {said['builder']} has started")
        if not config.get("url"):
            path = f"{said['builder']}/{said['build']}"
            say(config, f"  {command('log', '-f', str(config['basedir']), path)}")


def _listParameters(config: Config) -> int:
    """Print the parameters of the schedulers through which the builder can be forced."""
    said: Any = askMaster(config, "parameters", {"builder": config["builder"]})
    if sayJSON(config, said):
        return 0
    if not said["schedulers"]:
        say(config, f"no ForceScheduler has the builder {said['builder']}: it is forced without --scheduler")
    for each in said["schedulers"]:
        say(config, f"scheduler {each['scheduler']}:")
        rows = [(one["name"], one["type"], *_meaning(one)) for one in each["parameters"]]
        say(
            config,
            *(
                f"  {line}"
                for line in table(("PARAMETER", "KIND", "DEFAULT", "MEANING"), rows, terminalWidth())
            ),
        )
    return 0


def _meaning(parameter: Mapping[str, Any]) -> tuple[str, str]:
    """The default of a parameter, and its other properties, in words."""
    default = "required" if parameter["required"] else json.dumps(parameter["default"], ensure_ascii=False)
    default = "your login name" if parameter["person"] else default
    other = ", or another text" if parameter.get("free") else ""  # an earlier release does not say it
    notes = [
        parameter["label"] if parameter["label"] != parameter["name"] else "",
        f"one of {', '.join(parameter['choices'])}{other}" if parameter["choices"] else "",
        f"matches {parameter['pattern']}" if parameter["pattern"] else "",
        "may be repeated" if parameter["multiple"] else "",
    ]
    return default, "; ".join(filter(None, notes))


def stopbuild(config: Config) -> int:
    """Stop a build. Status 0 when the master has begun to stop it; fails if it is not running."""
    given = {"number": config.get("number"), "reason": config.get("reason")}
    params = {
        "builder": config["builder"],
        "who": loginName(),
        "pending": bool(config.get("pending")),
        **{name: value for name, value in given.items() if value is not None},
    }
    try:
        said: Any = _askWhich(config, params)
    except CommandFailed as why:
        raise CommandFailed(*why.lines, *_hint(config)) from None
    if sayJSON(config, said):
        return 0
    for number in said["stopped"]:
        say(config, f"build {number} of {said['builder']} is being stopped")
    if config.get("pending"):
        count = len(said["cancelled"])
        say(config, f"{counted(count, 'waiting request')} cancelled")
    return 0


def _askWhich(config: Config, params: dict[str, object]) -> object:
    """Send the command for a builder; if it is unknown, take the name as BUILDER/BUILD."""
    try:
        return askMaster(config, "stopbuild", params)
    except CommandFailed as why:
        if "number" in params or not str(why).startswith(NO_BUILDER):
            raise
        wrong = why
    for one in sorted(readings(str(params["builder"])), key=lambda one: bool(one.rest)):
        try:
            return askMaster(config, "stopbuild", {**params, "builder": one.builder, "number": one.number})
        except CommandFailed as why:
            if not str(why).startswith(NO_BUILDER):
                raise
    raise wrong


def _hint(config: Config) -> list[str]:
    """A hint after a failed stop: the pending requests."""
    if config.get("pending") or config.get("number") is not None:
        return []
    try:
        said: Any = askMaster(config, "builds", {"builder": config["builder"], "count": 0})
    except CommandFailed:
        return []
    count = sum(each["requests"] for each in said["waiting"])
    if not count:
        return []
    return [
        "1 request waits for it: --pending cancels it"
        if count == 1
        else f"{count} requests wait for it: --pending cancels them"
    ]

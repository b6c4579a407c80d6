# -*- test-case-name: tests.unit.scripts.test_token -*-
"""The command C{token}: make, list and revoke the tokens of scripts, on a running or a stopped master."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from buildbot.control.client import ControlError
from buildbot.daemon import directory, lock
from buildbot.daemon.oserrors import inWords
from buildbot.scripts.output import (
    CommandFailed,
    Config,
    askMaster,
    command,
    refuseStranger,
    say,
    sayJSON,
    usable,
)
from buildbot.scripts.tables import moment, table, terminalWidth

_HEADINGS = ("name", "account", "actions", "builders", "made", "expires", "last used")


def token(config: Config) -> int:
    """Make, list or revoke tokens. Status 0 when the change is on disk."""
    verb = config["verb"]
    if verb == "add":
        return _add(config)
    if verb == "revoke":
        name = config["name"]
        if not sayJSON(config, _ask(config, "revoketoken", {"name": name})):
            say(config, f"token {name} is revoked")
        return 0
    said: Any = _ask(config, "tokens", {})
    if sayJSON(config, said["tokens"]):
        return 0
    rows = [_row(each) for each in said["tokens"]]
    if rows:
        say(config, *table(_HEADINGS, rows, terminalWidth()))
    else:
        say(config, f"there is no token: make one with `{command('token', 'add', 'DIR', 'NAME')}`")
    return 0


def _add(config: Config) -> int:
    given = {each: config[each] for each in ("name", "actions", "builders", "days")}
    said: Any = _ask(config, "addtoken", {**given, "owner": config["owner"] or ""})
    if sayJSON(config, said):
        return 0
    owner = f" of {said['owner']}" if said["owner"] else ""
    say(
        config,
        f"token {said['name']}{owner} is made; it {_end(said)}. It is shown only now:",
    )
    print(said["token"])
    return 0


def _end(token: Mapping[str, Any]) -> str:
    return "does not expire" if token["expires"] is None else f"expires at {moment(token['expires'])}"


def _row(token: Mapping[str, Any]) -> tuple[str, ...]:
    end = "never" if token["expires"] is None else moment(token["expires"])
    return (
        token["name"],
        token["owner"] or "none",
        ", ".join(token["actions"]),
        ", ".join(token["builders"]) or "all",
        moment(token["created"]),
        f"{end} (over)" if token["hasExpired"] else end,
        "never" if token["used"] is None else moment(token["used"]),
    )


def _ask(config: Config, verb: str, params: Mapping[str, object]) -> object:
    """Send a command to the running master, or carry it out in the directory of the stopped one."""
    here = usable(config)
    if directory.kindOf(directory.readTac(here)) is directory.Kind.SLAVE:
        raise CommandFailed(f"{here} is a buildslave's directory: tokens belong to a master")
    if lock.holder(here) is not None:
        return askMaster(config, verb, params)
    refuseStranger(here)
    try:
        lock.hold(here)
    except (lock.AlreadyRunning, OSError) as why:
        words = inWords(why) if isinstance(why, OSError) else str(why)
        raise CommandFailed(f"cannot use {here}: {words}") from None
    try:
        return _atOnce(here, verb, params)
    finally:
        lock.release(here)


def _atOnce(here: str, verb: str, params: Mapping[str, object]) -> object:
    """Carry out a command on the store of a stopped master."""
    from buildbot.store.states import StoppedStates  # slow to import, and seldom needed
    from buildbot.web.accounts.logins import Logins
    from buildbot.web.accounts.tokencommands import TokenCommands

    logins = Logins(StoppedStates(here))
    handler: Any = TokenCommands(lambda: logins, time.time).handlers()[verb]
    results: list[object] = []
    ensureDeferred(handler(**params)).addBoth(results.append)
    (result,) = results
    if not isinstance(result, Failure):
        return result
    result.trap(ControlError)
    raise CommandFailed(result.getErrorMessage())

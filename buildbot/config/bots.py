# -*- test-case-name: tests.unit.config.test_check -*-
"""The rules for C{c['bots']}, and its conversion to slaves."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeGuard, cast

from buildbot.config.messages import (
    LONGEST_NAME,
    Raw,
    Report,
    Say,
    articled,
    entries,
    isEncodable,
    listing,
    nearest,
    noText,
    textTrouble,
)
from buildbot.config.model import KEEPALIVE, MISSING, ConfigError, SlaveConfig
from buildbot.config.standins import isStandIn

#: The names of the master's other logins. No bot may use one of them.
RESERVED_NAMES = ("debug", "change", "status", "statusClient")
KEEPALIVE_BOUNDS = (1.0, 86400.0)
OPTIONS = ("keepalive", "max_builds", "properties", "locks", "notify_on_missing", "missing_timeout", "latent")

#: A bot: its name, password and options, and a function that makes an error about it.
Bot = tuple[str, object, object, Say]


def slaves(raw: Raw) -> Iterator[SlaveConfig]:
    """Yield the slaves of C{c['bots']}. Call it only if L{botErrors} finds nothing."""
    for entry in entries(raw, "bots"):
        name, password, *rest = cast(Sequence[Any], entry)
        options = rest[0] if rest else {}
        yield SlaveConfig(
            name,
            password,
            float(options.get("keepalive", KEEPALIVE)),
            options.get("max_builds"),
            dict(options.get("properties", {})),
            tuple(options.get("locks", ())),
            _addresses(options.get("notify_on_missing")),
            float(options.get("missing_timeout", MISSING)),
            options.get("latent"),
        )


def names(raw: Raw) -> set[str]:
    """The names of the bots; unreadable ones are skipped."""
    return {entry[0] for entry in entries(raw, "bots") if _isPair(entry) and isinstance(entry[0], str)}


def _readable(raw: Raw, report: Report) -> list[Bot]:
    """The bots with the right shape (a tuple of the right length)."""
    return [
        (entry[0], entry[1], entry[2] if len(entry) == 3 else {}, report.item(raw, "bots", index, entry[0]))
        for index, entry in enumerate(entries(raw, "bots"))
        if _isPair(entry) and isinstance(entry[0], str)
    ]


def botErrors(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield the errors in C{c['bots']}, rule by rule."""
    yield from _shapes(raw, report)
    bots = _readable(raw, report)
    for rule in (_names, _passwords, _options):
        yield from rule(bots)


def botDoubts(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield the warnings about C{c['bots']}."""
    return _oddPasswords(_readable(raw, report))


def _shapes(raw: Raw, report: Report) -> Iterator[ConfigError]:
    whole = raw.get("bots")
    if _isPair(whole) and isinstance(whole[0], str) and isinstance(whole[1], str):
        yield report("c['bots'] must be a list of bots, not one bot: write […] around this bot", "bots")
        return
    for index, entry in enumerate(entries(raw, "bots")):
        say = report.item(raw, "bots", index)
        if isStandIn(entry):
            continue
        if not _isPair(entry):
            shape = "(name, password) or (name, password, {options})"
            size = f" of {len(entry)}" if isinstance(entry, (tuple, list)) else ""
            yield say(f"bot {index + 1} must be {shape}, not {articled(entry)}{size}")
        elif not isinstance(entry[0], str):
            yield say(f"bot {index + 1} must have text as its name")


def _isPair(entry: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(entry, (tuple, list)) and len(entry) in (2, 3)


def _names(bots: Sequence[Bot]) -> Iterator[ConfigError]:
    seen: set[str] = set()
    for name, _, _, say in bots:
        trouble = textTrouble(name)
        if trouble:
            yield say(f"bot {name!r} has a name that {trouble}")
        elif name in RESERVED_NAMES:
            own = f"{listing(RESERVED_NAMES)} are logins of the master's own"
            yield say(f"bot {name!r} has a reserved name: {own}")
        elif len(name.encode("utf-8")) > LONGEST_NAME:
            yield say(f"bot {name[:20]!r}… has a name of more than {LONGEST_NAME} bytes")
        elif name in seen:
            yield say(f"duplicate bot {name!r}: two bots have this name")
        seen.add(name)


def _passwords(bots: Sequence[Bot]) -> Iterator[ConfigError]:
    for name, password, _, say in bots:
        if not isinstance(password, str):
            yield say(f"bot {name!r}: the password must be text, not {noText(password)}")
        elif not password:
            yield say(f"bot {name!r}: the password is empty")
        elif not isEncodable(password):
            yield say(f"bot {name!r}: the password has characters that UTF-8 does not know")


def _options(bots: Sequence[Bot]) -> Iterator[ConfigError]:
    for name, _, options, say in bots:
        if not isinstance(options, dict):
            yield say(f"bot {name!r}: the options must be a dict, not {articled(options)}")
            continue
        for option, value in options.items():
            if option not in OPTIONS:
                hint = nearest(option, OPTIONS) if isinstance(option, str) else ""
                yield say(
                    f"bot {name!r}: unknown option {option!r}{hint or f'; there is {listing(OPTIONS)}'}"
                )
                continue
            trouble = _OPTION_RULES[option](value)
            if trouble:
                yield say(f"bot {name!r}: {option} must be {trouble}")


def _keepaliveTrouble(value: object) -> str:
    least, most = KEEPALIVE_BOUNDS
    return "" if _isKeepalive(value) else f"a number of seconds from {least:g} to {most:g}"


def _maxBuildsTrouble(value: object) -> str:
    good = value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 1)
    return "" if good else "a whole number, at least 1, or None"


def propertiesTrouble(value: object) -> str:
    """The fault of a dict of properties, in words that follow "must be"; or empty text."""
    if not isinstance(value, dict) or not all(isinstance(name, str) and name for name in value):
        return "a dict of property names and values"
    try:
        json.dumps(value, allow_nan=False, skipkeys=True, default=repr)
    except (ValueError, RecursionError):
        return "a dict of values that can be kept: no infinite number or nan, and nothing that holds itself"
    return ""


def _addresses(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value or ())


def _notifyTrouble(value: object) -> str:
    several = [value] if isinstance(value, str) or value is None else value
    good = isinstance(several, (list, tuple)) and all(
        each is None or (isinstance(each, str) and "@" in each and not textTrouble(each)) for each in several
    )
    return "" if good else "a mail address or a list of mail addresses"


def _missingTrouble(value: object) -> str:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 10**9
    return "" if good else "a number of seconds"


def _locksTrouble(value: object) -> str:
    return "" if isinstance(value, (list, tuple)) else "a list of locks"


def _latentTrouble(value: object) -> str:
    methods = (getattr(value, name, None) for name in ("start_instance", "stop_instance", "means"))
    return "" if value is None or all(map(callable, methods)) else "an AbstractLatentBuildSlave"


#: Option -> a function that returns the fault of a value in words, or empty text.
_OPTION_RULES: dict[str, Callable[[object], str]] = {
    "keepalive": _keepaliveTrouble,
    "max_builds": _maxBuildsTrouble,
    "properties": propertiesTrouble,
    "locks": _locksTrouble,
    "notify_on_missing": _notifyTrouble,
    "missing_timeout": _missingTrouble,
    "latent": _latentTrouble,
}


def _isKeepalive(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return KEEPALIVE_BOUNDS[0] <= value <= KEEPALIVE_BOUNDS[1]


def _oddPasswords(bots: Sequence[Bot]) -> Iterator[ConfigError]:
    for name, password, _, say in bots:
        if isinstance(password, str) and password != password.strip("\r\n"):
            yield say(f"bot {name!r}: the password has a line end around it; passwordFromFile takes that off")

# -*- test-case-name: tests.unit.control.test_protocol -*-
"""The commands of the control socket: the parameters of each command, and their kinds.

Each request is checked against this table first. Other modules carry out the commands.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

#: The largest whole number that every JSON reader keeps exactly.
_LARGEST = 2**53
#: The deepest nesting of a property's value.
_DEPTH = 20
#: The most characters of a wrong value in an error message.
_SHOWN = 60


class BadRequest(Exception):
    """A request does not fit the table. The message lists every error, for people."""


@dataclass(frozen=True)
class Kind:
    """I am one kind of parameter.

    @ivar words: the kind in words ("a name").
    @ivar accepts: returns True for a value of this kind.
    @ivar isRequired: whether the parameter must be given.
    """

    words: str
    accepts: Callable[[object], bool]
    isRequired: bool = False

    def optional(self) -> Kind:
        """The kind that also accepts null, and may be omitted."""
        accepts = self.accepts
        return replace(
            self,
            words=f"{self.words} or null",
            accepts=lambda value: value is None or accepts(value),
            isRequired=False,
        )


def _isText(value: object) -> bool:
    """True for text without lone surrogates: JSON can contain them, but UTF-8 cannot encode them."""
    return isinstance(value, str) and not any("\ud800" <= each <= "\udfff" for each in value)


def _isName(value: object) -> bool:
    return _isText(value) and value != ""


def _isNumber(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


def _isSeconds(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < 1e9  # type: ignore[operator]


def _isPlain(value: object, depth: int = _DEPTH) -> bool:
    """True for a JSON value that can be stored and sent to a slave."""
    if isinstance(value, str):
        return _isText(value)
    if isinstance(value, (list, dict)):
        parts = value if isinstance(value, list) else [*value, *value.values()]
        return depth > 0 and all(_isPlain(each, depth - 1) for each in parts)
    if isinstance(value, float):
        return math.isfinite(value)
    return value is None or (isinstance(value, int) and -_LARGEST <= value <= _LARGEST)


def _areProperties(value: object) -> bool:
    return isinstance(value, dict) and "" not in value and _isPlain(value)


def _areParams(value: object) -> bool:
    return isinstance(value, dict) and all(
        _isText(each) or (isinstance(each, list) and all(map(_isText, each)))
        for each in (*value, *value.values())
    )


NAME = Kind("a name", _isName, isRequired=True)
TEXT = Kind("text", _isText)
NUMBER = Kind(f"a whole number from 0 to {_LARGEST}", _isNumber)
LIMIT = Kind("a whole number from 1 on", lambda value: _isNumber(value) and value != 0)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
SECONDS = Kind("a number of seconds greater than 0", _isSeconds)
PARAMS = Kind("an object of names and texts, or lists of texts", _areParams)
NUMBERS = Kind("a list of numbers", lambda value: isinstance(value, list) and all(map(_isNumber, value)))
NAMES = Kind("a list of names", lambda value: isinstance(value, list) and all(map(_isName, value)))
TEXTS = Kind("a list of texts", lambda value: isinstance(value, list) and all(map(_isText, value)))
REVISION = Kind("text or a whole number", lambda value: _isText(value) or _isNumber(value))
TIME = Kind(
    "a number of seconds since 1970",
    lambda value: type(value) in (int, float) and 0 <= value < 1e12,  # type: ignore[operator]
)
PROPERTIES = Kind("an object of names and plain values", _areProperties)

#: The parameters of each command.
COMMANDS: Mapping[str, Mapping[str, Kind]] = {
    "status": {"slave": NAME.optional()},
    "reconfig": {"dryRun": FLAG, "timeout": SECONDS.optional(), "drain": FLAG, "who": TEXT},
    "progress": {},
    "shutdown": {"who": TEXT},
    "cancelshutdown": {"who": TEXT},
    "handover": {"who": TEXT, "timeout": SECONDS.optional(), "now": FLAG},
    "audit": {"count": NUMBER, "who": TEXT.optional(), "subject": TEXT.optional(), "cursor": TEXT},
    "account": {"name": NAME, "what": replace(TEXT, isRequired=True)},
    "tokens": {},
    "addtoken": {
        "name": NAME,
        "actions": replace(NAMES, isRequired=True),
        "builders": NAMES,
        "days": NUMBER,
        "owner": TEXT,
    },
    "revoketoken": {"name": NAME},
    "disconnect": {"slave": NAME},
    "names": {},
    "follow": {
        "since": TEXT,
        "known": NUMBER,
        "logins": Kind("a whole number", lambda value: type(value) is int),
        "unsettled": NAMES,
        "pending": NAMES,
        "wanted": NUMBERS,
        "why": FLAG,
        "wait": SECONDS,
        "reader": TEXT,
    },
    "used": {"key": NAME},
    "log": {
        "name": NAME,
        "offset": NUMBER,
        "most": LIMIT,
        "output": NUMBER.optional(),
        "wait": SECONDS,
    },
    "pass": {
        "port": replace(TEXT, isRequired=True),
        "method": NAME,
        "path": replace(TEXT, isRequired=True),
        "segments": replace(TEXTS, isRequired=True),
        "headers": replace(PARAMS, isRequired=True),
        "query": replace(PARAMS, isRequired=True),
        "body": TEXT,
        "peer": TEXT,
        "isSecure": FLAG,
    },
    "builds": {
        "builder": NAME.optional(),
        "count": NUMBER,
        "slave": NAME.optional(),
        "branch": TEXT.optional(),
        "revision": TEXT.optional(),
        "failed": FLAG,
        "since": TIME.optional(),
        "until": TIME.optional(),
    },
    "changes": {
        "count": NUMBER,
        "cursor": TEXT,
        "branch": TEXT.optional(),
        "author": TEXT.optional(),
        "revision": TEXT.optional(),
        "project": TEXT.optional(),
        "repository": TEXT.optional(),
        "since": TIME.optional(),
        "until": TIME.optional(),
    },
    "change": {"number": replace(NUMBER, isRequired=True)},
    "slave": {"slave": NAME, "count": NUMBER},
    "schedulers": {},
    "disk": {"buildHorizon": LIMIT.optional(), "buildDays": LIMIT.optional(), "logHorizon": LIMIT.optional()},
    "build": {"builder": NAME, "number": replace(NUMBER, isRequired=True)},
    "force": {
        "builder": NAME,
        "branch": TEXT.optional(),
        "revision": TEXT.optional(),
        "reason": TEXT,
        "properties": PROPERTIES.optional(),
        "who": TEXT,
        "scheduler": NAME.optional(),
        "params": PARAMS.optional(),
        "codebase": TEXT.optional(),
    },
    "parameters": {"builder": NAME},
    "stopbuild": {
        "builder": NAME,
        "number": NUMBER.optional(),
        "reason": TEXT,
        "who": TEXT,
        "pending": FLAG,
    },
    "rebuild": {
        "builder": NAME,
        "number": replace(NUMBER, isRequired=True),
        "reason": TEXT,
        "who": TEXT,
        "absolute": FLAG,
        "properties": PROPERTIES.optional(),
    },
    "request": {"builder": NAME, "request": replace(NUMBER, isRequired=True)},
    "cancel": {"builder": NAME, "request": NUMBER.optional(), "who": TEXT},
    "stopchange": {
        "change": replace(NUMBER, isRequired=True),
        "builder": NAME.optional(),
        "who": TEXT,
    },
    "sendchange": {
        "who": replace(TEXT, isRequired=True),
        "files": replace(TEXTS, isRequired=True),
        "comments": replace(TEXT, isRequired=True),
        "branch": TEXT.optional(),
        "revision": REVISION.optional(),
        "category": TEXT.optional(),
        "when": TIME.optional(),
        "revlink": TEXT.optional(),
        "properties": PROPERTIES.optional(),
        "links": TEXTS,
        "isdir": FLAG,
        "repository": TEXT.optional(),
        "project": TEXT.optional(),
        "codebase": TEXT.optional(),
    },
    "ping": {"builder": NAME},
    "pause": {"slave": NAME, "who": TEXT, "why": TEXT},
    "drain": {"slave": NAME, "who": TEXT, "why": TEXT},
    "unpause": {"slave": NAME},
}


def understand(line: bytes, commands: Mapping[str, Mapping[str, Kind]]) -> tuple[str, dict[str, Any]]:
    """Parse a request and return its command and its parameters, all known and of the right kinds.

    @param line: a JSON object.
    @raise BadRequest: with every error.
    """
    try:
        params = json.loads(line)
    except (ValueError, RecursionError):
        params = None
    if not isinstance(params, dict) or "command" not in params:
        raise BadRequest('not a control request: it must be a JSON object with a "command"')
    command = params.pop("command")
    if not isinstance(command, str) or command not in commands:
        raise BadRequest(f"this master knows no command {_shown(command)}")
    wrong = list(_wrong(params, commands[command]))
    if wrong:
        raise BadRequest(f"{command}: {'; '.join(wrong)}")
    return command, params


def _wrong(params: Mapping[str, object], kinds: Mapping[str, Kind]) -> list[str]:
    known = f" (known: {', '.join(kinds)})" if kinds else ""
    return [
        *(f"unknown parameter {_shown(name)}{known}" for name in params if name not in kinds),
        *(
            f"{name} is missing: {kind.words}"
            for name, kind in kinds.items()
            if kind.isRequired and name not in params
        ),
        *(
            f"{name} must be {kind.words}, not {_shown(params[name])}"
            for name, kind in kinds.items()
            if name in params and not kind.accepts(params[name])
        ),
    ]


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

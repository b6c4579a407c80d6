# -*- test-case-name: tests.unit.control.test_protocol -*-
"""The commands of the control socket: the parameters that each takes, and of what kind each of them is.

A request is held against this table before anything is done; what the commands do is elsewhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

#: Whole numbers up to here are the same for everybody who reads JSON.
_LARGEST = 2**53
#: A property may be a list of dicts of lists, but not for ever.
_DEPTH = 20
#: So much of a wrong value is shown to whoever sent it.
_SHOWN = 60


class BadRequest(Exception):
    """A request is not as the table wants it; str() says everything that is wrong, for people."""


@dataclass(frozen=True)
class Kind:
    """I am one kind of parameter.

    @ivar words: what is wanted, in words ("a name").
    @ivar accepts: whether a value is of this kind.
    @ivar isRequired: whether the parameter may not be left out.
    """

    words: str
    accepts: Callable[[object], bool]
    isRequired: bool = False

    def optional(self) -> Kind:
        """The same, or null."""
        accepts = self.accepts
        return replace(
            self,
            words=f"{self.words} or null",
            accepts=lambda value: value is None or accepts(value),
            isRequired=False,
        )


def _isText(value: object) -> bool:
    """Whether it is text that can be kept: JSON can spell half a character, UTF-8 cannot."""
    return isinstance(value, str) and not any("\ud800" <= each <= "\udfff" for each in value)


def _isName(value: object) -> bool:
    return _isText(value) and value != ""


def _isNumber(value: object) -> bool:
    return type(value) is int and 0 <= value <= _LARGEST


def _isSeconds(value: object) -> bool:
    return type(value) in (int, float) and 0 < value < 1e9  # type: ignore[operator]


def _isPlain(value: object, depth: int = _DEPTH) -> bool:
    """Whether a value of JSON can be kept, and be sent to a slave."""
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


NAME = Kind("a name", _isName, isRequired=True)
TEXT = Kind("text", _isText)
NUMBER = Kind(f"a whole number from 0 to {_LARGEST}", _isNumber)
FLAG = Kind("true or false", lambda value: isinstance(value, bool))
SECONDS = Kind("a number of seconds greater than 0", _isSeconds)
PROPERTIES = Kind("an object of names and plain values", _areProperties)

#: By command, its parameters.
COMMANDS: Mapping[str, Mapping[str, Kind]] = {
    "status": {"slave": NAME.optional()},
    "reconfig": {"dryRun": FLAG, "timeout": SECONDS.optional(), "drain": FLAG, "who": TEXT},
    "progress": {},
    "disconnect": {"slave": NAME},
    "builds": {"builder": NAME.optional(), "count": NUMBER},
    "build": {"builder": NAME, "number": replace(NUMBER, isRequired=True)},
    "force": {
        "builder": NAME,
        "branch": TEXT.optional(),
        "revision": TEXT.optional(),
        "reason": TEXT,
        "properties": PROPERTIES.optional(),
        "who": TEXT,
    },
    "stopbuild": {
        "builder": NAME,
        "number": NUMBER.optional(),
        "reason": TEXT,
        "who": TEXT,
        "pending": FLAG,
    },
    "pause": {"slave": NAME, "who": TEXT, "why": TEXT},
    "drain": {"slave": NAME, "who": TEXT, "why": TEXT},
    "unpause": {"slave": NAME},
}


def understand(line: bytes, commands: Mapping[str, Mapping[str, Kind]]) -> tuple[str, dict[str, Any]]:
    """The command and the parameters of a request; all of these are known and of the right kinds.

    @param line: an object in JSON.
    @raise BadRequest: with everything that is wrong.
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
    there = f" (there: {', '.join(kinds)})" if kinds else ""
    return [
        *(f"there is no parameter {_shown(name)}{there}" for name in params if name not in kinds),
        *(
            f"{name} is missing: {kind.words}"
            for name, kind in kinds.items()
            if kind.isRequired and name not in params
        ),
        *(
            f"{name} is {kind.words}, not {_shown(params[name])}"
            for name, kind in kinds.items()
            if name in params and not kind.accepts(params[name])
        ),
    ]


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"

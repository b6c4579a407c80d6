# -*- test-case-name: tests.unit.wire.test_environment -*-
"""Read variables of a slave's environment from its info. Slaves of 0.8 and workers tell their environment."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.wire.dialect import word

#: The most characters of a variable's value; longer ones count as missing.
LONGEST_VALUE = 64 * 1024
#: The most characters of all variables together that are kept of a slave.
LONGEST_ENVIRONMENT = 128 * 1024


def variablesOf(info: object, names: Sequence[str]) -> dict[str, str] | None:
    """The values of the variables that are set, by their names; None if the slave does not tell them.

    On Windows, upper and lower case do not matter.

    @param info: the slave's answer, which may be anything.
    """
    said = {_text(key): value for key, value in info.items()} if isinstance(info, dict) else {}
    environ = said.get("environ")
    if not isinstance(environ, dict):
        return None
    isWindows = _text(said.get("system")) == "nt"
    known = {
        _text(name).upper() if isWindows else _text(name): _text(value) for name, value in environ.items()
    }
    asked = {name: known.get(name.upper() if isWindows else name, "") for name in names}
    return {name: value for name, value in asked.items() if value and len(value) <= LONGEST_VALUE}


def environmentOf(info: object) -> dict[str, str]:
    """The environment that a slave tells; {} if it tells none. The rest of a very long one is left out.

    @param info: the slave's answer, which may be anything.
    """
    said = {_text(key): value for key, value in info.items()} if isinstance(info, dict) else {}
    environ, left = said.get("environ"), LONGEST_ENVIRONMENT
    kept: dict[str, str] = {}
    for name, value in environ.items() if isinstance(environ, dict) else ():
        pair = _text(name), _text(value)
        left -= sum(map(len, pair))
        if pair[0] and left >= 0:
            kept[pair[0]] = pair[1]
    return kept


def _text(value: object) -> str:
    said = word(value) if isinstance(value, (bytes, str)) else ""
    return said if isinstance(said, str) else ""

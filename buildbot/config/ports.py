# -*- test-case-name: tests.unit.config.test_ports -*-
"""Check and convert the value of C{c['slavePortnum']}.

This module opens no port. Twisted's own parser, which loads plug-ins, decides when the port is opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from buildbot.config.messages import articled, digits, nearest, quoted

#: The kinds of ports that Twisted supports -> the names of their arguments; None: not checked.
KINDS: dict[str, frozenset[str] | None] = {
    "tcp": frozenset({"port", "interface", "backlog"}),
    "tcp6": frozenset({"port", "interface", "backlog"}),
    "ssl": frozenset(
        "port interface backlog privateKey certKey sslmethod extraCertChain dhParameters".split(),
    ),
    "tls": None,
    "unix": None,
    "systemd": None,
    "haproxy": None,
}
#: Kind -> the names of the arguments that may be given without a name, by their places.
_PLACES = {
    "tcp": {"0": "port", "1": "interface", "2": "backlog"},
    "tcp6": {"0": "port", "1": "backlog", "2": "interface"},
    "ssl": {"0": "port"},
}


class BadPort(Exception):
    """A port's description is not valid; the message says why."""


def portsOf(value: object) -> list[object]:
    """The ports in C{c['slavePortnum']} as a list: the value is an int, a description, or a list."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def describe(port: object) -> str:
    """The strports description of one port. Port 0 means any free port, as in 0.7.5.

    @raise BadPort: it is neither a port number nor a possible description.
    """
    if isinstance(port, str) and re.fullmatch(r"[0-9]+", port):
        port = _number(port)
    if isinstance(port, int) and not isinstance(port, bool):
        if not 0 <= port <= 65535:
            free = "0 is any that is free"
            raise BadPort(f"there is no port {digits(port)}: a port is a number from 1 to 65535, and {free}")
        return f"tcp:{port}"
    if not isinstance(port, str):
        raise BadPort(f"a port is a number or a text such as 'tcp:9989', not {articled(port)}")
    _check(port)
    return port


def inOneForm(description: str) -> str:
    """A description in the form that all descriptions of the same TCP or SSL port share.

    C{tcp:port=8010:interface=0.0.0.0} becomes C{tcp:8010}. Descriptions of other kinds are unchanged.
    """
    kind, *rest = _split(description)
    places = _PLACES.get(kind)
    if places is None:
        return description
    given = {places.get(name, name): value for name, value in _arguments(rest)}
    if any(name.isdigit() for name in given):
        return description
    port = _number(given.pop("port"))
    if given.get("interface") in ("", "::" if kind == "tcp6" else "0.0.0.0"):
        del given["interface"]
    words = [f"{name}={_escaped(given[name])}" for name in sorted(given)]
    return ":".join([kind, str(port), *words])


class TCP(NamedTuple):
    """A TCP port.

    @ivar interface: the address of the interface; "" for all.
    @ivar backlog: how many connections may wait to be accepted; 0 for the usual number.
    """

    port: int
    interface: str
    backlog: int


def plainTCP(description: str) -> TCP | None:
    """The port of a description of the kind C{tcp}; None for another kind or with unknown arguments."""
    kind, *rest = _split(description)
    if kind != "tcp":
        return None
    given = {_PLACES[kind].get(name, name): value for name, value in _arguments(rest)}
    numbers = (given.get("port", ""), given.get("backlog", "0"))
    if set(given) - {"port", "interface", "backlog"} or not all(
        re.fullmatch("[0-9]+", each) for each in numbers
    ):
        return None
    return TCP(_number(numbers[0]), given.get("interface", ""), _number(numbers[1]))


def address(description: str) -> tuple[str, str] | None:
    """The (interface, port) that a TCP description binds, "" for every interface; None for any other kind."""
    kind, *rest = _split(description)
    if kind not in ("tcp", "ssl"):
        return None
    given = dict(_arguments(rest))
    port = given.get("port", given.get("0", ""))
    return None if port in ("", "0") else (given.get("interface", ""), port.lstrip("0"))


def _number(port: str) -> int:
    """Convert digits to a number. Six digits suffice for an error; Python refuses thousands of them."""
    return int(port.lstrip("0")[:6] or "0")


def _check(description: str) -> None:
    kind, *rest = _split(description)
    given = dict(_arguments(rest))
    if kind not in KINDS:
        hint = nearest(kind, KINDS)
        if hint or not rest or not re.fullmatch(r"[a-z][a-z0-9]*", kind):
            told = hint or "; tcp:9989 would do"
            raise BadPort(f"{quoted(description)} does not say where to listen{told}")
        return  # the kind of a plug-in
    if not any(given.values()):
        raise BadPort(f"{quoted(description)} says nothing after {kind}: give a port or a path")
    names = KINDS[kind]
    if names is None:
        return
    for name in given:
        if name not in names and not name.isdigit():
            raise BadPort(f"{quoted(description)}: {kind} takes no argument {name!r}{nearest(name, names)}")
    if [*given] != sorted(given, key=lambda name: not name.isdigit()):
        raise BadPort(f"{quoted(description)}: after an argument with a name, a colon must be written as \\:")
    port = given.get("port", given.get("0", ""))
    if not re.fullmatch(r"[0-9]+", port) or _number(port) > 65535:
        raise BadPort(f"{quoted(description)} names no port: give a number from 0 to 65535")


def _split(description: str) -> list[str]:
    """Split at colons; a backslash escapes the next character.

    @raise BadPort: the text ends in a backslash.
    """
    if re.search(r"(?<!\\)(\\\\)*\\$", description):
        raise BadPort(f"{quoted(description)} ends with a lone backslash")
    return [re.sub(r"\\(.)", r"\1", part) for part in re.findall(r"(?:^|:)((?:[^:\\]|\\.)*)", description)]


def _escaped(value: str) -> str:
    return re.sub(r"([\\:=])", r"\\\1", value)


def _arguments(parts: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the arguments as (name, value). An argument without a name has its position as name."""
    for position, part in enumerate(parts):
        name, equals, value = part.partition("=")
        yield (name, value) if equals else (str(position), part)

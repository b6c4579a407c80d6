# -*- test-case-name: tests.unit.store.test_address -*-
"""The address of a store: a file in the master's directory, or a database of a PostgreSQL server.

These are values and rules only: nothing is opened. L{buildbot.store.place} finds the address of a master.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote

from buildbot.text.printable import plainLine
from buildbot.text.similar import closest

#: The beginnings of addresses of servers.
SCHEMES = ("postgresql", "postgres")
#: The addresses of the file, as people of 0.8 and later write them.
_OF_FILE = ("sqlite://", "sqlite:///state.sqlite")

#: libpq's settings that an address may have.
_KNOWN = frozenset(
    """
    application_name channel_binding connect_timeout dbname fallback_application_name gssdelegation gssencmode
    gsslib host hostaddr keepalives keepalives_count keepalives_idle keepalives_interval krbsrvname
    load_balance_hosts options passfile port require_auth requirepeer service ssl_max_protocol_version
    ssl_min_protocol_version sslcert sslcertmode sslcrl sslcrldir sslkey sslmode sslnegotiation sslrootcert
    sslsni target_session_attrs tcp_user_timeout user
    """.split()
)
#: Those that it may not have, and why.
_REFUSED = {
    "password": 'a password does not belong in it: write it in a file, and `dbPasswordFile = "FILE"`',
    "sslpassword": "a password does not belong in it: use a key without one, which only the master can read",
    "client_encoding": "the store always uses UTF-8: leave that out",
    "replication": "the store is no standby: leave that out",
}
_VALUES: Mapping[str, tuple[str, ...]] = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    # Only the primary can be written.
    "target_session_attrs": ("read-write", "primary", "any"),
}
#: Said of a store in PostgreSQL if the package for it is missing; with the error of its import.
MISSING = (
    "the store is in PostgreSQL, but the Python package psycopg cannot be imported ({error}):"
    " pip install 'buildbot-classic[postgres]'"
)
_PARTS = ("user", "host", "port", "dbname")


class BadAddress(Exception):
    """An address cannot be used. str() says why and what to write, and never has a password."""


@dataclass(frozen=True)
class Server:
    """I am the address of a database on a PostgreSQL server.

    @ivar settings: libpq's settings by name, without a password. Those that are missing come from the
        environment, the service file and libpq itself.
    """

    settings: Mapping[str, str] = field(default_factory=dict)

    def shown(self) -> str:
        """The address for people. It has no password, because none is in the settings."""
        hosts = self.settings.get("host", "").split(",")
        ports = self.settings.get("port", "").split(",")
        if len(ports) not in (1, len(hosts)):
            ports = [""]
        ports = ports * len(hosts) if len(ports) == 1 else ports
        places = (_place(host, port) for host, port in zip(hosts, ports, strict=True))
        user = self.settings.get("user", "")
        rest = {name: value for name, value in self.settings.items() if name not in _PARTS}
        database = self.settings.get("dbname", "")
        asked = "&".join(f"{name}={quote(value, safe='/:,+-._')}" for name, value in sorted(rest.items()))
        return plainLine(
            f"postgresql://{quote(user, safe='') + '@' if user else ''}{','.join(places)}"
            f"{'/' + quote(database, safe='') if database else ''}{'?' + asked if asked else ''}"
        )

    def conninfo(self, password: str = "") -> str:
        """All settings as libpq wants them, with those that the store needs. Do not show it to people.

        @param password: "" leaves it to libpq.
        """
        wanted = dict(self.settings)
        if "," in wanted.get("host", "") or "," in wanted.get("hostaddr", ""):
            wanted.setdefault("target_session_attrs", "read-write")
        if password:
            wanted["password"] = password
        return " ".join(f"{name}={_quoted(value)}" for name, value in wanted.items())


def parse(text: str) -> Server | None:
    """The server of an address; None if it means the file in the directory. Raises L{BadAddress}."""
    if text in _OF_FILE or not text:
        return None
    scheme, colon, rest = text.partition("://")
    if not colon:
        raise BadAddress(
            "it is no address: write postgresql://USER@HOST/DATABASE, or delete the line to use the file"
            " state.sqlite in the directory"
        )
    if scheme not in SCHEMES:
        raise BadAddress(_wrongScheme(scheme.lower()))
    if re.search(r"[\x00-\x20\x7f]", text):
        raise BadAddress("it has a space or a control character: write %20 for a space")
    if ":" in rest.rpartition("@")[0]:
        # Nothing of such a text is quoted: where its password ends is unknown.
        raise BadAddress(f"{_REFUSED['password']} (or, if none is there, write %40 for the last @)")
    rest, _, asked = rest.partition("?")
    settings = _named(rest)
    for name, value in _asked(asked):
        if name in settings:
            raise BadAddress(f"it says {name} twice: leave one out")
        settings[name] = value
    _check(settings)
    return Server(settings)


def _wrongScheme(scheme: str) -> str:
    if scheme.partition("+")[0] in SCHEMES:
        return f"it begins with {scheme}://, as for SQLAlchemy: write postgresql://"
    if scheme.startswith("sqlite"):
        return "the file of a store is always state.sqlite in the directory of the master: delete the line"
    if scheme.startswith("mysql"):
        return "MySQL cannot hold the store: use postgresql://, or delete the line to use a file"
    return f"{plainLine(scheme)}:// is unknown: it must begin with postgresql://"


def _named(rest: str) -> dict[str, str]:
    """The settings before the question mark: C{USER@HOST:PORT,HOST:PORT/DATABASE}."""
    if "#" in rest:
        raise BadAddress("it has a #: write %23 for that")
    user, at, rest = rest.rpartition("@")
    if at and not user:
        raise BadAddress("there is no user before the @: leave the @ out")
    places, _, database = rest.partition("/")
    if "/" in database:
        raise BadAddress("the name of the database has a /: write %2F for that")
    hosts, ports = [], []
    for place in places.split(",") if places else ():
        host, port = _split(place)
        hosts.append(host)
        ports.append(port)
    found = {"user": user, "host": ",".join(hosts), "port": ",".join(ports), "dbname": database}
    if not any(ports):
        found["port"] = ""
    return {name: _decoded(value) for name, value in found.items() if value}


def _split(place: str) -> tuple[str, str]:
    """The host and the port of one place; "" for a missing port."""
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise BadAddress("the host begins with [ but no address of IPv6 follows: write [::1]:5432")
        return host, port[1:]
    host, _, port = place.partition(":")
    if ":" in port:
        raise BadAddress("a host has two colons: write [ and ] around an address of IPv6, as in [::1]:5432")
    return host, port


def _asked(asked: str) -> list[tuple[str, str]]:
    """The settings behind the question mark, in order."""
    found = []
    for each in asked.split("&") if asked else ():
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise BadAddress("behind the ? there must be NAME=VALUE, with & between them")
        found.append((_decoded(name), _decoded(value)))
    return found


def _check(settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        if name in _REFUSED:
            raise BadAddress(_REFUSED[name])
        if name not in _KNOWN:
            near = closest(name, _KNOWN)
            hint = f": did you mean {near}?" if near else ""
            raise BadAddress(f"{plainLine(name)} is no setting of a connection to PostgreSQL{hint}")
        if name in _VALUES and value not in _VALUES[name]:
            raise BadAddress(f"{name} must be {_either(_VALUES[name])}, not {plainLine(value)!r}")
    for port in settings.get("port", "").split(","):
        if port and not (re.fullmatch("[0-9]{1,5}", port) and 0 < int(port) < 65536):
            raise BadAddress(f"{plainLine(port)!r} is no port: a port is a number from 1 to 65535")
    seconds = settings.get("connect_timeout", "1")
    if not re.fullmatch("[0-9]{1,4}", seconds):
        raise BadAddress(f"connect_timeout must be a number of seconds, not {plainLine(seconds)!r}")


def _either(values: tuple[str, ...]) -> str:
    return f"{', '.join(values[:-1])} or {values[-1]}"


def _decoded(text: str) -> str:
    """The text with C{%XX} replaced."""
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        raise BadAddress("it has a % without two digits of a code behind it: write %25 for that")
    try:
        found = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise BadAddress("it has codes with % that are no text in UTF-8") from None
    if "\0" in found:
        raise BadAddress("it has a NUL character")
    return found


def _place(host: str, port: str) -> str:
    host = f"[{host}]" if ":" in host else quote(host, safe="")
    return f"{host}:{port}" if port else host


def _quoted(value: str) -> str:
    """A value of a setting in libpq's quotes."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"

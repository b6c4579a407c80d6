# -*- test-case-name: tests.unit.config.test_later -*-
"""BuildSlave, as files of 0.7.6 to 0.8 write their slaves: an entry of C{c['slaves']}.

L{buildbot.config.later} turns it into an entry of C{c['bots']}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import COUNT, NAME, PASSWORD, SECONDS, SOME_SECONDS, isText, orNone, sequenceOf

_ADDRESSES = Kind(
    "an address or a list of addresses (texts)", lambda value: isText(value) or sequenceOf(isText)(value)
)
_PROPERTIES = Kind("a dict of property names and values", lambda value: isinstance(value, Mapping))
_LOCKS = Kind("a list of locks", lambda value: isinstance(value, (list, tuple)))


class _Properties(dict[str, Any]):
    """I am the properties of a slave, for the file to read."""

    def getProperty(self, name: str, default: object = None) -> Any:
        """The value of a property, or C{default} if it is not set."""
        return self.get(name, default)

    def hasProperty(self, name: str) -> bool:
        """True if a property is set."""
        return name in self


class BuildSlave(ComparableMixin):
    """I am one slave of the configuration.

    @ivar slavename: its name; L{password} is for its login.
    @ivar properties: a copy of the properties of every build on it, for the file to read.
    """

    compare_attrs = ("slavename", "password", "options", "locks", "notify_on_missing", "missing_timeout")

    @arguments(
        name=NAME,
        password=PASSWORD,
        max_builds=orNone(COUNT, "no limit"),
        notify_on_missing=orNone(_ADDRESSES),
        missing_timeout=orNone(SECONDS),
        properties=orNone(_PROPERTIES),
        locks=orNone(_LOCKS),
        keepalive_interval=orNone(SOME_SECONDS),
    )
    def __init__(
        self,
        name: str,
        password: str,
        max_builds: int | None = None,
        notify_on_missing: str | Sequence[str] | None = None,
        missing_timeout: float | None = 3600,
        properties: Mapping[str, Any] | None = None,
        locks: Sequence[Any] | None = None,
        keepalive_interval: float | None = None,
    ) -> None:
        """@param max_builds: the most builds that run there at a time; None: one for each builder.
        @param properties: properties of every build on the slave.
        @param locks: locks that every build on the slave holds.
        @param keepalive_interval: seconds of silence after which the master probes the slave.
        @param notify_on_missing: to whom to write when the slave is away for C{missing_timeout} seconds.
        """
        remember(self)
        self.slavename = name
        self.password = password
        self.locks = list(locks or ())
        self.notify_on_missing = notify_on_missing
        self.missing_timeout = missing_timeout
        given: dict[str, Any] = {
            "max_builds": max_builds,
            "properties": properties,
            "keepalive": keepalive_interval,
        }
        if notify_on_missing:
            given |= {"notify_on_missing": notify_on_missing, "missing_timeout": missing_timeout}
        self.properties = _Properties(properties or {})
        self.options = {option: value for option, value in given.items() if value is not None}

    @property
    def name(self) -> str:
        """The name of the slave. Some subclasses set it again."""
        return self.slavename

    @name.setter
    def name(self, name: str) -> None:
        self.slavename = name

    workername = name

    def __repr__(self) -> str:
        return f"BuildSlave({self.slavename!r})"

    def asBot(self) -> tuple[str, str, dict[str, Any]]:
        """The entry for C{c['bots']}."""
        options = {**self.options, "locks": self.locks} if self.locks else self.options
        return self.slavename, self.password, dict(options)

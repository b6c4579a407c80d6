# -*- test-case-name: tests.unit.config.test_model -*-
"""The configuration as frozen values, and its errors.

L{buildbot.config.load} creates these values. All other modules only read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property, partial
from types import FunctionType, MappingProxyType, MethodType
from typing import Any, Protocol, runtime_checkable

from buildbot.config.compare import ComparableMixin

#: The seconds of silence after which the master probes a slave; the default.
KEEPALIVE = 120.0
#: The seconds after which a slave that is away counts as missing.
MISSING = 3600.0


#: The value of C{c['whenStoreIsAway']} that disconnects all slaves.
CUT = "cut"


class Unset(Enum):
    """The value of a key that the file does not have, where None has a meaning of its own."""

    UNSET = "not given"


@dataclass(frozen=True, order=True)
class ConfigError:
    """One error or warning about a configuration, in words for its author.

    @ivar message: one sentence, without the place. Never holds a password.
    @ivar filename: the file, relative to the master's directory if below it; None if unknown.
    @ivar line: counted from 1; None if unknown.
    """

    message: str
    filename: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = [str(each) for each in (self.filename, self.line) if each is not None]
        return f"{':'.join(place)}: {self.message}" if place else self.message


class ConfigErrors(Exception):
    """A configuration cannot be used.

    @ivar errors: one or more L{ConfigError}.
    @ivar warnings: the warnings, each a L{ConfigError}.
    """

    def __init__(self, errors: Iterable[ConfigError], warnings: Iterable[ConfigError] = ()) -> None:
        self.errors = tuple(errors)
        self.warnings = tuple(warnings)
        super().__init__(self.errors, self.warnings)

    def __str__(self) -> str:
        return "\n".join(str(each) for each in self.errors)


class SiteRule(ComparableMixin):
    """I am a rule of the configuration, such as a function.

    Rules are equal if their values are, also if functions come from two loads of the file.

    @ivar says: the value.
    @ivar failed: True if the function has raised; that is logged once.
    """

    compare_attrs = ("says",)

    def __init__(self, says: bool | Callable[..., object]) -> None:
        self.says = says
        self.failed = False

    def _compared(self) -> dict[str, object]:
        """The values to compare. An object without a comparison is compared by its attributes."""
        says = self.says
        if type(says).__eq__ is object.__eq__ and not isinstance(says, (FunctionType, MethodType, partial)):
            return {"class": type(says), "attributes": dict(getattr(says, "__dict__", {}))}
        return super()._compared()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.says!r})"


class MergeRule(SiteRule):
    """
    I am the rule in C{mergeRequests}: which pending requests of a builder may share a build.

    @ivar says: True: requests of the same source and properties; False: none; or a function of the builder
        and two requests.
    """


@dataclass(frozen=True)
class SlaveConfig:
    """One entry of C{c['bots']}.

    @ivar keepalive: the seconds of silence after which the master probes the slave.
    @ivar max_builds: the most builds that may run there at a time; None: one for each builder.
    @ivar properties: properties of every build on this slave: name -> value.
    @ivar locks: locks that every build on this slave holds.
    @ivar notify: the mail addresses that are told when the slave is missing.
    @ivar missing: the seconds after which it is missing.
    @ivar latent: starts and stops it when a build needs it: an L{AbstractLatentBuildSlave
        <buildbot.latent.buildslave.AbstractLatentBuildSlave>}; None for other slaves.
    """

    name: str
    password: str = field(repr=False)
    keepalive: float = KEEPALIVE
    max_builds: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)
    locks: tuple[object, ...] = field(default=(), hash=False)
    notify: tuple[str, ...] = ()
    missing: float = MISSING
    latent: object | None = field(default=None, hash=False)


@dataclass(frozen=True)
class BuilderConfig:
    """One entry of C{c['builders']}, compared by value.

    @ivar slavenames: one or more slave names, without duplicates.
    @ivar builddir: its directory, relative to the slave's own, exactly as written.
    @ivar factory: creates the builds: an object with C{steps} or C{newBuild}.
    @ivar locks: lock objects, each with a C{name}.
    @ivar mergeRequests: the rule for requests that share a build; None: the master's C{mergeRequests}.
    @ivar properties: properties of every build: name -> value.
    @ivar env: variables of every command: name -> value. Those of a step count more.
    @ivar nextBuild: a function that chooses a waiting request; C{nextSlave} chooses a slave for it, and
        C{canStartBuild} returns whether a slave may build it.
    @ivar tags: words for grouping.
    """

    name: str
    slavenames: tuple[str, ...]
    builddir: str
    factory: object
    category: str | None = None
    locks: tuple[object, ...] = ()
    mergeRequests: MergeRule | None = None
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)
    env: Mapping[str, Any] = field(default_factory=dict, hash=False)
    description: str | None = None
    nextBuild: SiteRule | None = None
    nextSlave: SiteRule | None = None
    canStartBuild: SiteRule | None = None
    tags: tuple[str, ...] = ()


@runtime_checkable
class IsLogStorage(Protocol):
    """A value of C{c['logStorage']}: see L{buildbot.logstorage.s3.S3}."""

    @property
    def place(self) -> str:
        """The place of the objects, in words: server, bucket and prefix."""

    @property
    def spoolLimit(self) -> int | None:
        """The most bytes of logs that may wait while builds begin."""


@dataclass(frozen=True)
class MasterConfig:
    """The complete configuration. Equality does not depend on the file's path.

    @ivar slaves: name -> L{SlaveConfig}, in the order of the file.
    @ivar builders: name -> L{BuilderConfig}, in the order of the file.
    @ivar schedulers: the schedulers, in the order of the file; so are C{sources} and C{status}.
    @ivar ports: strports descriptions of the slave ports; a plain number N becomes C{"tcp:N"}.
    @ivar properties: properties of every build: name -> value.
    @ivar prioritizeBuilders: a function of the master and the builders with waiting requests. It returns
        them in the order in which they get slaves.
    @ivar buildHorizon: the number of builds kept for each builder; None: all.
    @ivar buildDays: the most days that a build is kept; None: any age.
    @ivar logHorizon: the number of builds of each builder whose logs are kept; None: all that are kept.
    @ivar eventHorizon: the number of events in memory for each slave and builder; None: the usual number.
    @ivar changeHorizon: the number of changes kept; None or 0: all.
    @ivar logMaxTotalSize: the most bytes of all logs of finished builds; None: no limit.
    @ivar logStorage: the bucket for logs of finished builds: an L{IsLogStorage}; None: they stay local.
    @ivar revlink: a function of a revision and its repository. It returns the address of a page, or None.
    @ivar codebaseGenerator: a function of the dictionary of a change without a codebase. It returns the name
        of its codebase.
    @ivar whenStoreIsAway: L{CUT} to disconnect all slaves before another master may take over; None: only
        those whose builds hold a C{MasterLock}.
    @ivar warnings: the warnings. They do not count in comparisons.
    @ivar modules: the imported files below the master's directory, relative to it, in order of import.
        They do not count in comparisons.
    @ivar secrets: the passwords that the file has read from files and the environment. No page shows them.
        They do not count in comparisons.
    @ivar isLater: whether the file is in the style of 0.7.6 and later: a property that is not set is None
        for its code, and no error. It does not count in comparisons.
    """

    slaves: Mapping[str, SlaveConfig] = field(default_factory=dict)
    builders: Mapping[str, BuilderConfig] = field(default_factory=dict)
    schedulers: tuple[object, ...] = ()
    sources: tuple[object, ...] = ()
    status: tuple[object, ...] = ()
    ports: tuple[str, ...] = ()
    debugPassword: str | None = field(default=None, repr=False)
    manhole: object | None = None
    projectName: str = ""
    projectURL: str | None = None
    buildbotURL: str | None = None
    mergeRequests: MergeRule = field(default_factory=lambda: MergeRule(True))
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)
    prioritizeBuilders: Callable[[Any, Any], object] | None = field(default=None, hash=False)
    revlink: Callable[[str, str], str | None] | None = field(default=None, hash=False)
    codebaseGenerator: Callable[[dict[str, Any]], object] | None = field(default=None, hash=False)
    whenStoreIsAway: str | None = None
    buildHorizon: int | Unset | None = Unset.UNSET
    buildDays: float | Unset | None = Unset.UNSET
    logHorizon: int | None = None
    eventHorizon: int | None = None
    changeHorizon: int | Unset | None = Unset.UNSET
    logMaxTotalSize: int | None = None
    logStorage: object | None = None
    warnings: tuple[ConfigError, ...] = field(default=(), compare=False)
    modules: tuple[str, ...] = field(default=(), compare=False)
    secrets: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    isLater: bool = field(default=False, compare=False)

    def __post_init__(self) -> None:
        keep = object.__setattr__  # the only way to set an attribute of a frozen value
        keep(self, "slaves", MappingProxyType(dict(self.slaves)))
        keep(self, "builders", MappingProxyType(dict(self.builders)))

    @cached_property
    def _lists(self) -> Mapping[str, tuple[tuple[str, str], ...]]:
        lists: dict[str, list[tuple[str, str]]] = {}
        for builder in self.builders.values():
            for slavename in builder.slavenames:
                lists.setdefault(slavename, []).append((builder.name, builder.builddir))
        return {name: tuple(pairs) for name, pairs in lists.items()}

    def builderList(self, slavename: str) -> tuple[tuple[str, str], ...]:
        """The (builder name, builddir) pairs of a slave, in the order of the file; () if it has none."""
        return self._lists.get(slavename, ())

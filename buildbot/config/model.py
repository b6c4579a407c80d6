# -*- test-case-name: tests.unit.config.test_model -*-
"""What a configuration says, as frozen values, and what is wrong with one.

Nothing is checked or loaded here: L{buildbot.config.load} makes these, and all others only read them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import FunctionType, MappingProxyType, MethodType
from typing import Any

from buildbot.config.compare import ComparableMixin

#: Seconds without a byte from a slave before the master asks whether it is still there.
KEEPALIVE = 120.0


@dataclass(frozen=True, order=True)
class ConfigError:
    """One thing that is wrong in a configuration, or only suspicious, in words for whoever wrote it.

    @ivar message: one sentence, without the place. Never holds a password.
    @ivar filename: the file, relative to the master's directory where it is below it; None: not known.
    @ivar line: counted from 1; None: not known.
    """

    message: str
    filename: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        place = [str(each) for each in (self.filename, self.line) if each is not None]
        return f"{':'.join(place)}: {self.message}" if place else self.message


class ConfigErrors(Exception):
    """A configuration cannot be used: all that is wrong with it, and what else was noticed.

    @ivar errors: at least one L{ConfigError}.
    @ivar warnings: what would have been let pass.
    """

    def __init__(self, errors: Iterable[ConfigError], warnings: Iterable[ConfigError] = ()) -> None:
        self.errors = tuple(errors)
        self.warnings = tuple(warnings)
        super().__init__(self.errors, self.warnings)

    def __str__(self) -> str:
        return "\n".join(str(each) for each in self.errors)


class MergeRule(ComparableMixin):
    """
    I am what C{mergeRequests} says: which waiting requests of a builder one build may serve.

    Equal to another rule that says the same, also where that is a function of another load of the file.

    @ivar says: True: requests of the same source and properties; False: none; or a function of the builder
        and two requests.
    @ivar failed: whether the function has raised, which is logged once.
    """

    compare_attrs = ("says",)

    def __init__(self, says: bool | Callable[[Any, Any, Any], object]) -> None:
        self.says = says
        self.failed = False

    def _compared(self) -> dict[str, object]:
        """An object of a class of master.cfg, which may not know how to compare, is what is in it."""
        says = self.says
        if type(says).__eq__ is object.__eq__ and not isinstance(says, (FunctionType, MethodType, partial)):
            return {"class": type(says), "attributes": dict(getattr(says, "__dict__", {}))}
        return super()._compared()

    def __repr__(self) -> str:
        return f"MergeRule({self.says!r})"


@dataclass(frozen=True)
class SlaveConfig:
    """One entry of C{c['bots']}.

    @ivar keepalive: seconds of silence after which the master probes the slave.
    @ivar max_builds: how many builds may run there at a time; None: as many as there are builders.
    @ivar properties: of every build there: name -> value.
    """

    name: str
    password: str = field(repr=False)
    keepalive: float = KEEPALIVE
    max_builds: int | None = None
    properties: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class BuilderConfig:
    """One entry of C{c['builders']}, compared by value.

    @ivar slavenames: the slaves that may build for it, each once; at least one.
    @ivar builddir: its directory below a slave's own, exactly as written.
    @ivar factory: what makes its builds: has C{steps} or C{newBuild}.
    @ivar locks: lock objects, each with a C{name}.
    @ivar mergeRequests: which requests share a build; None: as the master's C{mergeRequests} says.
    """

    name: str
    slavenames: tuple[str, ...]
    builddir: str
    factory: object
    category: str | None = None
    locks: tuple[object, ...] = ()
    mergeRequests: MergeRule | None = None


@dataclass(frozen=True)
class MasterConfig:
    """All that a master.cfg says. Equal to another one that says the same, wherever it was loaded from.

    @ivar slaves: name -> L{SlaveConfig}, in the order of the file.
    @ivar builders: name -> L{BuilderConfig}, in the order of the file.
    @ivar schedulers: the schedulers, in the order of the file; so are C{sources} and C{status}.
    @ivar ports: strports descriptions of where slaves connect; a plain number N is C{"tcp:N"}.
    @ivar warnings: what was noticed while loading. Does not count when configurations are compared.
    @ivar modules: the files below the master's directory that were imported, relative to it, in the order of
        their import. Does not count either.
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
    warnings: tuple[ConfigError, ...] = field(default=(), compare=False)
    modules: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        keep = object.__setattr__  # the one way to set an attribute of a frozen value
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

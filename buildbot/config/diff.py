# -*- test-case-name: tests.unit.config.test_diff -*-
"""The difference between two configurations, as values. This module applies nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from buildbot.config.compare import sameValue
from buildbot.config.horizons import KEYS as HORIZONS
from buildbot.config.kept import isEqual, isSameManhole, pluginPairs
from buildbot.config.logstorage import storageChange
from buildbot.config.model import BuilderConfig, MasterConfig, SlaveConfig, Unset
from buildbot.text.secrets import isSecret
from buildbot.text.urls import withoutPasswords

#: The most characters of a value in a line about a change.
_SHORT = 60
#: The keys with a single value, by their names in ConfigChange.settings.
SETTINGS = (
    "debugPassword",
    "manhole",
    "projectName",
    "projectURL",
    "buildbotURL",
    "mergeRequests",
    "properties",
    "prioritizeBuilders",
    "revlink",
    "codebaseGenerator",
    "whenStoreIsAway",
    "logStorage",
    *HORIZONS,
)


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Item = TypeVar("_Item", bound=_Named)


@dataclass(frozen=True)
class ConfigChange:
    """The difference between two configurations, in the order to apply it: removed, added, altered.

    @ivar slavesAltered: (old, new) pairs; so is C{buildersAltered}.
    @ivar listsChanged: the names of remaining slaves with a different builder list; order does not count.
    @ivar schedulersRemoved: old objects without an equal new one; likewise sources and status.
    @ivar schedulersAdded: new objects without an equal old one; likewise sources and status.
    @ivar settings: the names of the other changed keys, see L{SETTINGS}.
    @ivar values: some of these names, each with its old and its new value in words.
    @ivar reordered: C{"bots"}, C{"builders"} or both, if their remaining items have a new order.
    """

    slavesRemoved: tuple[str, ...] = ()
    slavesAdded: tuple[SlaveConfig, ...] = ()
    slavesAltered: tuple[tuple[SlaveConfig, SlaveConfig], ...] = ()
    buildersRemoved: tuple[str, ...] = ()
    buildersAdded: tuple[BuilderConfig, ...] = ()
    buildersAltered: tuple[tuple[BuilderConfig, BuilderConfig], ...] = ()
    listsChanged: tuple[str, ...] = ()
    portsRemoved: tuple[str, ...] = ()
    portsAdded: tuple[str, ...] = ()
    schedulersRemoved: tuple[object, ...] = ()
    schedulersAdded: tuple[object, ...] = ()
    sourcesRemoved: tuple[object, ...] = ()
    sourcesAdded: tuple[object, ...] = ()
    statusRemoved: tuple[object, ...] = ()
    statusAdded: tuple[object, ...] = ()
    settings: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()
    reordered: tuple[str, ...] = ()

    def isEmpty(self) -> bool:
        """True if the two configurations are equal."""
        return self == _NOTHING

    def describe(self) -> tuple[str, ...]:
        """One line for each change: C{"+ bot b7"}, C{"~ bot b3: new password"}. Never a password."""
        return tuple(_lines(self))


_NOTHING = ConfigChange()


def diff(old: MasterConfig, new: MasterConfig) -> ConfigChange:
    """The changes that turn C{old} into C{new}."""
    slaves = _mapDiff(old.slaves, new.slaves)
    builders = _mapDiff(old.builders, new.builders)
    stay = [name for name in new.slaves if name in old.slaves]
    pairs = pluginPairs(old, new)
    schedulers = _listDiff(old.schedulers, new.schedulers, pairs)
    sources = _listDiff(old.sources, new.sources, pairs)
    status = _listDiff(old.status, new.status, pairs)
    return ConfigChange(
        slavesRemoved=slaves.removed,
        slavesAdded=slaves.added,
        slavesAltered=slaves.altered,
        buildersRemoved=builders.removed,
        buildersAdded=builders.added,
        buildersAltered=builders.altered,
        listsChanged=tuple(name for name in stay if _listDiffers(old, new, name)),
        portsRemoved=tuple(port for port in old.ports if port not in new.ports),
        portsAdded=tuple(port for port in new.ports if port not in old.ports),
        schedulersRemoved=schedulers[0],
        schedulersAdded=schedulers[1],
        sourcesRemoved=sources[0],
        sourcesAdded=sources[1],
        statusRemoved=status[0],
        statusAdded=status[1],
        settings=tuple(key for key in SETTINGS if not _isSameSetting(key, old, new)),
        values=tuple(
            (key, f"{_limit(getattr(old, key))} -> {_limit(getattr(new, key))}")
            for key in HORIZONS
            if not _isSameSetting(key, old, new)
        )
        + storageChange(old.logStorage, new.logStorage),
        reordered=tuple(key for key, each in (("bots", slaves), ("builders", builders)) if each.isReordered),
    )


@dataclass(frozen=True)
class _MapDiff(Generic[_Item]):
    """The difference of two ordered maps of named items."""

    removed: tuple[str, ...] = ()
    added: tuple[_Item, ...] = ()
    altered: tuple[tuple[_Item, _Item], ...] = ()
    isReordered: bool = False


def _mapDiff(old: Mapping[str, _Item], new: Mapping[str, _Item]) -> _MapDiff[_Item]:
    kept = [name for name in old if name in new]
    both = [(old[name], new[name]) for name in kept]
    return _MapDiff(
        removed=tuple(name for name in old if name not in new),
        added=tuple(item for name, item in new.items() if name not in old),
        altered=tuple((was, now) for was, now in both if was is not now and not isEqual(was, now)),
        isReordered=kept != [name for name in new if name in old],
    )


def _isSameSetting(key: str, old: MasterConfig, new: MasterConfig) -> bool:
    if key == "manhole":
        return isSameManhole(old, new)
    return sameValue(getattr(old, key), getattr(new, key))


def _limit(value: object) -> str:
    """A number of L{buildbot.config.horizons} in words."""
    return "not given" if value is Unset.UNSET else "no limit" if value is None else str(value)


def _listDiff(
    old: Sequence[object], new: Sequence[object], pairs: Sequence[tuple[object, object]]
) -> tuple[tuple[object, ...], tuple[object, ...]]:
    """The items of C{old} without an equal in C{new}, and the items of C{new} without one in C{old}."""
    kept, fresh = {id(each) for each, _ in pairs}, {id(each) for _, each in pairs}
    removed = tuple(each for each in old if id(each) not in kept)
    return removed, tuple(each for each in new if id(each) not in fresh)


def _listDiffers(old: MasterConfig, new: MasterConfig, slavename: str) -> bool:
    """True if a slave needs a new builder list. The order does not matter to the slave."""
    before, after = old.builderList(slavename), new.builderList(slavename)
    return before != after and sorted(before) != sorted(after)


def _lines(change: ConfigChange) -> Iterator[str]:
    yield from (f"- bot {name}" for name in change.slavesRemoved)
    yield from (f"+ bot {slave.name}" for slave in change.slavesAdded)
    yield from (f"~ bot {new.name}: {'; '.join(_ofSlave(old, new))}" for old, new in change.slavesAltered)
    if "bots" in change.reordered:
        yield "~ bots: in another order"
    yield from (f"- builder {name}" for name in change.buildersRemoved)
    yield from (f"+ builder {builder.name}" for builder in change.buildersAdded)
    for before, after in change.buildersAltered:
        yield f"~ builder {after.name}: {'; '.join(_ofBuilder(before, after))}"
    if "builders" in change.reordered:
        yield "~ builders: in another order"
    yield from (f"- port {port}" for port in change.portsRemoved)
    yield from (f"+ port {port}" for port in change.portsAdded)
    yield from _ofPlugins("scheduler", change.schedulersRemoved, change.schedulersAdded)
    yield from _ofPlugins("source", change.sourcesRemoved, change.sourcesAdded)
    yield from _ofPlugins("status", change.statusRemoved, change.statusAdded)
    values = dict(change.values)
    yield from (f"~ {key}: {values.get(key, 'new value')}" for key in change.settings)


def _ofSlave(old: SlaveConfig, new: SlaveConfig) -> Iterator[str]:
    if old.password != new.password:
        yield "new password"
    if old.keepalive != new.keepalive:
        yield f"keepalive {old.keepalive:g} -> {new.keepalive:g}"
    if old.max_builds != new.max_builds:
        yield f"max_builds {old.max_builds} -> {new.max_builds}"
    if old.properties != new.properties:
        yield "new properties"
    if not isEqual(old.locks, new.locks):
        yield "locks"
    if (old.notify, old.missing) != (new.notify, new.missing):
        yield "who gets a mail when it is missing"
    if not isEqual(old.latent, new.latent):
        yield "how it is started and stopped"


def _ofBuilder(old: BuilderConfig, new: BuilderConfig) -> Iterator[str]:
    if old.slavenames != new.slavenames:
        gone = [f"-{name}" for name in old.slavenames if name not in new.slavenames]
        come = [f"+{name}" for name in new.slavenames if name not in old.slavenames]
        yield f"slavenames {' '.join(come + gone) or 'in another order'}"
    if old.builddir != new.builddir:
        yield f"builddir {old.builddir} -> {new.builddir}"
    if not isEqual(old.factory, new.factory):
        yield "factory"
    if old.category != new.category:
        yield f"category {old.category or 'none'} -> {new.category or 'none'}"
    if not isEqual(old.locks, new.locks):
        yield "locks"
    if not isEqual(old.mergeRequests, new.mergeRequests):
        yield "mergeRequests"
    for key in ("properties", "env", "description", "nextBuild", "nextSlave", "canStartBuild", "tags"):
        if not isEqual(getattr(old, key), getattr(new, key)):
            yield key


def _ofPlugins(kind: str, removed: Iterable[object], added: Iterable[object]) -> Iterator[str]:
    """Yield lines for removed, added and changed plug-ins of a kind."""
    former, coming = list(removed), list(added)
    keys = Counter(map(_key, former)), Counter(map(_key, coming))
    both = [each for each in former if keys[0][_key(each)] == keys[1][_key(each)] == 1]
    named = {_key(each) for each in both}
    yield from (f"- {kind} {_title(each)}" for each in former if _key(each) not in named)
    yield from (f"+ {kind} {_title(each)}" for each in coming if _key(each) not in named)
    for old in both:
        new = next(each for each in coming if _key(each) == _key(old))
        yield f"~ {kind} {_title(old)}: {'; '.join(_ofPlugin(old, new)) or 'made anew'}"


def _key(plugin: object) -> tuple[str, str]:
    return type(plugin).__name__, _title(plugin)


def _ofPlugin(old: object, new: object) -> Iterator[str]:
    """Yield the changes in a plug-in's C{compare_attrs}. Never a password."""
    names = getattr(new, "compare_attrs", ())
    for name in names if isinstance(names, (list, tuple)) else ():
        before, after = getattr(old, name, None), getattr(new, name, None)
        if sameValue(before, after):
            continue
        if "pass" in name or isSecret(name):
            yield f"new {name}"
        elif isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
            yield f"{name} {_ofList(before, after)}"
        elif not (_isShort(before) and _isShort(after)):
            yield f"new {name}"
        else:
            told = [withoutPasswords(str(each)) for each in (before, after)]
            yield f"new {name}" if told[0] == told[1] else f"{name} {told[0]} -> {told[1]}"


def _ofList(before: Sequence[object], after: Sequence[object]) -> str:
    gone = [withoutPasswords(f"-{each}") for each in before if each not in after and _isShort(each)]
    come = [withoutPasswords(f"+{each}") for each in after if each not in before and _isShort(each)]
    return " ".join(gone + come) or "changed"


def _isShort(value: object) -> bool:
    """True if a value is short enough for a line about a change."""
    return value is None or (isinstance(value, (str, int, float)) and len(str(value)) <= _SHORT)


def _title(plugin: object) -> str:
    """The title of a plug-in. Never its repr, which may contain a password or raise."""
    name = getattr(plugin, "name", None)
    return name if isinstance(name, str) and name else type(plugin).__name__

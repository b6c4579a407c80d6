# -*- test-case-name: tests.unit.config.test_kept -*-
"""
Keep the running objects in a new configuration where nothing changed.

Each load of the file creates new objects. If a new object equals a running one, the running one stays in use
and the new configuration refers to it. This module starts and stops nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MethodType
from typing import Any, Protocol, TypeVar

from buildbot.config.compare import sameValue
from buildbot.config.model import MasterConfig
from buildbot.config.plugincode import PLUGIN_ERRORS

#: The depth to which lists and dictionaries in a plug-in are searched for other plug-ins.
DEPTH = 4


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Item = TypeVar("_Item", bound=_Named)


def keep(old: MasterConfig, new: MasterConfig) -> MasterConfig:
    """
    Return the new configuration with the running objects of C{old} in place of equal new ones.

    References between new objects are replaced too, such as the C{upstream} of a Dependent. This changes
    the objects of C{new}: use only the result afterwards.
    """
    pairs = pluginPairs(old, new)
    running = {id(fresh): kept for kept, fresh in pairs}
    if isSameManhole(old, new):
        running[id(new.manhole)] = old.manhole
    for plugin in plugins(new):
        if id(plugin) not in running:
            _replaceIn(plugin, running)
    return replace(
        new,
        slaves=_keepEqual(old.slaves, new.slaves),
        builders=_keepEqual(old.builders, new.builders),
        schedulers=_named(new.schedulers, running),
        sources=_named(new.sources, running),
        status=_named(new.status, running),
        manhole=running.get(id(new.manhole), new.manhole),
    )


def isSameManhole(old: MasterConfig, new: MasterConfig) -> bool:
    """True if the running manhole stays in use."""
    return sameValue(old.manhole, new.manhole)


def pluginPairs(old: MasterConfig, new: MasterConfig) -> list[tuple[object, object]]:
    """
    The schedulers, sources and status targets that stay: pairs of the running object and the equal new one.

    A running plug-in does not stay if the new one holds a plug-in that it does not hold itself: the running
    one may have subscribed to the one that it holds.
    """
    pairs = [
        *equalPairs(old.schedulers, new.schedulers),
        *equalPairs(old.sources, new.sources),
        *equalPairs(old.status, new.status),
    ]
    former, coming = {id(each) for each in plugins(old)}, {id(each) for each in plugins(new)}
    wanted = {id(fresh): _held(fresh, coming) for _, fresh in pairs}
    held = {id(fresh): _held(kept, former) for kept, fresh in pairs if wanted[id(fresh)]}
    while True:
        running = {id(fresh): id(kept) for kept, fresh in pairs}
        left = [
            (kept, fresh)
            for kept, fresh in pairs
            if {running.get(each) for each in wanted[id(fresh)]} <= held.get(id(fresh), set())
        ]
        if len(left) == len(pairs):
            return pairs
        pairs = left


def equalPairs(old: Sequence[object], new: Sequence[object]) -> list[tuple[object, object]]:
    """Pairs of an old value and an equal new value. Each value is in one pair at most."""
    left = list(new)
    pairs = []
    rest = []
    for item in old:
        position = next((i for i, other in enumerate(left) if other is item), None)
        if position is None:
            rest.append(item)
        else:
            pairs.append((item, left.pop(position)))
    for item in rest:
        position = next((i for i, other in enumerate(left) if sameValue(item, other)), None)
        if position is not None:
            pairs.append((item, left.pop(position)))
    return pairs


def isEqual(one: object, other: object) -> bool:
    """True if two objects are equal. A comparison of a plug-in that raises means False."""
    try:
        return one is other or bool(one == other)
    except PLUGIN_ERRORS:  # any exception: replacement of the old one is the safe answer
        return False


def plugins(config: MasterConfig) -> list[object]:
    """All schedulers, sources and status targets."""
    return [*config.schedulers, *config.sources, *config.status]


def _keepEqual(old: Mapping[str, _Item], new: Mapping[str, _Item]) -> dict[str, _Item]:
    return {name: old[name] if name in old and isEqual(old[name], new[name]) else new[name] for name in new}


def _named(new: Iterable[object], running: Mapping[int, object]) -> tuple[object, ...]:
    return tuple(running.get(id(each), each) for each in new)


def _attributes(plugin: object) -> dict[str, Any]:
    return getattr(plugin, "__dict__", {})


def _held(plugin: object, others: Collection[int]) -> set[int]:
    """The C{id}s of the plug-ins in C{others} that a plug-in holds."""
    found: set[int] = set()

    def note(value: object) -> object:
        if id(value) in others and value is not plugin:
            found.add(id(value))
        return value

    for value in list(_attributes(plugin).values()):
        _mapped(value, note, DEPTH)
    return found


def _replaceIn(plugin: object, running: Mapping[int, object]) -> None:
    """Replace new plug-ins that a plug-in holds by the running ones."""
    attributes = _attributes(plugin)
    for name, value in list(attributes.items()):
        mapped = _mapped(value, lambda each: running.get(id(each), each), DEPTH)
        if mapped is not value:
            attributes[name] = mapped


def _mapped(value: object, change: Callable[[object], object], depth: int) -> Any:
    """A copy of the value with C{change} applied to its contents; the value itself if nothing changes."""
    changed: Any = change(value)
    if changed is not value or depth == 0:
        return changed
    kind: Any = type(value)
    if kind in (list, tuple, set, frozenset):
        parts = list(value)
        mapped = [_mapped(each, change, depth - 1) for each in parts]
        return kind(mapped) if _differ(parts, mapped) else value
    if kind is dict:
        mapped = [_mapped(each, change, depth - 1) for each in value.values()]
        return dict(zip(value, mapped, strict=True)) if _differ(value.values(), mapped) else value
    if isinstance(value, MethodType):
        owner = change(value.__self__)
        return value if owner is value.__self__ else MethodType(value.__func__, owner)
    if kind is partial:
        parts = [value.func, value.args, value.keywords]
        mapped = [_mapped(each, change, depth - 1) for each in parts]
        return partial(mapped[0], *mapped[1], **mapped[2]) if _differ(parts, mapped) else value
    return value


def _differ(some: Iterable[object], others: Iterable[object]) -> bool:
    return any(one is not other for one, other in zip(some, others, strict=True))

# -*- test-case-name: tests.unit.config.test_kept -*-
"""
Which objects of a new configuration stand for those that run already, and what takes their place.

A file that is loaded again makes new objects of everything.  Those that say the same as before go on as they
are, so the new configuration names the old ones.  Nothing is started or stopped here.
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

#: How deep lists and dictionaries in a plug-in are searched for other plug-ins.
DEPTH = 4


class _Named(Protocol):
    @property
    def name(self) -> str: ...


_Item = TypeVar("_Item", bound=_Named)


def keep(old: MasterConfig, new: MasterConfig) -> MasterConfig:
    """
    The new configuration, naming the objects of C{old} that stay.

    What the other new objects hold of the new ones that nobody will start, such as the C{upstream} of a
    Dependent, is replaced in them too.  So the objects of C{new} cannot be used without the result.
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
    """Whether the manhole stays."""
    return sameValue(old.manhole, new.manhole)


def pluginPairs(old: MasterConfig, new: MasterConfig) -> list[tuple[object, object]]:
    """
    The schedulers, sources and status targets that stay: the object that runs, and the new one that is equal.

    One does not stay, whatever it is equal to, if the new one holds a plug-in that it does not hold itself:
    it may have subscribed to the one that it holds.
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
    """Pairs of an old and a new value that say the same; each is in one pair at the most."""
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
    """One is equal to the other; a comparison of a plug-in's that breaks says no."""
    try:
        return one is other or bool(one == other)
    except PLUGIN_ERRORS:  # whatever it raises: to replace the old by the new is the safe answer
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
    """Which of the C{others} a plug-in holds, each by its C{id}."""
    found: set[int] = set()

    def note(value: object) -> object:
        if id(value) in others and value is not plugin:
            found.add(id(value))
        return value

    for value in list(_attributes(plugin).values()):
        _mapped(value, note, DEPTH)
    return found


def _replaceIn(plugin: object, running: Mapping[int, object]) -> None:
    """Have a plug-in hold those that run in place of their new doubles."""
    attributes = _attributes(plugin)
    for name, value in list(attributes.items()):
        mapped = _mapped(value, lambda each: running.get(id(each), each), DEPTH)
        if mapped is not value:
            attributes[name] = mapped


def _mapped(value: Any, change: Callable[[Any], Any], depth: int) -> Any:
    """The value with C{change} done to all that it holds; the value itself if that changes nothing."""
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

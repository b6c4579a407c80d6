# -*- test-case-name: tests.unit.events.test_onuse -*-
"""Import a module of this package when it is first used, so that a master starts faster.

The importing module tells the type checker, and the test of the layers, what the name stands for::

    if TYPE_CHECKING:
        from buildbot.web import running
    else:
        running = onUse("buildbot.web.running")

A module whose names are those of others, such as a facade, has them in the same way, by L{namesOnUse}. A test
imports every such module, so a broken module is found before its first use. A package has its modules by
L{modulesOnUse}.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any


class OnUse:
    """I stand for a module. The first use of one of its names imports it, in any thread."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)

    def __repr__(self) -> str:
        return f"<{self._name}, imported on use>"


def onUse(name: str) -> Any:
    """A stand-in for the module with this whole name. Its attributes are those of the module."""
    return OnUse(name)


def namesOnUse(name: str, places: Mapping[str, str]) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """The functions C{__getattr__} and C{__dir__} of a module that has names of other modules.

    @param name: of the module itself.
    @param places: the whole name of each other module, and its names, with blanks between them.
    """
    origins = {each: place for place, names in places.items() for each in names.split()}

    def get(wanted: str) -> Any:
        origin = origins.get(wanted)
        if origin is None:
            raise AttributeError(f"module {name!r} has no attribute {wanted!r}", name=wanted)
        value = getattr(import_module(origin), wanted)
        setattr(sys.modules[name], wanted, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(sys.modules[name]), *origins})

    return get, listed


def modulesOnUse(package: str) -> Callable[[str], Any]:
    """The function C{__getattr__} of a package whose modules are imported when they are read.

    A configuration of 0.7 or 0.8 may write C{steps.shell} after C{from buildbot import steps}, because its
    master had imported all modules.

    @param package: the whole name of the package.
    """

    def get(wanted: str) -> Any:
        place = f"{package}.{wanted}"
        try:
            return import_module(place)
        except ModuleNotFoundError as missing:
            if missing.name != place:
                raise
            raise AttributeError(f"module {package!r} has no attribute {wanted!r}", name=wanted) from None

    return get

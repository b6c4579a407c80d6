"""Count the calls up a layer that use no declared seam, while the master's code runs.

A call goes up when a function of one folder calls a function of a folder above it in
docs/architecture/layers.rst. Three kinds of such calls are seams, and are allowed:

  - a callback: the calling function does not contain the name of the called one, or holds the function under
    that name. It got the callback from above.
  - a contract: a Protocol or a zope Interface declares the name, in the caller's folder or below, and the
    object has all names of this contract.
  - an overridden method: a base class of the object declares the name, in the caller's folder, below, or in
    Twisted.

All other such calls are counted: the caller uses a name that only the upper folder declares.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from functools import cache
from importlib import import_module
from types import CodeType, FrameType, SimpleNamespace
from typing import Any

from zope.interface import Interface
from zope.interface.interface import InterfaceClass

from tests.watchedcalls import PACKAGE, watched

#: Classes of these libraries may declare a called method, too.
_LIBRARIES = ("twisted.", "zope.")

#: The row of a module, by its name; None: the module has no row.
Place = Callable[[str], "int | None"]


def moduleOf(file: str) -> str:
    """The dotted name of a module of the package, from the path of its file."""
    name = file.removeprefix(PACKAGE).removesuffix(".py").replace(os.sep, ".")
    return f"buildbot.{name}".removesuffix(".__init__")


def _imported(name: str) -> object:
    """A module of the package; an empty object if it needs a package of an extra that is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        if str(missing.name).startswith("buildbot"):
            raise
        return SimpleNamespace()


class Contracts:
    """The Protocols and Interfaces that the package declares, with the row of each.

    @param modules: the names of the modules of the package.
    @param place: the row of a module.
    """

    def __init__(self, modules: Iterable[str], place: Place) -> None:
        self._all: list[tuple[int, frozenset[str], InterfaceClass | None]] = []
        for name in modules:
            row = place(name)
            for each in vars(_imported(name)).values():
                if row is not None and getattr(each, "__module__", None) == name:
                    self._add(row, each)

    def _add(self, row: int, each: Any) -> None:
        if isinstance(each, InterfaceClass) and each is not Interface:
            self._all.append((row, frozenset(each.names(all=True)), each))
        elif isinstance(each, type) and getattr(each, "_is_protocol", False):
            self._all.append((row, _membersOf(each), None))

    def declare(self, row: int, name: str, target: object) -> bool:
        """True if a contract of this row or a lower one declares the name and the object has all of it."""
        return any(
            name in members
            and (
                kind.providedBy(target)
                if kind
                else all(hasattr(type(target), m) or m in getattr(target, "__dict__", ()) for m in members)
            )
            for place, members, kind in self._all
            if place <= row
        )


def _membersOf(protocol: type) -> frozenset[str]:
    """The names that a Protocol and its bases declare."""
    names: set[str] = set()
    for kind in protocol.__mro__:
        if getattr(kind, "_is_protocol", False) and kind.__module__.startswith("buildbot."):
            names |= {name for name in vars(kind) if not name.startswith("_") or name == "__call__"}
            names |= set(getattr(kind, "__annotations__", ()))
    return frozenset(names)


class CallsUp:
    """I count the calls that reach up, while the code runs that I am given to watch.

    @ivar allowed: the number of calls up through seams.
    @ivar reaching: (caller, callee) -> the number of calls that reach up.
    """

    def __init__(self, place: Place, contracts: Contracts) -> None:
        self.allowed = 0
        self.reaching: Counter[tuple[str, str]] = Counter()
        self._contracts = contracts
        self._rowOf = cache(lambda file: place(moduleOf(file)))
        self._rowOfModule = cache(place)

    def counted(self) -> AbstractContextManager[None]:
        """Count within this context, in this thread."""
        return watched(self._called)

    def _called(self, frame: FrameType) -> None:
        file, back = frame.f_code.co_filename, frame.f_back
        if back is None:
            return
        above = back.f_code.co_filename
        if above == file or not above.startswith(PACKAGE):
            return
        caller, callee = self._rowOf(above), self._rowOf(file)
        if caller is None or callee is None or callee <= caller:
            return
        if self._isSeam(caller, back, frame):
            self.allowed += 1
        else:
            self.reaching[_nameOf(back), _nameOf(frame)] += 1

    def _isSeam(self, row: int, back: FrameType, frame: FrameType) -> bool:
        name = frame.f_code.co_name
        if name not in back.f_code.co_names and name not in back.f_code.co_consts:
            return True  # a callback, or an object is made of a class that was handed in
        if _isHeld(back, name, frame.f_code):
            return True
        arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount]
        if not arguments:
            return False
        target = frame.f_locals[arguments[0]]
        for kind in type(target).__mro__:
            if name in vars(kind) and self._isBelow(kind.__module__, row):
                return True
        return self._contracts.declare(row, name, target)

    def _isBelow(self, module: str, row: int) -> bool:
        place = self._rowOfModule(module)
        return module.startswith(_LIBRARIES) if place is None else place <= row

    def __str__(self) -> str:
        lines = [f"{number:4} {one} -> {other}" for (one, other), number in self.reaching.most_common()]
        return "\n".join([f"{self.reaching.total()} calls reach up, {self.allowed} go through seams", *lines])


def _isHeld(frame: FrameType, name: str, code: CodeType) -> bool:
    """True if the object of this method's frame holds a callback of that name."""
    arguments = frame.f_code.co_varnames[: frame.f_code.co_argcount]
    held = getattr(frame.f_locals[arguments[0]], "__dict__", {}).get(name) if arguments else None
    return getattr(getattr(held, "__func__", held), "__code__", None) is code


def _nameOf(frame: FrameType) -> str:
    code = frame.f_code
    return f"{moduleOf(code.co_filename)}.{getattr(code, 'co_qualname', code.co_name)}"

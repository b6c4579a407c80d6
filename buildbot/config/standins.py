# -*- test-case-name: tests.unit.config.test_absent -*-
"""Stand-ins for names that cannot be imported, so that one load of a file reports all of them.

The error is reported before a stand-in is handed out: no configuration with one is ever used.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Sequence
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

from buildbot.config import secrets
from buildbot.config.absent import isListed, sentenceOf
from buildbot.config.messages import nearest
from buildbot.text.similar import closest

#: The least likeness of a misspelt name. ec2buildslave and buildslave are less alike.
_MISSPELT = 0.88


class _Kind(type):
    """The class of stand-ins: they have every attribute."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return newStandIn(name)


class StandIn(metaclass=_Kind):
    """I stand for a class, a function, a module or a value: I can be derived from, called and read."""

    def __init__(self, *args: object, **kwargs: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return newStandIn(name)

    def __call__(self, *args: object, **kwargs: Any) -> Any:
        return StandIn()

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __getitem__(self, key: object) -> Any:
        return StandIn()


def newStandIn(name: str) -> Any:
    """A stand-in class of this name."""
    return _Kind(name, (StandIn,), {})


def isStandIn(value: object) -> bool:
    """True for a stand-in, or an object or a class made of one."""
    return isinstance(value, (StandIn, _Kind))


def hasStandIn(value: object) -> bool:
    """True for a stand-in, also within a list, a tuple or a dictionary."""
    if isinstance(value, (list, tuple)):
        return any(map(hasStandIn, value))
    if isinstance(value, dict):
        return any(map(hasStandIn, value.values()))
    return isStandIn(value)


def reportMissing(loading: secrets.Loading, name: str, known: Sequence[str] = (), hint: str = "") -> Any:
    """Report a dotted name that cannot be imported, and return a stand-in for it.

    @param known: the existing names beside it.
    @param hint: the end of the sentence; by default made of C{known}, or the sentence about the name.
    """
    sentence = sentenceOf(name)
    told = f": {sentence}" if sentence else ""
    like = "" if isListed(name) else nearest(name.rpartition(".")[2], known)
    hint = hint or like or told
    loading.report(f"{name} is not in this release{hint}")
    loading.missing.append(name)
    return newStandIn(name.rpartition(".")[2])


def misspelt(name: str) -> str:
    """The hint for a missing module whose name differs by a letter or so from an existing one; else ""."""
    package, _, last = name.rpartition(".")
    folder = getattr(sys.modules.get(package), "__path__", ())
    like = closest(last, [each.name for each in iter_modules(folder)], _MISSPELT)
    return f"; did you mean '{package}.{like}'?" if like else ""


def completed(loading: secrets.Loading, module: ModuleType, wanted: Sequence[str]) -> ModuleType:
    """The module, or, if it lacks wanted names, a copy with stand-ins for them."""
    missing = [name for name in wanted if name != "*" and not hasattr(module, name)]
    if not missing:
        return module
    copy = ModuleType(module.__name__)
    vars(copy).update(vars(module))
    known = [name for name in dir(module) if not name.startswith("_")]
    for name in missing:
        whole = f"{module.__name__}.{name}"
        setattr(copy, name, reportMissing(loading, whole, known, misspelt(whole)))
    for name in wanted:
        if name != "*" and name not in missing:
            setattr(copy, name, getattr(module, name))
    return copy


def isGuarded(path: str, line: int) -> bool:
    """True if the line of a file is in a C{try} that catches failed imports."""
    try:
        with open(path, encoding="utf-8") as file:
            tree = ast.parse(file.read())
    except (OSError, ValueError, SyntaxError, RecursionError):
        return False
    return any(
        isinstance(node, ast.Try)
        and any(map(_catchesImports, node.handlers))
        and any(each.lineno <= line <= (each.end_lineno or each.lineno) for each in node.body)
        for node in ast.walk(tree)
    )


def _catchesImports(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return bool(names & {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})

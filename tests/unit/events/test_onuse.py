"""Modules that are imported on first use."""

from __future__ import annotations

import ast
from functools import cache
from importlib import import_module
from types import ModuleType

from twisted.trial import unittest

from buildbot.events.onuse import onUse
from tests.layers import modules, parsed


@cache
def named() -> dict[tuple[str, str], tuple[str, set[str]]]:
    """For each module and name: the module that it stands for, and the attributes that are read of it."""
    found: dict[tuple[str, str], tuple[str, set[str]]] = {}
    for module, text in modules().items():
        if "onUse(" not in text:
            continue
        tree = parsed(text)
        for each in ast.walk(tree):
            if (
                isinstance(each, ast.Assign)
                and isinstance(each.value, ast.Call)
                and isinstance(each.value.func, ast.Name)
                and each.value.func.id == "onUse"
            ):
                (target,), (stated,) = each.targets, each.value.args
                assert isinstance(target, ast.Name) and isinstance(stated, ast.Constant)
                assert isinstance(stated.value, str)
                read = {
                    use.attr
                    for use in ast.walk(tree)
                    if isinstance(use, ast.Attribute)
                    and isinstance(use.value, ast.Name)
                    and use.value.id == target.id
                }
                found[module, target.id] = (stated.value, read)
    return found


def listed() -> dict[str, dict[str, str]]:
    """For each module with names of others: those names, by their modules."""
    return {
        module: ast.literal_eval(each.value.args[1])
        for module, text in modules().items()
        if "namesOnUse(" in text
        for each in ast.walk(parsed(text))
        if isinstance(each, ast.Assign)
        and isinstance(each.value, ast.Call)
        and isinstance(each.value.func, ast.Name)
        and each.value.func.id == "namesOnUse"
    }


@cache
def imported(module: str) -> set[tuple[str, str, str]]:
    """The names that a module imports from others, each with its module before and its own name behind."""
    return {
        (each.module or "", alias.name, alias.asname or alias.name)
        for each in ast.walk(parsed(modules()[module]))
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }


class NamesOnUseTests(unittest.SynchronousTestCase):
    """Modules with names of other modules."""

    def test_all(self) -> None:
        """Every name of a facade can be used, is listed, and is the one that the type checker knows."""
        found = listed()
        mine = {
            "buildbot.process.factory",
            "buildbot.steps.source",
            "buildbot.buildslave",
            "buildbot.manhole",
        }
        self.assertEqual(set(found), mine)
        for module, places in found.items():
            facade = import_module(module)
            for place, names in places.items():
                for name in names.split():
                    self.assertIs(getattr(facade, name), getattr(import_module(place), name))
                    self.assertIn(name, dir(facade))
                    self.assertIn(name, facade.__all__)
                    self.assertIn((place, name, name), imported(module))

    def test_unknown(self) -> None:
        """A name that no module has is an AttributeError, as in every module."""
        with self.assertRaisesRegex(AttributeError, "'buildbot.process.factory' has no attribute 'Nothing'"):
            import_module("buildbot.process.factory").Nothing  # noqa: B018


class OnUseTests(unittest.SynchronousTestCase):
    """The stand-ins for modules."""

    def test_first(self) -> None:
        """A module is imported when one of its names is read, and a missing name is an AttributeError."""
        module = onUse("buildbot.events.alarm")
        self.assertEqual(repr(module), "<buildbot.events.alarm, imported on use>")
        self.assertIs(module.Alarm, import_module("buildbot.events.alarm").Alarm)
        with self.assertRaises(AttributeError):
            module.Bell  # noqa: B018
        with self.assertRaises(ImportError):
            onUse("buildbot.events.bells").Bell  # noqa: B018

    def test_all(self) -> None:
        """Every module that is imported on use can be imported, and has all names that are read of it."""
        found = named()
        self.assertGreater(len(found), 5)
        for (module, name), (whole, attributes) in found.items():
            stood = import_module(whole)
            self.assertIsInstance(stood, ModuleType)
            missing = {each for each in attributes if not hasattr(stood, each)}
            self.assertEqual(missing, set(), f"{module}: {name}")

    def test_same(self) -> None:
        """The import for the type checker names the same module as the stand-in."""
        for (module, name), (whole, _attributes) in named().items():
            package, _dot, last = whole.rpartition(".")
            self.assertIn((package, last, name), imported(module), module)


class PackagesTests(unittest.TestCase):
    """The modules of packages, as configurations of 0.7 read them."""

    def test_read(self) -> None:
        """A module is there without an import of its own, also one of a package in a package."""
        import buildbot
        from buildbot.steps.shell import ShellCommand
        from buildbot.util import ComparableMixin

        self.assertIs(buildbot.steps.shell.ShellCommand, ShellCommand)
        self.assertIs(buildbot.util.ComparableMixin, ComparableMixin)
        for package in "changes process schedulers status steps".split():
            self.assertIsInstance(getattr(buildbot, package), ModuleType)

    def test_missing(self) -> None:
        """A module that does not exist is an attribute that does not exist."""
        import buildbot

        for package in (buildbot, buildbot.steps):
            why = self.assertRaises(AttributeError, getattr, package, "nonsense")
            self.assertEqual(
                (str(why), why.name), (f"module {package.__name__!r} has no attribute 'nonsense'", "nonsense")
            )

"""Modules that are imported on first use."""

from __future__ import annotations

import ast
from importlib import import_module
from types import ModuleType

from twisted.trial import unittest

from buildbot.events.onuse import onUse
from tests.layers import modules, parsed


def named() -> dict[tuple[str, str], tuple[str, set[str]]]:
    """For each module and name: the module that it stands for, and the attributes that are read of it."""
    found: dict[tuple[str, str], tuple[str, set[str]]] = {}
    for module, text in modules().items():
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
            imported = {
                (each.module, alias.name, alias.asname or alias.name)
                for each in ast.walk(parsed(modules()[module]))
                if isinstance(each, ast.ImportFrom)
                for alias in each.names
            }
            self.assertIn((package, last, name), imported, module)

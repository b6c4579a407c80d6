# -*- test-case-name: tests.unit.test_loglines -*-
"""The page howto/log-lines has all lines of the log that ask for action."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import buildbot
from tests.contributed import ROOT

#: The methods of a logger for events that may ask for action.
METHODS = ("warn", "error", "critical", "failure")


def calls(node: ast.AST, lines: Sequence[int]) -> Iterator[ast.Call]:
    """The calls that have one of these lines."""
    if isinstance(node, ast.Call):
        yield node
    for each in ast.iter_child_nodes(node):
        first, last = getattr(each, "lineno", 0), getattr(each, "end_lineno", lines[-1])
        if any(first <= line <= last for line in lines):
            yield from calls(each, lines)


def inCode() -> dict[str, str]:
    """The message of each call of a logger, with … for what differs -> the file of the call."""
    found = {}
    package = Path(buildbot.__file__).parent
    for path in package.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        lines = [
            number
            for number, line in enumerate(source.split("\n"), 1)
            if any(f".{method}(" in line for method in METHODS)
        ]
        for call in calls(ast.parse(source), lines) if lines else ():
            if isinstance(call.func, ast.Attribute) and call.args:
                message = call.args[0]
                isLogger = call.func.attr in METHODS and "log" in ast.unparse(call.func.value).lower()
                if isLogger and isinstance(message, ast.Constant) and isinstance(message.value, str):
                    text = re.sub(r"\{[^}]*\}", "…", message.value)
                    found[" ".join(text.split())] = str(path.relative_to(package.parent))
    return found


class PageTests(SynchronousTestCase):
    """docs/howto/log-lines.rst."""

    def test_complete(self) -> None:
        """The page names each such line of the code, and no other."""
        page = (ROOT / "docs" / "howto" / "log-lines.rst").read_text(encoding="utf-8")
        named = re.findall(r"\| ``(.+?)``$", page, re.M)
        code = inCode()
        code.pop("…")  # the sentence is made elsewhere, and says itself what to do
        self.assertGreater(len(code), 100)
        self.assertEqual(sorted(set(code) - set(named)), [], "add these to docs/howto/log-lines.rst")
        self.assertEqual(sorted(set(named) - set(code)), [], "remove these from docs/howto/log-lines.rst")
        self.assertEqual(len(named), len(set(named)), "a line is there twice")

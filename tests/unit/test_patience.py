"""The limits of waits in the tests that use programs, real slaves and browsers."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

#: The tests, by folder.
TESTS = Path(__file__).resolve().parent.parent
FOLDERS = ("processes", "daemons", "integration", "browser")
#: The least seconds of a limit. On a busy machine, the start of a program takes ten seconds.
LEAST = 60
#: The names of the calls that wait, each with the place of the limit among the arguments.
_WAITS = {
    "until": 1,
    "whenEnded": 0,
    "wait": 0,
    "join": 0,
    "whenLogged": 1,
    "communicate": 1,
    "settimeout": 0,
}
#: The calls that wait if they have an argument C{timeout}.
_TIMED = {
    *_WAITS,
    "run",
    "urlopen",
    "check_output",
    "check_call",
    "whenAttached",
    "whenConnected",
    "whenFinished",
}


def limits(source: str) -> Iterator[tuple[int, float]]:
    """The limits of waits in a module that are numbers, each after the number of its line."""
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        found = [each.value for each in node.keywords if each.arg == "timeout" and name in _TIMED]
        found += node.args[_WAITS[name] :][:1] if name in _WAITS else []
        for each in found:
            if isinstance(each, ast.Constant) and isinstance(each.value, int | float):
                yield node.lineno, each.value


class PatienceTests(SynchronousTestCase):
    """A test fails if something does not happen, not if it happens late."""

    def test_limits(self) -> None:
        """Each limit of a wait leaves time for a busy machine."""
        short = []
        for folder in FOLDERS:
            for path in sorted((TESTS / folder).glob("*.py")):
                for line, seconds in limits(path.read_text("utf-8")):
                    if seconds < LEAST:
                        short.append(f"{path.relative_to(TESTS)}:{line}: {seconds} s")
        self.assertEqual(short, [])

    def test_found(self) -> None:
        """Limits are found in the ways in which they are written."""
        source = (
            "child.wait(5)\nrun(['x'], timeout=2)\nuntil(lambda: x, 3, 'it')\nwait(LIMIT)\nforce(timeout=1)\n"
        )
        self.assertEqual(list(limits(source)), [(1, 5), (2, 2), (3, 3)])

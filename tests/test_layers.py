"""What docs/architecture/layers.rst says of the modules, held against the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from twisted.trial import unittest

ROOT = Path(__file__).parent.parent
#: What a rule may not know: it gets time passed in, and answers with values.
OUTSIDE = (
    "twisted.internet",
    "twisted.application",
    "twisted.cred",
    "twisted.logger",
    "time",
    "socket",
    "threading",
    "subprocess",
    "signal",
)


def places(page: str) -> dict[str, tuple[int, int]]:
    """Each name in the table of the page: its layer, and its position within it."""
    rows = re.findall(r"^   \* - L(\d)\n     - .*(?:\n       .*)*\n     - (.*(?:\n       .*)*)", page, re.M)
    return {
        name: (int(layer), position)
        for layer, names in rows
        for position, name in enumerate(re.findall(r"``([\w.]+)``", names))
    }


def placeOf(module: str, table: dict[str, tuple[int, int]]) -> tuple[int, int] | None:
    """Where a module stands; the longest name that covers it counts."""
    if module == "buildbot":
        return table.get(module)
    name = module.removeprefix("buildbot.")
    covers = [each for each in table if name == each or (each.endswith(".") and f"{name}.".startswith(each))]
    return table[max(covers, key=len)] if covers else None


def imports(tree: ast.AST) -> Iterator[str]:
    """The absolute names that a source imports when it runs, not those for the type checker alone."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from imports(node)


def upward(sources: dict[str, str], table: dict[str, tuple[int, int]]) -> list[str]:
    """What is wrong with a set of modules, given by name and text: one line for each arrow."""
    wrong = []
    for module, text in sources.items():
        here = placeOf(module, table)
        if here is None:
            wrong.append(f"{module} has no place in docs/architecture/layers.rst")
            continue
        for name in imports(ast.parse(text)):
            if here[0] < 2 and f"{name}.".startswith(tuple(f"{each}." for each in OUTSIDE)):
                wrong.append(f"{module} is in L{here[0]} and imports {name}")
            target = name if name in sources else name.rpartition(".")[0]
            there = placeOf(target, table) if target in sources and target != module else None
            if there is not None and there > here:
                wrong.append(f"{module} (L{here[0]}) imports {target} (L{there[0]}), which stands above it")
    return wrong


def lostTests() -> list[str]:
    """The modules whose first line names tests that are not there."""
    lost = []
    for path in sorted([*(ROOT / "buildbot").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]):
        with path.open() as file:
            for name in re.findall(r"\btests\.[\w.]+", file.readline()):
                place = ROOT.joinpath(*name.rstrip(".").split("."))
                if not place.is_dir() and not place.with_suffix(".py").exists():
                    lost.append(f"{path.relative_to(ROOT)}: {name}")
    return lost


def modules() -> dict[str, str]:
    """The source of every module with anything but a docstring in it, by dotted name."""
    found = {}
    for path in sorted((ROOT / "buildbot").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        text = path.read_text()
        if path.name != "__init__.py" or len(ast.parse(text).body) > 1:
            found[".".join(parts).removesuffix(".__init__")] = text
    return found


class LayersTests(unittest.TestCase):
    """Every import points downward."""

    def setUp(self) -> None:
        self.table = places((ROOT / "docs" / "architecture" / "layers.rst").read_text())

    def test_noArrowUpward(self) -> None:
        """No module imports from a layer above its own, and each has a place."""
        self.assertEqual(upward(modules(), self.table), [])

    def test_noEmptyPlace(self) -> None:
        """Every place in the table is taken by a module that exists."""
        names = ["buildbot" if name == "buildbot" else f"buildbot.{name}" for name in self.table]
        there = [f"{name}." for name in modules()]
        self.assertEqual([n for n in names if not any(t.startswith(f"{n.rstrip('.')}.") for t in there)], [])

    def test_firstLines(self) -> None:
        """A module's first line says where its tests are, or a test's what else there is: that exists."""
        self.assertEqual(lostTests(), [])

    def test_anArrowIsNamed(self) -> None:
        """A rule that imports the master, or a clock, is found out; what the type checker needs is not."""
        table = {"rules": (1, 0), "values": (1, 1), "master": (6, 0)}
        sources = {
            "buildbot.master": "from buildbot import rules",
            "buildbot.rules": "import time\nfrom buildbot.values import v\ndef f(): import buildbot.master",
            "buildbot.values": "if TYPE_CHECKING:\n    from twisted.internet.defer import Deferred",
            "buildbot.lost": "",
        }
        self.assertEqual(
            upward(sources, table),
            [
                "buildbot.rules is in L1 and imports time",
                "buildbot.rules (L1) imports buildbot.values (L1), which stands above it",
                "buildbot.rules (L1) imports buildbot.master (L6), which stands above it",
                "buildbot.lost has no place in docs/architecture/layers.rst",
            ],
        )

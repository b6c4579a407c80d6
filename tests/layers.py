"""The modules of the package, and the table of layers in docs/architecture/layers.rst."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Layer:
    """One row of the table: its folders, and their pure modules."""

    names: tuple[str, ...]
    pure: tuple[str, ...]

    def isPure(self, module: str) -> bool:
        """True if a module is a pure one of this row."""
        return any(matches(module, each) for each in self.pure)


def matches(module: str, pattern: str) -> bool:
    """True if a pattern names a module: alone ("banana"), or with its folder inside the row ("logs/*")."""
    path = "/".join(module.removeprefix("buildbot.").split(".")[1:] or [module])
    return fnmatchcase(path if "/" in pattern else path.rpartition("/")[2], pattern)


def layersOf(page: str) -> list[Layer]:
    """The rows of the table, the lowest first."""
    rows = re.findall(r"^   \* - (``.*)\n     - .*(?:\n       .*)*\n     -(.*(?:\n       .*)*)", page, re.M)
    return [Layer(*(tuple(re.findall(r"``([\w.*/]+)``", cell)) for cell in row)) for row in rows]


def placeOf(module: str, layers: list[Layer]) -> int | None:
    """The row of a module: that of its folder, or its own in the root."""
    name = module.removeprefix("buildbot.").partition(".")[0]
    return next((number for number, layer in enumerate(layers) if name in layer.names), None)


def parsed(text: str) -> ast.Module:
    """A source as a tree. Do not keep it: those of all sources are a million objects."""
    return ast.parse(text)


@cache
def modules() -> dict[str, str]:
    """The source of every module that has more than a docstring, by dotted name."""
    found = {}
    for path in sorted((ROOT / "buildbot").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        text = path.read_text()
        if path.name != "__init__.py" or len(parsed(text).body) > 1:
            found[".".join(parts).removesuffix(".__init__")] = text
    return found

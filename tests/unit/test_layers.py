"""The folders in docs/architecture/layers.rst, compared with the source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib import import_module

from twisted.trial import unittest

from tests.layers import ROOT, Layer, layersOf, matches, modules, parsed, placeOf

#: Imports that a rule may not have: it gets time as an argument, and returns values.
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
#: The most lines of a facade.
LONGEST_FACADE = 70


def facadesOf(page: str) -> set[str]:
    """The facades in the page."""
    section = page.partition("These are the facades:")[2].partition("\nCalls up a layer")[0]
    return set(re.findall(r"``([\w.]+)``", section))


def imports(text: str, typing: bool = True) -> list[str]:
    """The absolute names that a source imports; with C{typing}, also those for the type checker."""
    return [name for name, isForTypes in _imported(text) if typing or not isForTypes]


@cache
def _imported(text: str) -> list[tuple[str, bool]]:
    """The names that a source imports, each with True if it is for the type checker."""
    return list(_imports(parsed(text).body, False))


def _imports(nodes: Iterable[ast.AST], isForTypes: bool) -> Iterator[tuple[str, bool]]:
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, isForTypes) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((f"{node.module}.{alias.name}", isForTypes) for alias in node.names)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            yield from _imports(node.body, True)
            yield from _imports(node.orelse, isForTypes)
        else:
            for part in ("body", "orelse", "handlers", "finalbody", "cases"):
                yield from _imports(getattr(node, part, ()), isForTypes)


def arrows(sources: Mapping[str, str]) -> dict[str, set[str]]:
    """The modules that each module imports, among those given by name and text."""
    found: dict[str, set[str]] = {}
    for module, text in sources.items():
        names = imports(text)
        targets = {name if name in sources else name.rpartition(".")[0] for name in names}
        found[module] = {target for target in targets if target in sources and target != module}
    return found


def upward(sources: Mapping[str, str], layers: list[Layer], facades: Iterable[str] = ()) -> list[str]:
    """The errors of a set of modules, given by name and text: one line for each import upward."""
    wrong = []
    hidden = {f"buildbot.{name}" for name in facades}
    for module, targets in arrows(sources).items():
        if module in hidden:
            continue
        here = placeOf(module, layers)
        if here is None:
            wrong.append(f"{module} is in no row of docs/architecture/layers.rst")
            continue
        for target in sorted(targets):
            there = placeOf(target, layers)
            if target in hidden:
                wrong.append(f"{module} imports {target}, a facade")
            elif there is not None and there > here:
                wrong.append(f"{module} imports {target}, which stands above it")
        if layers[here].isPure(module):
            for name in imports(sources[module], typing=False):
                if f"{name}.".startswith(tuple(f"{each}." for each in OUTSIDE)):
                    wrong.append(f"{module} is pure and imports {name}")
    return wrong


def lost(sources: Mapping[str, str]) -> list[str]:
    """The imported modules of the package that are missing."""
    packages = {name.rpartition(".")[0] for name in sources} | {"buildbot"}
    return [
        f"{module} imports {name}"
        for module, text in sources.items()
        for name in imports(text)
        if name.startswith("buildbot.") and not {name, name.rpartition(".")[0]} & {*sources, *packages}
    ]


def circles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The modules that import each other, directly or indirectly: those of each circle."""
    reached = {}
    for start in graph:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = graph.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        reached[start] = seen
    found = {frozenset(b for b in reached[a] if a in reached.get(b, ())) for a in graph if a in reached[a]}
    return sorted(map(sorted, found))


def lostTests() -> list[str]:
    """The modules whose first line names missing tests."""
    lost = []
    for path in sorted([*(ROOT / "buildbot").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]):
        with path.open() as file:
            for name in re.findall(r"\btests\.[\w.]+", file.readline()):
                place = ROOT.joinpath(*name.rstrip(".").split("."))
                if not place.is_dir() and not place.with_suffix(".py").exists():
                    lost.append(f"{path.relative_to(ROOT)}: {name}")
    return lost


class LayersTests(unittest.TestCase):
    """Every import points downward."""

    def setUp(self) -> None:
        page = (ROOT / "docs" / "architecture" / "layers.rst").read_text()
        self.layers, self.facades = layersOf(page), facadesOf(page)

    def test_imports(self) -> None:
        """No module imports from a folder above its own, nor from a facade; and each has a row.

        Every imported module of the package exists. No module imports itself indirectly, not even for the
        type checker. (It is one test because it reads the whole package, which takes seconds.)
        """
        wrong = upward(modules(), self.layers, self.facades)
        self.assertEqual(wrong, [], "docs/architecture/layers.rst has the layers and says what to do instead")
        self.assertEqual(lost(modules()), [])
        self.assertEqual(circles(arrows(modules())), [])

    def test_missing(self) -> None:
        """An imported module that does not exist is found."""
        self.assertEqual(
            lost({"buildbot.a.b": "from buildbot.c.d import e"}), ["buildbot.a.b imports buildbot.c.d.e"]
        )

    def test_everyFolderHasARow(self) -> None:
        """Every folder has one row in the table, and every row a folder."""
        folders = {path.parent.name for path in (ROOT / "buildbot").glob("*/__init__.py")}
        names = [name for layer in self.layers for name in layer.names]
        self.assertEqual(sorted(names), sorted(folders | {"buildbot", "interfaces", "__main__"}))

    def test_everyPatternMatches(self) -> None:
        """Every name of a pure module in the page is that of a module."""
        there = [name.removeprefix("buildbot.") for name in modules()]
        for layer in self.layers:
            names = [name for name in there if name.partition(".")[0] in layer.names]
            for pattern in layer.pure:
                self.assertTrue([each for each in names if matches(each, pattern)], (layer, pattern))

    def test_patternsWithFolders(self) -> None:
        """A pattern with a folder names the modules of that folder alone; one without names them in all."""
        self.assertTrue(matches("buildbot.web.logs.ansi", "logs/*"))
        self.assertFalse(matches("buildbot.web.pages.ansi", "logs/*"))
        self.assertTrue(matches("web.pages.ansi", "ansi"))
        self.assertTrue(matches("buildbot.interfaces", "*"))

    def test_facades(self) -> None:
        """Every facade is short and has its names; every module in the root is one, or has a row."""
        sources = modules()
        for name in self.facades:
            self.assertLess(len(sources[f"buildbot.{name}"].splitlines()), LONGEST_FACADE, name)
            module = import_module(f"buildbot.{name}")
            self.assertEqual(
                [each for each in getattr(module, "__all__", ()) if not hasattr(module, each)], []
            )
        root = {path.stem for path in (ROOT / "buildbot").glob("*.py")} - {"__init__"}
        self.assertEqual(root - self.facades, {"interfaces", "__main__"})

    def test_encryptionIsLate(self) -> None:
        """A program that only reads a configuration does not load OpenSSL, which takes a quarter of its time.

        Twisted's TCP loads it; so only modules for running servers and clients import that.
        """
        servers = ("buildbot.irc.", "buildbot.readers.")
        loading = ("twisted.internet.tcp", "twisted.internet.ssl", "twisted.protocols.tls", "OpenSSL")
        found = [name for name, text in modules().items() if set(imports(text, typing=False)) & {*loading}]
        self.assertEqual([name for name in found if not name.startswith(servers)], [])

    def test_firstLines(self) -> None:
        """The tests named in a module's first line exist."""
        self.assertEqual(lostTests(), [])

    def test_anArrowIsNamed(self) -> None:
        """A rule that imports the master, a clock or a facade is found; so is an import for types."""
        layers = [Layer(("rules",), ("dates",)), Layer(("master",), ())]
        typed = "if TYPE_CHECKING:\n    from buildbot.master.service import M"
        sources = {
            "buildbot.master.service": "from buildbot.rules import dates",
            "buildbot.rules.dates": "import time\ndef f(): import buildbot.master.service",
            "buildbot.rules.names": f"import time\n{typed}",
            "buildbot.rules.old": "from buildbot.facade import x",
            "buildbot.facade": "from buildbot.master.service import M",
            "buildbot.lost.module": "",
        }
        self.assertEqual(
            upward(sources, layers, ["facade"]),
            [
                "buildbot.rules.dates imports buildbot.master.service, which stands above it",
                "buildbot.rules.dates is pure and imports time",
                "buildbot.rules.names imports buildbot.master.service, which stands above it",
                "buildbot.rules.old imports buildbot.facade, a facade",
                "buildbot.lost.module is in no row of docs/architecture/layers.rst",
            ],
        )
        self.assertEqual(circles(arrows(sources)), [["buildbot.master.service", "buildbot.rules.dates"]])

    def test_whatIsForTypesOnly(self) -> None:
        """A pure module may name a Deferred for the type checker."""
        text = "if TYPE_CHECKING:\n    from twisted.internet.defer import Deferred"
        self.assertEqual(upward({"buildbot.rules.a": text}, [Layer(("rules",), ("*",))]), [])

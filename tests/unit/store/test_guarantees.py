"""The table of guarantees in docs/howto/postgresql is held by tests."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "howto" / "postgresql.rst"


class GuaranteeTests(SynchronousTestCase):
    """Some of the named tests need a server, so their modules are read, and not imported."""

    def test_each(self) -> None:
        """Each guarantee names the tests that hold it, and these exist."""
        table = PAGE.read_text(encoding="utf-8").partition(":name: postgresql-guarantees")[2]
        rows = re.split(r"^   \* - ", table.partition("\nWhat is not")[0], flags=re.MULTILINE)[2:]
        self.assertGreater(len(rows), 15)
        for row in rows:
            names = re.findall(r"``([\w.]+)\.(\w+)\.(test_\w+)``", row)
            self.assertTrue(names, row)
            for module, case, test in names:
                self.assertIn(f"{case}.{test}", self.foundIn(module))

    def foundIn(self, module: str) -> set[str]:
        """The tests of a module: case and name."""
        path = ROOT.joinpath("tests", *module.split(".")).with_suffix(".py")
        return {
            f"{case.name}.{test.name}"
            for case in ast.parse(path.read_text(encoding="utf-8")).body
            if isinstance(case, ast.ClassDef)
            for test in case.body
            if isinstance(test, ast.FunctionDef | ast.AsyncFunctionDef)
        }

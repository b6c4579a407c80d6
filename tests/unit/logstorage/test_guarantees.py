"""The table of guarantees in docs/howto/object-storage is held by tests."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

PAGE = Path(__file__).parents[3] / "docs" / "howto" / "object-storage.rst"


class GuaranteeTests(SynchronousTestCase):
    def test_each(self) -> None:
        """Each guarantee names the tests that hold it, and these exist."""
        table = PAGE.read_text(encoding="utf-8").partition(":name: object-storage-guarantees")[2]
        rows = re.split(r"^   \* - ", table, flags=re.MULTILINE)[2:]
        self.assertGreater(len(rows), 10)
        for row in rows:
            names = re.findall(r"``(test_\w+)\.(\w+)\.(test_\w+)``", row)
            self.assertTrue(names, row)
            for module, case, test in names:
                found = import_module(f"tests.unit.logstorage.{module}")
                self.assertTrue(callable(getattr(getattr(found, case), test)), row)

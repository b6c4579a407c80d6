"""What a page says about a log that cannot be read."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial import unittest

from buildbot.model.records import LogRecord
from buildbot.web.logreading import gone


class GoneTests(unittest.SynchronousTestCase):
    """The file is not there."""

    def told(self, trouble: str, why: OSError) -> tuple[int, str]:
        """The status and the sentence about a log with this trouble."""
        record = LogRecord("stdio", "full/0-log-a-stdio", 0, None, trouble)
        shown: Any = SimpleNamespace(record=record, directory=SimpleNamespace(directory="/nowhere/logs"))
        problem = gone(shown, why)
        return problem.status, problem.detail

    def test_removed(self) -> None:
        """P8: a log that was removed says which limit has removed it."""
        missing = FileNotFoundError(2, "No such file or directory")
        why = "removed: logs of the last 2 builds are kept"
        self.assertEqual(self.told(why, missing), (404, f"Its file: No such file or directory ({why})."))
        self.assertEqual(self.told("", missing), (404, "Its file: No such file or directory."))

    def test_broken(self) -> None:
        """A broken disk is no missing log."""
        broken = OSError(5, "Input/output error")
        self.assertEqual(self.told("", broken), (503, "Its file: Input/output error."))

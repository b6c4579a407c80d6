"""What the benchmarks say about themselves, and about the machine."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

from twisted.trial import unittest

from tests.benchmarks import biglog, builds, weblog


class HelpTests(unittest.SynchronousTestCase):
    """A contributor asks what a benchmark does."""

    def test_help(self) -> None:
        """C{--help} tells the options of a benchmark, and runs nothing."""
        for benchmark in (biglog, weblog):
            with redirect_stdout(io.StringIO()) as said:
                end = self.assertRaises(SystemExit, benchmark.main, ["--help"])
            self.assertEqual(end.code, 0)
            self.assertIn("--short", said.getvalue())
            self.assertIn(f"usage: python -m {benchmark.__name__}", said.getvalue())
            self.assertNotIn("--watch", said.getvalue())  # only for its own process

    def test_unknown(self) -> None:
        """A wrong option is told, and runs nothing."""
        for benchmark in (biglog, weblog):
            with redirect_stderr(io.StringIO()) as said:
                end = self.assertRaises(SystemExit, benchmark.main, ["--shrot"])
            self.assertEqual(end.code, 2)
            self.assertIn("--shrot", said.getvalue())


class MachineTests(unittest.SynchronousTestCase):
    """A contributor measures builds on a disk that is busy with the files deleted a moment ago."""

    def test_dearFiles(self) -> None:
        """A benchmark says when new files are too dear to measure builds, and what to do."""
        self.assertEqual(builds.fileLine(11.4), "a new file 11 us of CPU")
        self.assertRegex(builds.fileLine(981), "^a new file 981 us of CPU, too much: .* TMPDIR ")

# -*- test-case-name: tests.unit.test_environ -*-
"""What programs started by tests find in their environment."""

from __future__ import annotations

import os
import sys
import warnings

from twisted.trial import unittest
from twisted.trial.reporter import TestResult

from tests.environ import asStarted


class EnvironTests(unittest.SynchronousTestCase):
    """The variables of one process that runs tests, and of the processes that C{trial -j} starts from it."""

    def inherited(self, environ: dict[str, str]) -> dict[str, str]:
        """What a program started by a test in such a process sees."""
        asStarted(environ)
        worker = {**environ, "PYTHONPATH": os.pathsep.join([*sys.path, os.path.dirname(os.__file__)])}
        asStarted(worker)
        self.assertEqual(worker, environ)
        return {name: value for name, value in worker.items() if not name.startswith("BUILDBOT_TEST_")}

    def test_none(self) -> None:
        """Without a PYTHONPATH, programs get none with C{-j} either, so that Python 2.7 works."""
        self.assertEqual(self.inherited({"PATH": "/bin"}), {"PATH": "/bin"})

    def test_own(self) -> None:
        """The user's own PYTHONPATH stays."""
        self.assertEqual(self.inherited({"PYTHONPATH": "/opt/lib"}), {"PYTHONPATH": "/opt/lib"})

    def test_here(self) -> None:
        """The programs that these tests start do not inherit the path of this process."""
        entries = os.environ.get("PYTHONPATH", "").split(os.pathsep)
        self.assertNotIn(os.path.dirname(os.__file__), entries)


class _Warns(unittest.SynchronousTestCase):
    """A test that warns, and that looks what has been collected."""

    seen = 0

    def runTest(self) -> None:
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        self.seen = len(self.flushWarnings())


class WarningsTests(unittest.SynchronousTestCase):
    """The warnings of one test, although trial does not clear what each module has shown."""

    def test_eachTest(self) -> None:
        """A test sees a warning also if another test has seen the same one before."""
        tests = [_Warns(), _Warns()]
        for test in tests:
            test(TestResult())
        self.assertEqual([test.seen for test in tests], [1, 1])

    def test_outside(self) -> None:
        """A test sees a warning also if it was shown before the tests, and once only."""
        with warnings.catch_warnings():
            warnings.simplefilter("once")
            warnings.showwarning = lambda *said: None
            self.warn()
            self.warn()
        self.warn()
        self.assertEqual(len(self.flushWarnings([self.warn])), 1)

    def warn(self) -> None:
        warnings.warn("older", DeprecationWarning, stacklevel=1)


class HypothesisTests(unittest.SynchronousTestCase):
    """Where Hypothesis keeps its tables."""

    def test_oneForAll(self) -> None:
        """It is one directory, whatever directory a test runs in."""
        self.assertTrue(os.path.isabs(os.environ["HYPOTHESIS_STORAGE_DIRECTORY"]))

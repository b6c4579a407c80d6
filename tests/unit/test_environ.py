# -*- test-case-name: tests.unit.test_environ -*-
"""What programs started by tests find in their environment."""

from __future__ import annotations

import os
import sys

from twisted.trial import unittest

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

"""The processes that share the fast tests, as a shell starts them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from twisted.trial import unittest

from tests.integration.processes import ROOT, environment

CASES = """
import signal, subprocess, sys
from twisted.trial import unittest

class Tests(unittest.TestCase):
    def test_child(self):
        look = "import signal, sys; sys.exit(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
        self.assertEqual(subprocess.call([sys.executable, "-c", look]), 0)
"""


def withoutInterrupts() -> None:
    """What a shell does before it starts a program in the background."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class LanesTests(unittest.SynchronousTestCase):
    """C{python -m tests.lanes} in a directory with modules of tests."""

    def run_(self, **sources: str) -> tuple[int, str]:
        """Run such modules in two processes in the background: the exit status, and what was printed."""
        directory = os.path.abspath(self.mktemp())
        os.mkdir(directory)
        for name, source in sources.items():
            with open(os.path.join(directory, f"{name}.py"), "w") as file:
                file.write(source)
        environ = {**environment(directory), "PYTHONPATH": os.pathsep.join((directory, ROOT))}
        words = [sys.executable, "-m", "tests.lanes", "-j2", "--temp-directory", f"{directory}/t", *sources]
        ended = subprocess.run(
            words,
            preexec_fn=withoutInterrupts,
            env=environ,
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        return ended.returncode, ended.stdout

    def test_background(self) -> None:
        """Programs that tests start can be interrupted, also if a script runs the tests in the background."""
        status, said = self.run_(some_cases=CASES)
        self.assertEqual(status, 0, said)
        self.assertIn("some_cases: 1\n", said)
        self.assertIn("PASSED (successes=1)", said)

    def test_trialInBackground(self) -> None:
        """The same is true for trial itself."""
        directory = os.path.abspath(self.mktemp())
        os.mkdir(directory)
        with open(os.path.join(directory, "some_cases.py"), "w") as file:
            file.write(f"import tests\n{CASES}")
        ended = subprocess.run(
            [sys.executable, "-c", "from twisted.scripts.trial import run; run()", "some_cases"],
            preexec_fn=withoutInterrupts,
            env={**environment(directory), "PYTHONPATH": os.pathsep.join((directory, ROOT))},
            cwd=directory,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
        )
        self.assertEqual(ended.returncode, 0, ended.stdout)

    def test_died(self) -> None:
        """The end of a process before its time is told, and is a failure."""
        status, said = self.run_(dying_cases="import os; os._exit(3)", some_cases=CASES)
        self.assertEqual(status, 1, said)
        self.assertRegex(said, r"process \d ended before its time: exit status 3")
        self.assertIn("FAILED (errors=1", said)

"""The ports that tests choose for their servers."""

from __future__ import annotations

import os
import subprocess
import sys

from twisted.trial.unittest import SynchronousTestCase

from tests.ports import PORTS, SHARE, freePort, shares
from tests.processes.test_tryjobdir import ROOT

#: Another process of tests: it says which ports it has, and ends when it is told so.
_OTHER = "import sys; from tests.ports import shares; print(next(shares(sys.argv[1])), flush=True); input()"


class PortsTests(SynchronousTestCase):
    """See L{tests.ports}."""

    def other(self, directory: str) -> str:
        """Start another process; return the words about its ports."""
        child = subprocess.Popen(
            [sys.executable, "-c", _OTHER, directory],
            env={**os.environ, "PYTHONPATH": ROOT},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(child.communicate, "\n")
        assert child.stdout is not None
        return child.stdout.readline().strip()

    def test_shares(self) -> None:
        """No two processes that run at once have a port in common."""
        directory = self.mktemp()
        said = {self.other(directory) for _ in range(3)}
        self.assertEqual(len(said), 3)
        mine = next(shares(directory))
        self.assertEqual(len(mine), SHARE)
        self.assertNotIn(str(mine), said)

    def test_ended(self) -> None:
        """The ports of processes that have ended are used again."""
        directory = self.mktemp()
        every = [next(shares(directory)) for _ in PORTS[::SHARE]]
        self.assertEqual(sorted(each.start for each in every), list(PORTS[::SHARE]))
        self.assertEqual(next(shares(directory)), PORTS)
        locks = [os.path.join("/proc/self/fd", each) for each in os.listdir("/proc/self/fd")]
        for each in locks:
            if os.path.dirname(os.path.realpath(each)) == os.path.realpath(directory):
                os.close(int(os.path.basename(each)))
        self.assertIn(next(shares(directory)), every)

    def test_never(self) -> None:
        """A process gets no port twice while it has others."""
        ports = [freePort() for _ in range(100)]
        self.assertEqual(len(set(ports)), 100)
        self.assertTrue(all(each in PORTS for each in ports))

"""A real master with a set umask: others can read uploads, and none of the master's own files."""

from __future__ import annotations

import os
import shutil
import tempfile

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks import servers


class UmaskTests(SynchronousTestCase):
    """F11: umask in buildbot.tac."""

    def setUp(self) -> None:
        self.basedir = tempfile.mkdtemp(prefix="umask-")
        self.addCleanup(shutil.rmtree, self.basedir, ignore_errors=True)
        servers.writeMaster(self.basedir, 1)

    def start(self, umask: str) -> int:
        """Start a master whose buildbot.tac has this line."""
        with open(os.path.join(self.basedir, "buildbot.tac"), "a") as tac:
            tac.write(f"{umask}\n")
        pid = servers.start(self.basedir)
        self.addCleanup(servers.stop, self.basedir, pid)
        return pid

    def umaskOf(self, pid: int) -> str:
        """The umask of a process, from the system."""
        with open(f"/proc/{pid}/status") as status:
            return next(line.split()[1] for line in status if line.startswith("Umask:"))

    def test_set(self) -> None:
        """F11: umask = 0o022 in buildbot.tac is the umask of the master; its own files stay private."""
        self.assertEqual(self.umaskOf(self.start("umask = 0o022")), "0022")
        open_ = [
            name
            for name in os.listdir(self.basedir)
            if name.startswith(("state", "twistd.log", "control", "buildbot.lock"))
            and os.stat(os.path.join(self.basedir, name)).st_mode & 0o077
        ]
        self.assertEqual(open_, [])
        self.assertIn("state.sqlite", os.listdir(self.basedir))

    def test_usual(self) -> None:
        """F11: without that line everything is private."""
        self.assertEqual(self.umaskOf(self.start("umask = None")), "0077")

    def test_wrong(self) -> None:
        """F11: an invalid umask is reported when the master starts."""
        failed = self.assertRaises(servers.StartFailed, self.start, "umask = '022'")
        self.assertIn(
            "says umask = '022': it must be None or a number from 0 to 0o777, such as 0o022", str(failed)
        )

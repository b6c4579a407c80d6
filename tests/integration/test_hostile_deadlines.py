"""H8: a real master whose slaves are alive but never end their commands."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.benchmarks import servers
from tests.benchmarks.hostile_deadlines import endless


class EndlessTests(SynchronousTestCase):
    """Slaves that never end a command."""

    def test_endless(self) -> None:
        """H8: such a slave's build releases its lock within a minute, the slave is disconnected, without a
        traceback.
        """
        with servers.master(2) as server:
            seconds, build = endless(server)
            log = server.log()
        assert build is not None, f"it holds the lock after {seconds:.0f} s"
        self.assertLess(seconds, 100.0)
        self.assertEqual(build["result"], "exception")
        self.assertEqual(build["text"], ["the command 'shell' did not end within its time limit"])
        self.assertNotIn("Traceback", log)

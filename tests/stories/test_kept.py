"""An administrator says in master.cfg how much history to keep."""

from __future__ import annotations

from twisted.internet.defer import ensureDeferred, maybeDeferred

from buildbot.store.interface import IMPORTED
from tests.stories.world import World


class KeptTests(World):
    """A master that has built."""

    def begin(self, builds: int = 5) -> None:
        """Start the master, and build."""
        self.successResultOf(self.start())
        self.master.botmaster.retention.logs.inThread = maybeDeferred
        self.connect()
        for number in range(builds):
            ensureDeferred(self.master.commands["force"]("full", reason=str(number), who="ann"))
            self.wait(1)

    def left(self) -> list[int]:
        """The numbers of the builds that are there."""
        found = self.successResultOf(self.store.getBuilds("full"))
        return sorted(build.number or 0 for build in found)

    def anHour(self) -> None:
        """Let an hour pass."""
        self.reactor.advance(3600)
        self.wait(2)

    def test_reconfig(self) -> None:
        """P8: c['buildHorizon'] in a reconfig is told, and within an hour older builds go; not before."""
        self.begin()
        self.add("c['buildHorizon'] = 2")
        outcome = self.reconfig()
        self.assertIn("~ buildHorizon: not given -> 2", str(outcome))
        self.assertEqual(self.status()["master"]["keeps"], {"builds": 2, "days": None})
        self.assertEqual(self.left(), [0, 1, 2, 3, 4])
        self.anHour()
        self.assertEqual(self.left(), [3, 4])

    def test_restart(self) -> None:
        """P8: a start removes old builds at once, and the next build has the next number."""
        self.begin()
        self.stop()
        self.add("c['buildHorizon'] = 1")
        self.begin(1)
        self.assertEqual(self.left(), [4, 5])
        self.anHour()
        self.assertEqual(self.left(), [5])

    def test_imported(self) -> None:
        """The first start after an import removes nothing, and status says that all is kept."""
        self.successResultOf(self.store.open())
        self.successResultOf(self.store.setState(IMPORTED, True))
        self.successResultOf(self.store.close())
        self.begin()
        self.anHour()
        self.assertEqual(self.left(), [0, 1, 2, 3, 4])
        self.assertEqual(self.status()["master"]["keeps"], {"builds": None, "days": None})

    def test_wrong(self) -> None:
        """A limit that would remove everything is refused, and nothing is removed."""
        self.begin()
        self.add("c['buildHorizon'] = 0")
        self.assertIn("must be 1 or more, or None for no limit", str(self.reconfig()))
        self.anHour()
        self.assertEqual(self.left(), [0, 1, 2, 3, 4])

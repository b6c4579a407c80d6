"""Latent slaves that do not attach after their start."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.config.model import SlaveConfig
from buildbot.mails.lateslaves import LateSlaves
from buildbot.mails.missing import Watch, watchesOf


class LateSlavesTests(unittest.SynchronousTestCase):
    """Mails about late slaves."""

    def setUp(self) -> None:
        self.late: dict[str, float | None] = {}
        self.watched = {"bot1": Watch(("owner@x.example",), 300.0)}
        self.told: list[tuple[str, float]] = []
        self.slaves = LateSlaves(lambda: self.watched, self.late.get, self.tell)

    async def tell(self, name: str, since: float, watch: Watch) -> None:
        self.told.append((name, since))

    def change(self, since: float | None, name: str = "bot1") -> None:
        """The state of a slave changes."""
        self.late[name] = since
        self.slaves.changed(name)

    def test_once(self) -> None:
        """There is one mail, however often it is late, until it attaches; then there may be another one."""
        for since in (None, 7.0, 7.0, None, 9.0):
            self.change(since)
        self.assertEqual(self.told, [("bot1", 7.0), ("bot1", 9.0)])

    def test_notWatched(self) -> None:
        """Nobody is told about a slave that nobody watches; those who watch it later are."""
        self.change(7.0, "bot2")
        self.assertEqual(self.told, [])
        self.watched["bot2"] = self.watched["bot1"]
        self.change(7.0, "bot2")
        self.assertEqual(self.told, [("bot2", 7.0)])

    def test_fails(self) -> None:
        """A mail that cannot be written is logged, and harms nothing."""

        async def broken(name: str, since: float, watch: Watch) -> None:
            raise OSError("no text")

        self.slaves = LateSlaves(lambda: self.watched, self.late.get, broken)
        self.change(7.0)
        self.assertEqual(len(self.flushLoggedErrors(OSError)), 1)

    def test_watches(self) -> None:
        """Latent slaves are watched apart from the others: they are away whenever no build needs them."""
        slaves = [
            SlaveConfig("plain", "p", notify=("a@x",)),
            SlaveConfig("latent", "p", notify=("b@x",), latent=object()),
        ]
        self.assertEqual(list(watchesOf(slaves, True, (), ())), ["plain"])
        self.assertEqual(list(watchesOf(slaves, True, (), (), latent=True)), ["latent"])

"""A whole master with latent slaves, and random events: never two instances of a slave, none forgotten."""

from __future__ import annotations

import random
from typing import Any

from twisted.internet.defer import ensureDeferred

from tests.examples import examples
from tests.stories.test_latent import FILE, LatentCase

#: The slaves of the file, one of them at a time.
SLAVES = (
    "slave('bot1'), slave('bot2')",
    "slave('bot2'), slave('bot1')",
    "slave('bot1', build_wait_timeout=0), slave('bot2')",
    "slave('bot2', stop_with_master=False)",
    "slave('bot1', stop_with_master=False), slave('bot2', size='large')",
)


class RandomTests(LatentCase):
    """Anything may happen."""

    def setUp(self) -> None:
        super().setUp()
        self.chance = random.Random(0)
        self.slavesNow = SLAVES[0]

    def file(self, slaves: str) -> str:
        """A configuration with these slaves."""
        return FILE.replace("[slave('bot1')]", f"[{slaves}]") + "c['mergeRequests'] = False\n"

    def wanted(self) -> None:
        """Somebody wants a build."""
        asked = ensureDeferred(
            self.master.commands["force"](
                builder="full", scheduler="form", who="ann", revision=str(self.chance.randrange(4))
            )
        )
        self.settle()
        self.successResultOf(asked)

    def attaches(self) -> None:
        """An instance attaches, if its slave is not connected."""
        for name in self.cloud.running:
            if name not in self.connected():
                self.attach(name)
                return

    def builds(self) -> None:
        """A build ends."""
        for slave in self.slaves:
            if slave.commands:
                slave.commands.pop(0).end(self.chance.choice((0, 0, 2)))
                self.settle()
                return

    def lost(self) -> None:
        """A slave is lost."""
        slave: Any = self.chance.choice(self.slaves) if self.slaves else None
        if slave is not None:
            slave.commands.clear()
            slave.broker.transport.loseConnection()
            self.settle()

    def stranger(self) -> None:
        """A slave attaches without an instance."""
        name = self.chance.choice(("bot1", "bot2"))
        if name not in self.cloud.running and not self.cloud.holds:
            self.assertIsNone(self.attach(name).perspective)

    def cloudChanges(self) -> None:
        """The cloud begins or ends to fail, or to take its time."""
        what = self.chance.choice(("startFails", "stopFails", "leaks", "holds", "answer"))
        if what in ("startFails", "stopFails"):
            setattr(self.cloud, what, self.chance.choice(("", "no answer")))
        elif what == "answer":
            self.cloud.answer()
        else:
            setattr(self.cloud, what, self.chance.random() < 0.5)
            self.cloud.answer()
        self.settle()

    def changed(self) -> None:
        """The file changes."""
        self.slavesNow = self.chance.choice(SLAVES)
        self.write(self.file(self.slavesNow))
        self.assertTrue(self.reconfig(drain=self.chance.random() < 0.5)["applied"])

    def restarted(self) -> None:
        """The master stops and starts; at most it gives up its instances after a minute."""
        stopping = ensureDeferred(self.master.stopService())
        self.wait(61)
        self.successResultOf(stopping)
        self.start()
        self.settle()

    def promises(self) -> None:
        """Never two, and none forgotten."""
        self.assertLessEqual(self.cloud.most, 1)
        for name, instances in self.cloud.running.items():
            if instances:
                self.assertIn(f"instance/{name}", self.notes(), name)

    def test_random(self) -> None:
        """At most one instance of a slave runs, and the store knows it; in the end none is left."""
        steps = [self.wanted] * 3 + [self.attaches] * 4 + [self.builds] * 3 + [self.cloudChanges] * 3
        steps += [self.lost, self.stranger, self.changed, self.restarted]
        self.write(self.file(self.slavesNow))
        self.successResultOf(self.start())
        for seed in random.sample(range(20), examples(20) // 2):
            self.chance.seed(seed)
            self.cloud.most = 0
            for _ in range(40):
                self.chance.choice(steps)()
                self.wait(self.chance.choice((0, 1, 16)))
                self.promises()
            self.atRest(seed)

    def atRest(self, seed: int) -> None:
        """When all works again, all builds end, and nothing is left."""
        self.cloud.startFails = self.cloud.stopFails = ""
        self.cloud.holds = False
        self.cloud.answer()
        self.write(self.file(SLAVES[0]))  # the stop_instance of a slave that is not there is unknown
        self.assertTrue(self.reconfig()["applied"])
        builder = self.master.botmaster.builders["full"]
        for _ in range(200):
            self.attaches()
            while any(slave.commands for slave in self.slaves):
                self.builds()
            self.wait(16)
            self.promises()
            if not builder.pending and not builder.building and not self.cloud.left and not self.notes():
                return
        self.fail(f"seed {seed}: {builder.whyWaiting()}; {self.cloud.running}; {self.cloud.calls[-9:]}")

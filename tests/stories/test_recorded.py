"""Everything that people, scripts and signals do to a master is recorded."""

from __future__ import annotations

import os
import signal
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.changes.pb import TOLD
from buildbot.control.audit import DONE, FAILED
from buildbot.model.audit import Entry
from tests.stories.test_webpages import CONFIG
from tests.stories.world import World

SENDING = """
from buildbot.changes.pb import PBChangeSource
c['change_source'] = PBChangeSource('mary', 'sesame')
"""


class RecordedTests(World):
    """A master that runs."""

    def setUp(self) -> None:
        World.setUp(self)
        self.write(CONFIG.partition("from buildbot.status")[0] + SENDING)
        self.successResultOf(self.start())

    def latest(self) -> Entry:
        """The last action."""
        return self.master.audit.latest(1)[0]

    def test_startAndStop(self) -> None:
        """The start and the stop of a master are recorded, a clean one with the person who wanted it."""
        self.assertEqual((self.latest().how, self.latest().action), ("process", "startMaster"))
        self.successResultOf(ensureDeferred(self.master.commands["shutdown"]("ann")))
        self.stop()
        self.successResultOf(self.store.open())
        found = self.successResultOf(self.store.getEntries(1)).rows[0]
        self.assertEqual(found.action, "stopMaster")
        self.assertIn("as ann wants", found.detail)
        self.successResultOf(self.store.close())
        self.successResultOf(self.start())
        self.assertEqual(self.latest().number, found.number + 1)

    def test_signal(self) -> None:
        """A reconfig after SIGHUP is recorded with its outcome."""
        os.kill(os.getpid(), signal.SIGHUP)
        self.wait(2)
        self.assertEqual((self.latest().how, self.latest().outcome), ("signal", DONE))
        self.assertRegex(self.latest().detail, "generation [0-9]+: nothing has changed")
        self.write("1/0\n")
        os.kill(os.getpid(), signal.SIGHUP)
        self.wait(2)
        self.assertEqual((self.latest().action, self.latest().outcome), ("reconfig", FAILED))
        self.assertIn("master.cfg:1", self.latest().detail)

    def test_change(self) -> None:
        """Changes that somebody sends are recorded with the account and the numbers, some minutes later."""
        source: Any = self.master.sources()[0]
        perspective = source.getPerspective()

        def send(count: int) -> None:
            for _ in range(count):
                change = {"who": "ann", "files": ["a"], "comments": "x"}
                sent = ensureDeferred(perspective.perspective_addChange(change))
                self.settle()
                self.successResultOf(sent)

        send(3)
        self.reactor.advance(TOLD)
        self.assertEqual(
            (self.latest().who, self.latest().how, self.latest().action, self.latest().detail),
            ("mary", "pb", "sendChange", "3 changes: 1 to 3"),
        )
        send(1)
        self.stop()
        self.successResultOf(self.store.open())
        last = self.successResultOf(self.store.getEntries(2)).rows
        self.assertEqual(last[0].detail, "change 4")
        self.assertEqual(last[1].action, "stopMaster")

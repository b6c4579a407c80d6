"""The events of a master, as its topics tell them."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.daemon.symptoms import Symptom
from buildbot.status.happenings import LONGEST
from buildbot.status.master import Status
from buildbot.status.topics import ALL, BUILDERS, BUILDS, QUEUE, SLAVES, buildTopic
from tests.unit.process.test_builds import BuildCase, shell


class HappeningCase(BuildCase):
    """A master whose topics are watched."""

    def setUp(self) -> None:
        super().setUp()
        self.configure(shell("make"))
        self.status = Status(self.botmaster, ".")
        self.events: list[dict[str, Any]] = []

    def watch(self) -> None:
        """Collect all events."""
        self.status.topics.subscribe([ALL], lambda news: self.events.extend(news.events), events=True)
        self.wait(1)

    def told(self) -> list[str]:
        """The names of the events since the last call."""
        self.wait(1)
        names = [event["event"] for event in self.events]
        json.dumps(self.events)
        self.events.clear()
        return names


class BuildTests(HappeningCase):
    """Builders, requests and builds."""

    def test_build(self) -> None:
        """A build is told from its request to its end, in order, with numbers and results."""
        self.watch()
        slave = self.connect()
        self.assertEqual(self.told(), ["slaveConnected", "builderChangedState"])
        self.force()
        slave.commands[0].end(0)
        self.settle()
        self.wait(1)
        build, step = {"builder": "full", "number": 0}, {"builder": "full", "number": 0, "step": "shell"}
        for event, data in (
            ("buildStarted", {**build, "slave": "bot1", "reason": "because", "requests": (1,)}),
            ("stepFinished", {**step, "results": 0, "result": "success"}),
            ("logFinished", {**step, "log": "stdio"}),
            ("buildFinished", {**build, "result": "success", "text": "build successful"}),
        ):
            (found,) = [each for each in self.events if each["event"] == event]
            self.assertEqual(found["data"], {**found["data"], **data})
        self.assertEqual(
            [name for name in self.told() if name != "builderChangedState"],
            [
                *("buildsetSubmitted", "requestSubmitted", "buildStarted", "stepStarted", "logStarted"),
                *("logFinished", "stepFinished", "buildFinished", "buildsetComplete"),
            ],
        )

    def test_topics(self) -> None:
        """A log touches the page of its build; the end of the build touches the lists, too."""
        topics = self.status.topics
        slave = self.connect()
        topics.generation()
        self.force()
        self.wait(1)
        page = buildTopic("full", 0)
        before = {each: topics.generation(each) for each in (page, BUILDS, BUILDERS, SLAVES, QUEUE)}
        build = self.status.getBuilder("full").getCurrentBuilds()[0]
        build.getSteps()[0].addLog("more")
        self.wait(1)
        touched = [each for each in before if topics.generation(each) > before[each]]
        self.assertEqual(touched, [page])
        slave.commands[0].end(0)
        self.settle()
        self.wait(1)
        touched = [each for each in before if topics.generation(each) > before[each]]
        self.assertEqual(touched, [page, BUILDS, BUILDERS, SLAVES, QUEUE])

    def test_late(self) -> None:
        """A hub that is first asked during a build follows its next steps, and does not tell old news."""
        self.configure(shell("one", "two"))
        slave = self.connect()
        self.force()
        self.watch()
        self.assertEqual(self.told(), [])
        slave.commands[0].end(0)
        self.settle()
        slave.commands[1].end(0)
        self.settle()
        names = self.told()
        self.assertEqual((names.count("stepStarted"), names.count("buildFinished")), (1, 1))

    def test_silence(self) -> None:
        """While nobody ever asked, nothing is heard, and no event is made."""
        self.green()
        self.force()
        self.assertFalse(self.botmaster.announcer.isHeard)
        self.assertEqual(self.botmaster.announcer.watchers, ())

    def test_queue(self) -> None:
        """Requests are told when they come, when they are cancelled, and when they come back."""
        self.watch()
        buildset = self.force()
        self.assertEqual(self.told(), ["buildsetSubmitted", "requestSubmitted"])
        buildset.requests[0].cancel()
        self.settle()
        self.assertEqual(self.told(), ["requestCancelled", "buildsetComplete"])
        slave = self.connect()
        self.force()
        self.told()
        slave.broker.transport.abortConnection()
        self.settle()
        names = self.told()
        self.assertIn("requestReturned", names)
        self.assertIn("slaveDisconnected", names)
        status = self.status.getBuilder("full").getPendingBuilds()[0]
        self.assertEqual((status.brid, status.getSubmitTime()), (2, status.submitted))

    def test_builders(self) -> None:
        """Builders that a reconfig adds or removes are told; their first state is none."""
        self.watch()
        self.configure(shell("make"), builders="quick")
        self.assertEqual(self.told(), ["builderRemoved", "builderAdded"])

    def test_longTexts(self) -> None:
        """A long reason is cut, so that an event stays small."""
        self.watch()
        buildset = self.force()
        buildset.status.reason = "x" * 9999
        self.botmaster.announcer.report("buildsetSubmitted", buildset.status)
        self.wait(1)
        self.assertEqual(len(self.events[-1]["data"]["reason"]), LONGEST)


class MasterTests(HappeningCase):
    """Slaves and troubles."""

    def test_slaves(self) -> None:
        """Pauses are told; refused logins touch the slave only."""
        self.watch()
        slave = self.botmaster.slaves["bot1"]
        pauses = self.botmaster.pauses
        self.successResultOf(ensureDeferred(pauses.pause("bot1", "ann", "disk")))
        self.successResultOf(ensureDeferred(pauses.unpause("bot1")))
        self.assertEqual(self.told(), ["slavePaused", "slaveUnpaused"])
        before = self.status.topics.generation("slave/bot1")
        slave.refused("192.0.2.1", "wrong password")
        self.assertEqual(self.told(), [])
        self.assertGreater(self.status.topics.generation("slave/bot1"), before)

    def test_troubles(self) -> None:
        """A trouble is told when it begins and when it ends, without paths."""
        self.watch()
        troubles = self.botmaster.troubles
        troubles.report("store", Symptom("no build starts", "/secret/path", "make room"))
        troubles.report("store", Symptom("no build starts", "another reason", "make room"))
        self.wait(1)
        self.assertNotIn("secret", json.dumps(self.events))
        troubles.clear("store")
        troubles.clear("store")
        self.assertEqual(self.told(), ["troubleBegan", "troubleEnded"])

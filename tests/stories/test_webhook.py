"""A web server is told what happens to builds and slaves."""

from __future__ import annotations

import json
from typing import Any

from buildbot.config.arguments import BadArguments
from buildbot.outgoing.target import TargetDown
from buildbot.webhooks.notifier import Webhook
from tests.stories.posting import PostingCase


class WebhookStory(PostingCase):
    """A master with one builder and one webhook."""

    def setUp(self) -> None:
        super().setUp()
        self.add("from buildbot.status.webhook import Webhook")
        self.add("c['status'] = [Webhook('https://hooks.example/x', secret='canary-9')]")

    def types(self) -> list[str]:
        """The types of the events that the server has got."""
        return [message["type"] for _, message in self.server.got]

    def test_events(self) -> None:
        """Starts and ends of builds are told, and a builder that breaks or is good again, in order."""
        self.begin()
        self.wait(2)
        for status in (0, 1, 1, 0):
            self.build(status)
        each = ["build.started", "build.finished"]
        self.assertEqual(
            self.types(),
            ["slave.back", *each, *each, "builder.broken", *each, *each, "builder.fixed"],
        )
        self.assertEqual(len({id for id, _ in self.server.got}), len(self.server.got))

    def test_message(self) -> None:
        """The message about a build says what C{buildbot build} says, and has no password."""
        self.add("c['buildbotURL'] = 'http://ci.example/'")
        self.begin()
        self.build(1)
        id, message = next(each for each in self.server.got if each[1]["type"] == "build.finished")
        self.assertRegex(id, r"^build\.finished\.0\.[0-9a-f]+\.full$")
        self.assertRegex(message["timestamp"], r"^1970-01-01T00:\d\d:\d\d\+00:00$")
        data = message["data"]
        self.assertEqual((data["builder"], data["number"], data["result"]), ("full", 0, "failure"))
        self.assertEqual((data["revision"], data["users"]), ("r7", ["ann"]))
        self.assertEqual(data["url"], "http://ci.example/builders/full/builds/0")
        self.assertNotIn("canary", json.dumps(self.status()))

    def test_slave(self) -> None:
        """There is a message when a slave is lost, and one when it is back."""
        self.edit("secret='canary-9'", "events=['slave.lost', 'slave.back']")
        self.begin()
        self.slaves[-1].broker.transport.loseConnection()
        self.settle()
        self.wait(2)
        self.connect()
        self.build()
        self.assertEqual(self.types(), ["slave.back", "slave.lost", "slave.back"])
        self.assertEqual(self.server.got[1][1]["data"]["slave"], "bot1")

    def test_slaveOrder(self) -> None:
        """What is told about one slave stays in order, also while the server is down."""
        self.edit("secret='canary-9'", "events=['slave.lost', 'slave.back']")
        self.begin()
        self.wait(2)
        self.server.trouble = TargetDown("connection refused")
        self.slaves[-1].broker.transport.loseConnection()
        self.settle()
        self.wait(2)
        self.connect()
        self.wait(2)
        kept = self.successResultOf(self.store.getStates("outgoing/")).values()
        self.assertEqual([each["group"] for each in kept], ["slave bot1"] * 2)

    def test_chosen(self) -> None:
        """Only the chosen events of the chosen builders are told."""
        self.edit("secret='canary-9'", "events=['build.finished'], builders='package'")
        self.begin()
        self.build()
        self.assertEqual(self.types(), [])

    def test_killed(self) -> None:
        """Events wait while the server is down, and over a kill of the master."""
        self.begin()
        self.wait(2)
        self.server.trouble = TargetDown("connection refused")
        self.build()
        self.kill()
        self.server.trouble = None
        self.begin()
        self.wait(5)
        self.assertEqual(self.types(), ["slave.back", "build.started", "build.finished", "slave.back"])

    def test_killedBeforeQueued(self) -> None:
        """A build that ended just before a kill of the master is told by the next one, and only once."""
        self.edit("secret='canary-9'", "events=['build.finished', 'builder.broken']")
        self.begin()
        self.build()
        self.loseBuild(1)
        told = ["build.finished", "build.finished", "builder.broken"]
        self.assertEqual(self.types(), told)
        self.assertEqual([message["data"]["number"] for _, message in self.server.got], [0, 1, 1])
        for restart in (self.stop, self.kill):
            restart()
            self.begin()
            self.wait(5)
        self.assertEqual(self.types(), told)

    def test_newWebhook(self) -> None:
        """A webhook that is added by a reconfig tells no old builds."""
        self.edit("c['status'] = [", "c['status'] = [][:0] and [")
        self.begin()
        self.build()
        self.edit("c['status'] = [][:0] and [", "c['status'] = [")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(5)
        self.assertEqual(self.types(), [])
        self.build(1)
        self.assertEqual(self.types(), ["build.started", "build.finished", "builder.broken"])

    def test_notInForce(self) -> None:
        """A reconfig that fails leaves the old webhook at work, at once; each event is told once."""
        self.edit("secret='canary-9'", "events=['build.finished']")
        self.begin()
        self.add("from tests.stories.plugins import Broken")
        self.edit("events=['build.finished'])]", "events=['build.started']), Broken()]")
        before = self.reactor.seconds()
        self.assertFalse(self.reconfig()["applied"])
        self.assertLess(self.reactor.seconds() - before, 3)
        self.build()
        self.build(1)
        self.assertEqual(self.types(), ["build.finished"] * 2)

    def test_similarBuilders(self) -> None:
        """Events of builders with similar names have different ids, so that none is lost as a repetition."""
        names = ("сборка", "пакеты")
        for old, new in zip(("full", "package"), names, strict=True):
            self.edit(f"'name': '{old}'", f"'name': '{new}'")
        self.edit("['full']", str(list(names)))
        self.edit("secret='canary-9'", "events=['build.finished']")
        self.begin()
        self.server.trouble = TargetDown("connection refused")
        self.build()
        self.server.trouble = None
        self.wait(120)
        self.assertEqual(sorted(message["data"]["builder"] for _, message in self.server.got), sorted(names))
        self.assertTrue(all(id.isascii() and id.isprintable() for id, _ in self.server.got))
        self.assertEqual(len({id for id, _ in self.server.got}), 2)

    def test_wrong(self) -> None:
        """Wrong arguments are told, without the secrets in them."""
        for given, said in (
            ({"url": "ftp://canary@x/"}, "url must be an address that begins with https://"),
            ({"url": "https://x/canary\n"}, "url must be"),
            (
                {"url": "https://x/", "events": ["build.done"]},
                "events must be a list of events: build.started",
            ),
            ({"url": "https://x/", "secret": "whsec_canary!"}, "is no base64"),
            ({"url": "https://x/", "secret": 7}, "secret must be text"),
        ):
            arguments: Any = given
            error = self.assertRaises(BadArguments, Webhook, **arguments)
            self.assertIn(said, str(error))
            self.assertNotIn("canary", str(error))

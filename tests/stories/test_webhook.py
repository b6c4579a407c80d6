"""A web server is told what happens to builds and slaves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from buildbot.config.arguments import BadArguments
from buildbot.outgoing.target import TargetDown
from buildbot.webhooks import base
from buildbot.webhooks.notifier import Webhook
from tests.stories.changes import CONFIG, ChangeCase


class Server:
    """I am a web server that can be told to fail. C{got}: (id, message) of each accepted message."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.trouble: Exception | None = None

    def target(self, *args: object) -> Server:
        """Stands in for L{buildbot.webhooks.http.HttpTarget}."""
        return self

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        if self.trouble is not None:
            return fail(self.trouble)
        self.got.append((message["id"], json.loads(message["body"])))
        return succeed(None)

    def rest(self) -> None:
        """Nothing to close."""


class WebhookStory(ChangeCase):
    """A master with one builder and one webhook."""

    def setUp(self) -> None:
        super().setUp()
        self.server = Server()
        self.patch(base, "HttpTarget", self.server.target)
        self.write(CONFIG.replace(", Dependent('package', quick, ['package'])", ""))
        self.add("from buildbot.status.webhook import Webhook")
        self.add("c['status'] = [Webhook('https://hooks.example/x', secret='canary-9')]")

    def build(self, status: int = 0) -> None:
        """Commit something, and let it be built; the command ends with this status."""
        self.slaves[-1].onCommand = lambda command: command.end(status)
        self.send()
        self.wait(70)

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
        """A slave that is lost is told, and that it is back."""
        self.edit("secret='canary-9'", "events=['slave.lost', 'slave.back']")
        self.begin()
        self.slaves[-1].broker.transport.loseConnection()
        self.settle()
        self.wait(2)
        self.connect()
        self.build()
        self.assertEqual(self.types(), ["slave.back", "slave.lost", "slave.back"])
        self.assertEqual(self.server.got[1][1]["data"]["slave"], "bot1")

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

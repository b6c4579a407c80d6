"""A web server is told all events, as by 0.8.14."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot.config.arguments import BadArguments
from buildbot.outgoing.target import TargetDown
from buildbot.webhooks.statuspush import HttpStatusPush
from tests.stories.posting import PostingCase

#: The events of one build with one step. 0.8.14 sent them in this order, too.
BUILD = ["buildStarted", "stepStarted", "stepFinished", "buildFinished"]


class StatusPushStory(PostingCase):
    """A master with one builder and one HttpStatusPush."""

    def setUp(self) -> None:
        super().setUp()
        self.add("from buildbot.status.status_push import HttpStatusPush")
        self.add("c['buildbotURL'] = 'http://ci.example/'")
        self.add("c['projectName'] = 'Ship'")

    def start_(self, more: str = "") -> None:
        """Start a master whose HttpStatusPush has these arguments."""
        self.add(f"c['status'] = [HttpStatusPush('https://me:canary-7@sink.example/push'{more})]")
        self.begin()

    def events(self) -> list[dict[str, Any]]:
        """All events, in order."""
        found: list[Any] = [packets for _, packets in self.server.got]
        return [each for packets in found for each in packets]

    def names(self, *wanted: str) -> list[str]:
        """The names of the events, or of those that are wanted."""
        names = [each["event"] for each in self.events()]
        return [name for name in names if name in wanted] if wanted else names

    def last(self, name: str) -> Any:
        """The payload of the last event with this name."""
        return [each["payload"] for each in self.events() if each["event"] == name][-1]

    def test_events(self) -> None:
        """All events arrive in order, with numbers without gaps, and those of one second together."""
        self.start_()
        self.build(1)
        self.wait(5)
        events = self.events()
        self.assertEqual([each["id"] for each in events], list(range(1, len(events) + 1)))
        self.assertEqual(self.names(*BUILD), BUILD)
        for name in ("start", "builderAdded", "slaveConnected", "changeAdded", "requestSubmitted"):
            self.assertIn(name, self.names())
        self.assertLess(len(self.server.got), len(events))
        self.assertEqual(events[0]["project"], "Ship")
        self.assertRegex(events[0]["timestamp"], r"^1970-01-01 00:\d\d:\d\d")

    def test_killedBeforeQueued(self) -> None:
        """The end of a build that was being collected when the master was killed is told by the next one."""
        self.start_(", blackList=['builderChangedState']")
        self.build(0)
        self.loseBuild(1)
        ended = [each["payload"]["build"] for each in self.events() if each["event"] == "buildFinished"]
        self.assertEqual([each.get("number", 0) for each in ended], [0, 1])
        self.stop()
        self.begin()
        self.wait(5)
        self.assertEqual(self.names("buildFinished"), ["buildFinished"] * 2)

    def test_shapes(self) -> None:
        """A failed build has the keys that 0.8.14 has sent; those of empty values are left out."""
        self.start_()
        self.build(1)
        self.wait(5)
        build = self.last("buildFinished")["build"]
        self.assertEqual(
            sorted(build),
            [
                *("blame", "builderName", "logs", "properties", "reason", "results", "slave", "sourceStamps"),
                *("steps", "text", "times"),
            ],
        )
        self.assertEqual((build["results"], build["blame"], build["slave"]), (2, ["ann"], "bot1"))
        [step] = build["steps"]
        self.assertEqual(step["results"][0], 2)
        self.assertTrue(step["isStarted"] and step["isFinished"])
        builder = self.last("builderAdded")["builder"]
        self.assertEqual((builder["basedir"], builder["slaves"]), ("package", ["bot1"]))
        [change] = build["sourceStamps"][0]["changes"]
        self.assertEqual((change["rev"], change["files"]), ("r7", [{"name": "a.c"}]))
        self.assertIn(["buildername", "full"], [each[:2] for each in build["properties"]])
        self.assertEqual(self.last("stepStarted")["step"]["isStarted"], True)
        self.assertEqual(self.last("start")["status"], {"title": "Ship", "buildbotURL": "http://ci.example/"})

    def test_unfiltered(self) -> None:
        """With filter=False, empty values are sent, too; events of the blackList are never sent."""
        self.start_(", filter=False, blackList=['stepStarted']")
        self.build(0)
        self.wait(5)
        self.assertEqual((self.last("buildFinished")["build"]["results"]), 0)
        self.assertIn("expectations", self.last("stepFinished")["step"])
        self.assertEqual(self.names(*BUILD), ["buildStarted", "stepFinished", "buildFinished"])

    def test_down(self) -> None:
        """Events wait while the server is down, also over a kill of the master, and arrive in order."""
        self.start_()
        self.server.trouble = TargetDown("502")
        self.build(0)
        self.wait(40)
        self.kill()
        self.server.trouble = None
        self.begin()
        self.wait(5)
        self.assertEqual(self.names(*BUILD), BUILD)

    def test_chunks(self) -> None:
        """No request has more events than chunkSize."""
        self.start_(", chunkSize=2")
        self.build(0)
        self.wait(5)
        self.assertLessEqual(max(len(packets) for _, packets in self.server.got), 2)
        self.assertEqual(self.names(*BUILD), BUILD)

    def test_stop(self) -> None:
        """The events of the last second are kept over a stop, with the shutdown at their end."""
        self.start_()
        self.wait(5)
        self.server.got.clear()
        self.send()
        self.stop()
        self.begin()
        self.wait(5)
        names = self.names()
        self.assertLess(names.index("changeAdded"), names.index("shutdown"))
        self.assertLess(names.index("shutdown"), names.index("start"))

    def test_stopping(self) -> None:
        """An event that happens while the part stops is kept at once, and told after the next start."""
        self.start_()
        self.wait(5)
        self.server.got.clear()
        (receiver,) = self.master.config.status
        assert isinstance(receiver, HttpStatusPush)
        receiver.stopService()
        receiver.slaveDisconnected("bot1")
        self.settle()
        self.kill()
        self.begin()
        self.wait(5)
        self.assertEqual(self.names("shutdown", "slaveDisconnected"), ["shutdown", "slaveDisconnected"])

    def test_secret(self) -> None:
        """Passwords and secret fields are in no text and not in the store; the address has them."""
        self.start_(", extra_post_params={'key': 'canary-8'}")
        self.server.trouble = TargetDown("502")
        self.build(0)
        self.wait(40)
        (receiver,) = self.master.config.status
        kept = self.successResultOf(self.store.getStates("outgoing/"))
        self.assertTrue(kept)
        self.assertNotIn("canary", f"{receiver!r} {self.server.address!r} {self.status()} {kept}")
        self.assertEqual(self.server.address.form, (("key", "canary-8"),))

    def test_wrong(self) -> None:
        """A wrong address or field is refused, and not shown."""
        for wrong in ({"serverUrl": "ftp://canary/"}, {"extra_post_params": {"k": 1, "s": "canary"}}):
            given: Mapping[str, Any] = {"serverUrl": "https://x.example/", **wrong}
            error = self.assertRaises(BadArguments, HttpStatusPush, **given)
            self.assertNotIn("canary", str(error))

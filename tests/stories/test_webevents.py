"""The streams of events about each kind of topic, and about logs that grow."""

from __future__ import annotations

import gc
import json
import re
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.model.change import Change
from buildbot.status.topics import LISTS
from buildbot.web.api.growth import Growth
from tests.garbage import setOthersAside
from tests.stories.test_webpages import CONFIG, BuildingCase

LOG = "log/full/0/compile/stdio"


class EventCase(BuildingCase):
    """A master with listeners."""

    def listen(self, topics: str = "", last: str = "") -> Any:
        """An open stream."""
        connection = self.dial()
        query = f"?topics={topics}" if topics else ""
        more = f"Last-Event-ID: {last}\r\n" if last else ""
        request = f"GET /api/v1/events{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{more}\r\n"
        connection.send(request.encode())
        self.settle()
        return connection

    def told(self, stream: Any) -> list[dict[str, Any]]:
        """The events on a stream."""
        return [json.loads(each) for each in re.findall(r"^data: (.*)$", stream.received().decode(), re.M)]

    def names(self, stream: Any) -> list[str]:
        """The names of the events on a stream."""
        return re.findall(r"^event: (\w+)$", stream.received().decode(), re.M)

    def say(self, text: str, seconds: int = 1) -> None:
        """Send output of the slave."""
        self.commands[-1].update(stdout=text)
        self.settle()
        self.wait(seconds)

    def end(self) -> None:
        """End the build."""
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)


class LogTopicTests(EventCase):
    """A program follows the length of a log."""

    def test_growth(self) -> None:
        """The stream tells the present length, then the growth at most twice a second, then the end."""
        self.force()
        self.say("one\n")
        stream = self.listen(LOG)
        self.wait(1)
        self.assertEqual(self.told(stream)[-1]["data"]["length"] > 3, True)
        before = len(self.names(stream))
        for _ in range(50):
            self.commands[-1].update(stdout="x" * 100)
        self.settle()
        self.wait(2)
        self.assertEqual(self.names(stream)[before:], ["logGrew"])
        self.end()
        last = self.told(stream)[-1]["data"]
        self.assertTrue(last["finished"])
        self.assertGreater(last["length"], 5000)

    def test_left(self) -> None:
        """Programs that have gone are forgotten while the log still grows."""

        def growths() -> int:
            gc.collect()
            return sum(type(each) is Growth for each in gc.get_objects())

        setOthersAside(self)
        before = growths()
        self.force()
        for _ in range(3):
            self.listen(LOG).close()
        self.connections.clear()
        self.assertEqual(growths(), before)
        self.end()

    def test_notYet(self) -> None:
        """A log that has not begun is followed from its begin on."""
        stream = self.listen(LOG)
        self.force()
        self.say("one\n", 2)
        self.assertEqual(self.names(stream)[:2], ["logStarted", "logGrew"])

    def test_over(self) -> None:
        """A finished log sends no news; a client that connects again gets its end by the ID."""
        last = self.master.status.topics.lastId()
        self.force()
        self.end()
        self.assertEqual(self.names(self.listen(LOG)), [])
        back = self.listen(LOG, last)
        self.wait(1)
        self.assertEqual(self.names(back), ["logStarted", "logFinished"])

    def test_slow(self) -> None:
        """A client that does not read gets no events; later it gets the present length."""
        self.force()
        stream = self.listen(LOG)
        self.wait(1)
        before = len(self.names(stream))
        stream.protocol.pauseProducing()
        self.say("one\n", 3)
        self.assertEqual(len(self.names(stream)), before)
        stream.protocol.resumeProducing()
        self.wait(1)
        self.assertEqual(self.names(stream)[before:], ["logGrew"])

    def test_gone(self) -> None:
        """When the client goes, nobody watches the log any more."""
        self.force()
        stream = self.listen(LOG)
        self.wait(1)
        stream.close()
        (build,) = self.master.botmaster.builders["full"].building
        (log,) = build.build_status.getSteps()[0].getLogs()
        self.assertFalse(log.isWatched())

    def test_names(self) -> None:
        """A topic without all names is refused."""
        answer = self.ask("/api/v1/events?topics=log/full/0/compile")
        self.assertEqual(answer.status, 400)
        self.assertIn("log/BUILDER/NUMBER/STEP/LOG", answer.json["hint"])


class EveryTopicTests(EventCase):
    """Each topic has its events, with replay and reset."""

    #: Each topic with one of its events.
    WANTED = {
        "builders": "buildStarted",
        "builds": "stepFinished",
        "slaves": "slavePaused",
        "changes": "changeAdded",
        "queue": "requestSubmitted",
        "master": "reconfigured",
        "all": "buildFinished",
        "builder/full": "buildFinished",
        "build/full/0": "stepStarted",
        "slave/bot1": "slaveUnpaused",
        LOG: "logFinished",
    }

    def play(self) -> None:
        """Cause an event of each topic."""
        self.successResultOf(self.master.addChange(Change("ann", ["a.c"], "fix")))
        self.force()
        self.end()
        for command in ("pause", "unpause"):
            words = ("bot1", "ann", "") if command == "pause" else ("bot1",)
            ensureDeferred(self.master.commands[command](*words))
            self.settle()
        self.reconfig()
        self.wait(2)

    def test_each(self) -> None:
        """A stream of each topic gets its event; one that comes back gets it again; one too late a reset."""
        self.assertTrue(set(LISTS) <= set(self.WANTED))
        streams = {topic: self.listen(topic) for topic in self.WANTED}
        last = self.master.status.topics.lastId()
        self.play()
        for topic, wanted in self.WANTED.items():
            self.assertIn(wanted, self.names(streams[topic]), topic)
            back = self.listen(topic, last)
            lost = self.listen(topic, "other-1")
            self.wait(1)
            self.assertIn(wanted, self.names(back), topic)
            self.assertEqual(self.names(lost), ["reset"], topic)


class PrivateLogTests(EventCase):
    """Logs that visitors may not read."""

    def setUp(self) -> None:
        super().setUp()
        more = "from buildbot.web.accounts.authz import Authz\n"
        private = "authz=Authz(viewLogs=False)"
        self.write(more + CONFIG.replace("http_port=8010", f"http_port=8010, {private}"))
        self.assertTrue(self.reconfig()["applied"])

    def test_refused(self) -> None:
        """Without the right to read logs, their topics are refused; others are not."""
        self.assertEqual(self.ask(f"/api/v1/events?topics={LOG}").status, 403)
        self.assertIn("retry:", self.listen("builds").received().decode())


class RootTests(EventCase):
    """A programmer looks for the API."""

    def test_root(self) -> None:
        """The root of the API tells the version, and where its description is, with a slash or without."""
        for path in ("/api", "/api/v1"):
            found = self.ask(path).json
            self.assertEqual(found["name"], "Buildbot")
            self.assertTrue(found["openapi"].endswith("openapi.json"))
        self.assertEqual(self.ask("/api/v1/").status, 301)

    def test_form(self) -> None:
        """A body that is a form is refused, with the header to send."""
        form = "application/x-www-form-urlencoded"
        answer = self.ask("/api/v1/builders/full/force", "POST", b"reason=x", Content_Type=form)
        self.assertEqual(answer.status, 415)
        self.assertIn("Content-Type: application/json", answer.json["hint"])

"""Administer a master from its pages and its API: reconfigure it, and stop it after its builds."""

from __future__ import annotations

from twisted.internet.defer import ensureDeferred

from tests.stories.test_remotecommands import CONFIG_OF_ALL
from tests.stories.test_webpages import CONFIG, BuildingCase
from tests.stories.web import parsed

JSON = "application/json"


class AdminCase(BuildingCase):
    """A master that lets everybody administer it."""

    def setUp(self) -> None:
        super().setUp()
        self.config = CONFIG_OF_ALL + CONFIG.replace("http_port=8010", "http_port=8010, authz=everything")
        self.write(self.config)
        self.reconfig()

    def end(self) -> None:
        """End the running build."""
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)


class CleanStopTests(AdminCase):
    """A master that stops once its builds have ended."""

    def test_api(self) -> None:
        """A clean stop lets the running build end and starts no other; then the master stops."""
        self.force()
        answer = self.ask("/api/v1/shutdown", "POST")
        self.assertEqual((answer.status, answer.json), (202, {"running": 1}))
        self.force()
        self.assertIn("no builds, because it stops", self.ask("/api/v1/requests").json["requests"][0]["why"])
        self.assertIsNotNone(self.ask("/api/v1/master").json["shutdown"])
        self.assertFalse(self.reactor.stopped)
        self.end()
        self.assertTrue(self.reactor.stopped)
        self.assertEqual(len(self.ask("/api/v1/builds").json["builds"]), 1)

    def test_page(self) -> None:
        """The page tells of a clean stop, and offers to take it back: then waiting builds start."""
        self.force()
        self.assertEqual(self.ask("/shutdown", "POST").status, 303)
        self.force()
        page = self.ask("/about").text
        self.assertIn("wants the master to stop", page)
        self.assertIn('action="cancel_shutdown"', page)
        self.assertEqual(self.ask("/cancel_shutdown", "POST").status, 303)
        self.assertNotIn("wants the master to stop", self.ask("/about").text)
        self.end()
        self.end()
        self.assertFalse(self.reactor.stopped)
        self.assertEqual(len(self.ask("/api/v1/builds").json["builds"]), 2)
        entries = self.master.audit.latest(2)
        self.assertEqual(
            [(each.action, each.detail) for each in entries],
            [("shutdown", "cancelled"), ("shutdown", "clean")],
        )

    def test_nothingToCancel(self) -> None:
        """Without a clean stop, there is nothing to take back."""
        self.assertEqual(self.ask("/api/v1/shutdown/cancel", "POST").json, {"cancelled": False})
        self.assertEqual(self.ask("/cancel_shutdown", "POST").status, 303)
        self.assertEqual(self.master.audit.latest(1)[0].outcome, "failed")

    def test_waitingBuild(self) -> None:
        """While a running build waits for builds that it has triggered, builds start as usual."""
        self.force()
        ensureDeferred(self.master.commands["shutdown"]("ann"))
        engine = self.master.botmaster.engine
        self.assertTrue(engine.isHolding())
        engine.builders["full"].building[0].build_status.waits = True
        self.assertFalse(engine.isHolding())

    def test_events(self) -> None:
        """Streams of events tell of a clean stop, and of its end."""
        stream = self.dial()
        stream.send(b"GET /api/v1/events?topics=master HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n")
        self.ask("/api/v1/shutdown", "POST")
        self.ask("/api/v1/shutdown/cancel", "POST")
        self.wait(1)
        text = stream.received().decode()
        self.assertLess(text.index("shutdownBegan"), text.index("shutdownCancelled"))


class ReconfigTests(AdminCase):
    """A reconfig through the API."""

    def test_refused(self) -> None:
        """A file with an error changes nothing; the answer and the page have the error with its line."""
        generation = self.master.generation
        self.write(self.config + "1/0\n")
        found = self.ask("/api/v1/reconfig", "POST").json
        self.assertFalse(found["applied"])
        self.assertRegex(found["errors"][0], r"master\.cfg:\d+: ")
        self.assertEqual(self.master.generation, generation)
        page = self.ask("/about/configuration").text
        self.assertRegex(page, r"master\.cfg:\d+: ")
        self.assertIn("refused", page)

    def test_applied(self) -> None:
        """A good file is in force; the page has the generation, the person, and the changes."""
        self.write(self.config.replace("'name': 'full'", "'name': 'whole'"))
        dry = self.ask("/api/v1/reconfig", "POST", b'{"dryRun": true}', Content_Type=JSON).json
        self.assertFalse(dry["applied"])
        connection = self.dial()
        connection.send(
            b"POST /api/v1/reconfig HTTP/1.1\r\nHost: 127.0.0.1:8010\r\nContent-Length: 0\r\n\r\n"
        )
        self.wait(3)  # for slaves that accept their builder list
        found = parsed(connection.received()).json
        self.assertTrue(found["applied"])
        page = self.ask("/about/configuration").text
        self.assertIn("whole", page)
        self.assertRegex(page, rf"Generation.*{found['generation']}")
        self.assertIn("+ builder whole", page)

    def test_wrongBody(self) -> None:
        """An unknown key of the body is told, and nothing is done."""
        answer = self.ask("/api/v1/reconfig", "POST", b'{"dry": true}', Content_Type=JSON)
        self.assertEqual(answer.status, 400)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")

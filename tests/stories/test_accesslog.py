"""The access log of the web server: the disk is full, or the file is moved away."""

from __future__ import annotations

import os

from tests.stories.web import WebWorld

TWO = b"GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 2


class AccessLogTests(WebWorld):
    """Somebody reads pages."""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.path = os.path.join(self.basedir, "http.log")

    def begin(self) -> None:
        """Start the master, and log its requests."""
        self.successResultOf(self.start())
        self.web.site.startFactory()  # a port in memory does not
        self.addCleanup(self.web.site.stopFactory)

    def answers(self) -> int:
        """The number of answers to two requests over one connection."""
        connection = self.dial()
        connection.send(TWO)
        self.settle()
        return connection.received().count(b"200 OK")

    def troubles(self) -> list[str]:
        """What is wrong with the file."""
        return [each.symptom.why for each in self.master.troubles.current() if each.subject == "http.log"]

    def test_fullDisk(self) -> None:
        """On a full disk all requests of a connection are answered, and the status tells of the trouble."""
        os.symlink("/dev/full", self.path)
        self.begin()
        self.assertEqual(self.troubles(), [])
        self.assertEqual(self.answers(), 2)
        (why,) = self.troubles()
        self.assertIn("No space left on device; 2 events lost so far", why)
        self.assertIn("http.log", self.ask("/about").text)
        os.unlink(self.path)  # there is room again
        self.wait(1)
        self.assertEqual(self.answers(), 2)
        self.assertEqual(self.troubles(), [])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_notOpened(self) -> None:
        """The web server starts without the file if that cannot be opened, and opens it later."""
        os.mkdir(self.path)
        self.begin()
        self.assertEqual(self.answers(), 2)
        (why,) = self.troubles()
        self.assertIn("http.log", why)
        os.rmdir(self.path)
        self.assertEqual(self.troubles(), [])
        self.assertEqual(self.answers(), 2)
        with open(self.path, encoding="utf-8") as file:
            self.assertEqual(file.read().count("GET /livez HTTP/1.1"), 2)

    def test_notStarted(self) -> None:
        """A web server that cannot start, because its port is in use, opens no file."""
        self.add("c['status'] = []")
        self.successResultOf(self.start())
        self.reactor.taken = 8011
        self.edit("c['status'] = []", "c['status'] = [html.WebStatus(http_port=8011)]")
        self.assertIn("address already in use", self.reconfig()["errors"][0])
        self.assertFalse(os.path.exists(self.path))
        self.reactor.taken = None
        self.assertTrue(self.reconfig()["applied"])
        self.assertTrue(os.path.exists(self.path))

    def test_moved(self) -> None:
        """If another program moves the file away, the next lines go into a new one."""
        self.begin()
        self.assertEqual(self.answers(), 2)
        os.rename(self.path, self.path + ".old")
        self.assertEqual(self.troubles(), [])
        self.wait(1)
        self.assertEqual(self.answers(), 2)
        for path in (self.path, self.path + ".old"):
            with open(path, encoding="utf-8") as file:
                self.assertEqual(file.read().count("GET /livez HTTP/1.1"), 2)
            self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)

"""Reporting that a process is ready."""

from __future__ import annotations

import os
import socket

from twisted.trial import unittest

from buildbot.daemon.outcome import Outcome
from buildbot.daemon.readiness import Reporter, StartFailed, notify, notifyState, watchdogInterval


class OutcomeTests(unittest.TestCase):
    """Messages through the start-up pipe."""

    def test_roundTrip(self) -> None:
        """Every line arrives unchanged, with newlines and other scripts."""
        for outcome in (Outcome(True, ()), Outcome(False, ("one\ntwo", "grün \udcff"))):
            self.assertEqual(Outcome.fromBytes(outcome.toBytes()), outcome)
            self.assertEqual(outcome.toBytes().count(b"\n"), 1)

    def test_nothingSaid(self) -> None:
        """If a process ended before or in the middle of its message, there is no result."""
        for text in (b"", b'{"ready": [', b"[]", b'{"ready": 1}', b'{"maybe": []}', b"{}", b'{"a":1,"b":2}'):
            self.assertIsNone(Outcome.fromBytes(text))


class ReporterTests(unittest.TestCase):
    """Reports to the parent process and to systemd."""

    def setUp(self) -> None:
        self.receiving, sending = os.pipe()
        self.addCleanup(os.close, self.receiving)
        self.path = os.path.join(self.mktemp())
        os.mkdir(self.path)
        self.path = os.path.relpath(os.path.join(self.path, "notify"))
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.manager.close)
        self.manager.setblocking(False)
        # An abstract name, as in containers; the tests of notify use a path.
        self.manager.bind(f"\0buildbot-test-{os.getpid()}-{id(self)}")
        name = self.manager.getsockname().decode().replace("\0", "@")
        self.environ = {"NOTIFY_SOCKET": name}
        self.reporter = Reporter(sending, self.environ)

    def told(self) -> Outcome | None:
        """The content of the pipe, up to its end."""
        return Outcome.fromBytes(os.read(self.receiving, 10_000))

    def heard(self) -> list[bytes]:
        """The messages to the service manager."""
        said = []
        while True:
            try:
                said.append(self.manager.recv(10_000))
            except BlockingIOError:
                return said

    def test_ready(self) -> None:
        """The command line gets the lines, systemd gets READY=1 and a status of one line (O1)."""
        self.reporter.ready(["slaves: tcp 9989", "two\nlines"])
        self.assertEqual(self.told(), Outcome(True, ("slaves: tcp 9989", "two\nlines")))
        self.assertEqual(os.read(self.receiving, 1), b"")
        self.assertEqual(self.heard(), [b"READY=1\nSTATUS=slaves: tcp 9989; two lines"])

    def test_failed(self) -> None:
        """The command line gets the reasons, systemd gets a status without READY."""
        self.reporter.failed(["port in use"])
        self.assertEqual(self.told(), Outcome(False, ("port in use",)))
        self.assertEqual(self.heard(), [b"STATUS=port in use"])

    def test_later(self) -> None:
        """A later state replaces what systemd shows."""
        self.reporter.ready(["standby"])
        self.assertTrue(notifyState(["slaves: tcp 9989", "two\nlines"], self.environ))
        self.assertEqual(self.heard()[1:], [b"STATUS=slaves: tcp 9989; two lines"])

    def test_onlyOnce(self) -> None:
        """Only the first failure is reported."""
        self.reporter.failed(["first"])
        self.reporter.failed(["the process was stopped before it was ready"])
        self.assertEqual(self.told(), Outcome(False, ("first",)))

    def test_stopping(self) -> None:
        """systemd is told that the process stops."""
        self.reporter.ready([])
        self.heard()
        self.reporter.stopping()
        self.assertEqual(self.heard(), [b"STOPPING=1"])
        self.told()

    def test_nobodyWaits(self) -> None:
        """A command line that was killed does not disturb the daemon."""
        receiving, sending = os.pipe()
        os.close(receiving)
        Reporter(sending, {}).ready(["fine"])
        self.reporter.failed([])

    def test_notInherited(self) -> None:
        """Children of the daemon do not inherit the pipe."""
        receiving, sending = os.pipe()
        self.addCleanup(os.close, receiving)
        os.set_inheritable(sending, True)
        reporter = Reporter(sending, {})
        self.assertFalse(os.get_inheritable(sending))
        reporter.ready([])
        self.reporter.failed([])

    def test_alone(self) -> None:
        """Without a pipe and without systemd, reports do nothing."""
        alone = Reporter(None, {})
        alone.ready(["fine"])
        self.assertTrue(alone.told)
        self.reporter.failed([])


class NotifyTests(unittest.TestCase):
    """The datagram of sd_notify."""

    def test_path(self) -> None:
        """The socket may be a path."""
        directory = self.mktemp()
        os.mkdir(directory)
        path = os.path.join(os.path.realpath(directory), "n")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            self.assertTrue(notify("READY=1", {"NOTIFY_SOCKET": path}))
            self.assertEqual(manager.recv(100), b"READY=1")

    def test_nobody(self) -> None:
        """A missing manager or an unknown kind of address is ignored."""
        for environ in (
            {},
            {"NOTIFY_SOCKET": ""},
            {"NOTIFY_SOCKET": "/no/such"},
            {"NOTIFY_SOCKET": "vsock:2:1"},
        ):
            self.assertFalse(notify("READY=1", environ))

    def test_watchdog(self) -> None:
        """The watchdog interval is half of systemd's limit, for the right process only."""
        self.assertEqual(watchdogInterval({"WATCHDOG_USEC": "30000000"}, 7), 15.0)
        self.assertEqual(watchdogInterval({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"}, 7), 15.0)
        for environ in (
            {},
            {"WATCHDOG_USEC": "0"},
            {"WATCHDOG_USEC": "soon"},
            {"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"},
        ):
            self.assertIsNone(watchdogInterval(environ, 7))


class StartFailedTests(unittest.TestCase):
    """The failure of a service."""

    def test_lines(self) -> None:
        """All reasons are kept, and shown one a line."""
        why = StartFailed(["one", "two"])
        self.assertEqual((why.lines, str(why)), (["one", "two"], "one\ntwo"))

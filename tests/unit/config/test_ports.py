"""Descriptions of slave ports."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.config.ports import BadPort, address, describe, inOneForm, plainTCP, portsOf


class DescribeTests(unittest.TestCase):
    """A port becomes a strports description."""

    def test_numbers(self) -> None:
        """A number is a TCP port, also as text."""
        self.assertEqual([describe(1), describe(65535), describe("9989")], ["tcp:1", "tcp:65535", "tcp:9989"])

    def test_descriptions(self) -> None:
        """A description for Twisted is unchanged."""
        for good in (
            "tcp:0",
            "tcp:65535",
            "tcp:9989:interface=127.0.0.1",
            "tcp:port=9989",
            "tcp6:9989:interface=\\:\\:1",
            "ssl:9989:privateKey=/etc/m.pem:certKey=/etc/c.pem",
            "tls:/etc/certs:tcp:9989",
            "unix:/run/b\\:b.sock:mode=600",
            "systemd:domain=INET:name=slaves",
            "haproxy:tcp:9989",
            "onion:9989",
        ):
            self.assertEqual(describe(good), good)

    def test_oneForm(self) -> None:
        """Different words for one port have one form, which describes it; other ports have others."""
        for words, form in (
            ("tcp:8010 tcp:port=8010 tcp:08010:interface=0.0.0.0 tcp:8010:interface=", "tcp:8010"),
            (
                "tcp:8010:127.0.0.1 tcp:interface=127.0.0.1:port=8010 tcp:8010:interface=127.0.0.1",
                "tcp:8010:interface=127.0.0.1",
            ),
            ("tcp6:8010 tcp6:8010:interface=\\:\\:", "tcp6:8010"),
            ("tcp6:8010:5:\\:\\:1", "tcp6:8010:backlog=5:interface=\\:\\:1"),
            ("ssl:port=1:privateKey=/k\\:x:certKey=/c", "ssl:1:certKey=/c:privateKey=/k\\:x"),
            ("unix:/run/x:mode=600", "unix:/run/x:mode=600"),
            ("ssl:1:/key", "ssl:1:/key"),
        ):
            for each in words.split(" "):
                self.assertEqual(inOneForm(describe(each)), form, each)
            self.assertEqual(inOneForm(describe(form)), form)

    def test_plainTCP(self) -> None:
        """A TCP port has a number, an interface and a backlog; other kinds are left to Twisted."""
        for good, known in (
            ("tcp:9989", (9989, "", 0)),
            ("tcp:port=9989:interface=127.0.0.1:backlog=5", (9989, "127.0.0.1", 5)),
            ("tcp:9989:\\:\\:1", (9989, "::1", 0)),
        ):
            self.assertEqual(plainTCP(good), known)
        for other in (
            "ssl:1",
            "tcp6:1",
            "unix:/x",
            "tcp:http",
            "tcp:1:backlog=x",
            "tcp:1:mode=6",
            "tcp:1:a:2:3",
        ):
            self.assertIsNone(plainTCP(other))

    def test_anyPort(self) -> None:
        """F8: 0 is any free port, as in 0.7.5."""
        for any in (0, "0"):
            self.assertEqual(describe(any), "tcp:0")

    def test_refused(self) -> None:
        """An invalid port is refused with the reason."""
        for bad, words in (
            (65536, "from 1 to 65535"),
            (-1, "from 1"),
            (True, "not a bool"),
            (9989.0, "not a float"),
            (b"tcp:1", "not a bytes"),
            ("", "does not say"),
            ("localhost", "does not say"),
            ("tcp", "says nothing after"),
            ("tcp:", "says nothing after"),
            ("unix:", "says nothing after"),
            ("tcp:http", "names no port"),
            ("tcp:70000", "names no port"),
            ("tcp:9989:interfce=x", "did you mean 'interface'"),
            ("tcp:9989:interface=::1", "a colon must be written as \\:"),
            ("127.0.0.1:9989", "does not say"),
            ("tcp:9989\\", "backslash"),
        ):
            with self.assertRaises(BadPort, msg=repr(bad)) as caught:
                describe(bad)
            self.assertIn(words, str(caught.exception))

    def test_single(self) -> None:
        """A single port needs no list."""
        self.assertEqual((portsOf(1), portsOf([1, "2"]), portsOf(())), ([1], [1, "2"], []))

    def test_address(self) -> None:
        """Two descriptions of one TCP port are detected; free ports and sockets are not compared."""
        self.assertEqual(address("tcp:09989"), address("ssl:port=9989:privateKey=x"))
        self.assertNotEqual(address("tcp:1:interface=\\:\\:1"), address("tcp:1"))
        self.assertEqual([address("tcp:0"), address("unix:/x")], [None, None])

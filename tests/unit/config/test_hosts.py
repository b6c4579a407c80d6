"""Arguments for the name of a host."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.config.kinds import hostKind, isHost


class HostTests(unittest.SynchronousTestCase):
    """relayhost of MailNotifier, host of IRC, server of GerritStatusPush."""

    def test_good(self) -> None:
        """Names and addresses are hosts."""
        for host in (
            "localhost",
            "mail.example.org",
            "my_host",
            "127.0.0.1",
            "::1",
            "[2001:db8::1]",
            "fe80::1%eth0",
        ):
            self.assertTrue(isHost(host), host)

    def test_wrong(self) -> None:
        """An address of a page, an address of a person, and an option of a program are none."""
        for host in (
            "",
            "a b",
            "https://x",
            "smtp://mail.example.org",
            "me@x",
            "-oProxyCommand=x",
            "a:b",
            7,
            None,
        ):
            self.assertFalse(isHost(host), host)

    def test_port(self) -> None:
        """A port behind the name is told where it belongs."""
        told = hostKind("smtpPort").trouble("mail.example.org:587")
        self.assertEqual(told, "must be the name of a host (text): write 'mail.example.org' and smtpPort=587")
        self.assertIn("not the text 'a b'", hostKind("port").trouble("a b") or "")

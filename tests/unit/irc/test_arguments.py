"""The arguments of IRC."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.config.arguments import BadArguments
from buildbot.status.words import IRC


def made(*channels: Any, **more: Any) -> IRC:
    return IRC("irc.example.org", "builder", list(channels or ["#dev"]), **more)


class ArgumentsTests(unittest.SynchronousTestCase):
    """What master.cfg may write (A12)."""

    def test_channels(self) -> None:
        """Channels are written in the ways of 0.7 and 0.8, with and without keys."""
        bot = made("#a", "b", ("#c", "k"), ["#d"], {"channel": "#e", "password": "k"}, {"channel": "&f"})
        self.assertEqual(bot.wanted, {"#a": None, "#b": None, "#c": "k", "#d": None, "#e": "k", "&f": None})

    def test_order(self) -> None:
        """The arguments of 0.7.5 can be given by position: host, nick, channels."""
        bot = IRC("h", "n", ["#c"])
        self.assertEqual((bot.host, bot.nick, bot.port, bot.allowForce), ("h", "n", 6667, False))
        self.assertEqual(made(useSSL=True).port, 6697)
        self.assertEqual(made(useSSL=True, port=7000).port, 7000)

    def test_events(self) -> None:
        """Events are a list, or a dict of which only the true ones count."""
        self.assertEqual(made(notify_events={"started": 1, "failure": 0}).notify_events, ("started",))
        self.assertEqual(made(notify_events=["success"]).notify_events, ("success",))

    def test_wrong(self) -> None:
        """Wrong values are told in words; no message shows a key or a password."""
        wrong: list[dict[str, Any]] = [
            {"channels": ["#a b"]},
            {"channels": [("#a", "can ary")]},
            {"channels": "#dev"},
            {"nick": "my bot"},
            {"nick": "x\r\nQUIT"},
            {"password": "canary\r\nQUIT"},
            {"host": "a b"},
            {"port": 0},
            {"notify_events": ["succes"]},
            {"notify_events": "started"},
            {"allowForce": ["ann"]},
            {"allowForce": "ann!*@*"},
            {"sasl": "CRAM"},
            {"sasl": "PLAIN"},
            {"sasl": "EXTERNAL"},
            {"caFile": "x.pem"},
            {"categories": ["a"], "tags": ["b"]},
            {"pm_to_nicks": ["a b"]},
        ]
        for more in wrong:
            given: dict[str, Any] = {"host": "h", "nick": "n", "channels": ["#c"], **more}
            error = self.assertRaises(BadArguments, IRC, **given)
            self.assertNotIn("canary", str(error))

    def test_doubts(self) -> None:
        """The check warns of readable passwords, and of rules that protect nothing."""
        self.assertEqual(made().configurationDoubts, [])
        self.assertIn("readable", made(password="canary").configurationDoubts[0])
        self.assertEqual(made(password="canary", useSSL=True).configurationDoubts, [])
        self.assertIn("everybody", made(allowForce=True).configurationDoubts[0])
        self.assertIn("protects nothing", made(allowShutdown=["ann!*@*"]).configurationDoubts[0])
        self.assertEqual(made(allowForce=["account:ann", "*!*@b.org"]).configurationDoubts, [])

    def test_compared(self) -> None:
        """Two loads of one file give equal bots; another password or channel makes another bot."""
        self.assertEqual(made("#a", password="x"), made("#a", password="x"))
        self.assertNotEqual(made("#a", password="x"), made("#a", password="y"))
        self.assertNotEqual(made("#a"), made("#a", "#b"))
        self.assertNotEqual(made(allowForce=False), made(allowForce=["account:a"]))

    def test_repr(self) -> None:
        """The text about a bot has no password."""
        bot = made(("#a", "canary-1"), password="canary-2", serverPassword="canary-3")
        self.assertNotIn("canary", repr(bot) + repr(bot.identity) + repr(bot.server))

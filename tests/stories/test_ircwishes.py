"""What people have asked of the IRC bot is kept over a restart of the master."""

from __future__ import annotations

from typing import Any

from buildbot.irc.joining import MOST
from tests.stories.irc import ANN, IrcCase


class WishesStory(IrcCase):
    """A bot in two channels, whose people have wishes, and masters after it."""

    def again(self, kill: bool = False) -> list[str]:
        """Start the next master, and let the bot in; return the channels that it asks for."""
        self.store.flush()
        (self.kill if kill else self.stop)()
        self.begin()
        self.server.welcome()
        self.pause()
        return [each for each in self.server.heard() if each.startswith("JOIN")]

    def kept(self) -> Any:
        """What the store has about bots."""
        return list(self.successResultOf(self.store.getStates("irc/")).values())

    def test_notify(self) -> None:
        """Events that a channel has asked for are told there after a stop and after a kill; others stay."""
        self.enter()
        self.ask("notify off")
        self.ask("notify on failure")
        for kill in (False, True):
            self.again(kill)
            self.assertEqual(self.ask("notify list"), ["these events are told here: failure"])
            (other,) = self.ask("notify list", to="#ops")
            self.assertEqual(other, "these events are told here: finished, started")

    def test_nothing(self) -> None:
        """A channel that wants no events is told none after a restart, either."""
        self.enter()
        self.ask("notify off")
        self.again()
        self.assertEqual(self.ask("notify list"), ["no events are told here"])
        self.send()
        self.wait(61)
        self.assertEqual(self.said(), [])

    def test_usual(self) -> None:
        """A channel that wants again what master.cfg says follows master.cfg from then on."""
        self.enter()
        self.ask("notify off")
        self.ask("notify on")
        self.assertEqual(self.kept(), [])
        self.edit("notify_events=['started', 'finished']", "notify_events=['failure']")
        self.again()
        self.assertEqual(self.ask("notify list"), ["these events are told here: failure"])

    def test_join(self) -> None:
        """The bot comes back to a channel that it was called to, with its key, until it is sent away."""
        self.enter()
        self.ask("join #more secret")
        self.server.say(":builder!b@host JOIN #more")
        self.ask("notify on failure", to="#more")
        self.assertEqual(self.again(kill=True), ["JOIN #ops,#more key,secret", "JOIN #dev"])
        self.server.say(":builder!b@host JOIN #more")
        (told,) = self.ask("notify list", to="#more")
        self.assertEqual(told, "these events are told here: failure, finished, started")
        self.ask("leave #more")
        self.assertEqual(self.again(), ["JOIN #ops key", "JOIN #dev"])
        self.assertEqual(self.kept(), [])

    def test_configured(self) -> None:
        """A channel of master.cfg is joined again although the bot was sent away, and only once."""
        self.enter()
        self.ask("leave #dev")
        self.ask("join #ops other", to="#ops")
        self.assertEqual(self.again(), ["JOIN #ops key", "JOIN #dev"])

    def test_person(self) -> None:
        """What somebody has asked for in private ends with the restart: the nick may be another's then."""
        self.enter()
        self.server.say(f":{ANN} PRIVMSG builder :notify on failure")
        self.pause()
        self.assertEqual(self.kept(), [])

    def test_reconfig(self) -> None:
        """A reconfig that changes the bot's arguments keeps the wishes, too."""
        self.enter()
        self.ask("notify on exception")
        self.edit("showBlameList=True", "showBlameList=False")
        self.assertTrue(self.reconfig()["applied"])
        self.wait(2)
        self.server.welcome()
        self.pause()
        self.assertIn("exception", self.ask("notify list")[0])

    def test_reconfigWhileKept(self) -> None:
        """A reconfig loses no wish that the store has not kept yet: the new bot begins after that."""
        self.enter()
        self.store.lazy = True
        for event in ("exception", "warnings"):
            self.server.say(f":{ANN} PRIVMSG #dev :builder: notify on {event}")
        self.edit("showBlameList=True", "showBlameList=False")
        done = self.master.reconfigurer.request()
        for _ in range(60):
            self.store.flush(1)
            self.reactor.advance(0)
        self.assertTrue(self.successResultOf(done)["applied"])
        self.store.lazy = False
        self.wait(2)
        self.server.welcome()
        self.pause()
        told = "these events are told here: exception, finished, started, warnings"
        self.assertEqual(self.ask("notify list"), [told])

    def test_keyStays(self) -> None:
        """Whoever calls the bot to a channel of master.cfg need not know its key."""
        self.enter()
        self.server.say(":boss!b@host KICK #ops builder :out")
        self.ask("join #Ops")
        self.server.drop()
        self.wait(10)
        self.server.welcome()
        self.pause()
        joined = [each for each in self.server.heard() if each.startswith("JOIN")]
        self.assertEqual(joined, ["JOIN #Ops key", "JOIN #dev"])

    def test_bounded(self) -> None:
        """No number of wishes makes the store grow."""
        self.edit("allowForce=['ann!*@home', 'account:ann']", "allowForce=True")
        self.enter()
        for number in range(MOST + 10):
            self.server.say(f":{ANN} PRIVMSG builder :join #more{number}")
            self.server.say(f":builder!b@host JOIN #more{number}")
            self.server.say(f":{ANN} PRIVMSG #more{number} :builder: notify on failure")
            self.wait(2)
        (kept,) = self.kept()
        self.assertLessEqual(len(kept["rooms"]), MOST)
        self.assertLessEqual(len(kept["events"]), MOST)

    def test_odd(self) -> None:
        """What is damaged in the store is left out."""
        self.enter()
        self.ask("join #more")
        (key,) = self.successResultOf(self.store.getStates("irc/"))
        odd = [["more", None], ["#a", 7], 5, ["#b", None, 1], [None, None], ["#good", None]]
        for value in (
            7,
            {"rooms": 7},
            {"rooms": odd, "events": [["#dev", 7], ["#dev", ["x", "failure"]], [1, []]]},
        ):
            self.successResultOf(self.store.setState(key, value))
            joined = self.again(kill=True)
        self.assertEqual(joined, ["JOIN #ops key", "JOIN #dev,#good"])
        self.assertEqual(self.ask("notify list"), ["these events are told here: failure"])

    def test_storeFails(self) -> None:
        """If the store fails the bot comes with what master.cfg says, and does as it is told."""
        self.enter()
        self.store.full = True
        self.ask("notify off")
        self.assertEqual(self.ask("notify list"), ["no events are told here"])
        self.store.full = False
        self.ask("notify on failure")
        self.again()
        self.assertEqual(self.ask("notify list"), ["these events are told here: failure"])

"""The IRC bot of a master: what channels are told, and subclasses of the bot (A12)."""

from __future__ import annotations

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from tests.stories.irc import ANN, IrcCase


class ToldTests(IrcCase):
    """What is told, and to whom."""

    def test_login(self) -> None:
        """The bot logs in, tells NickServ its password, and joins with the keys; the log has no password."""
        self.begin()
        self.assertEqual(self.server.heard(), ["CAP LS 302", "NICK builder", "USER builder 0 * :buildbot"])
        self.server.say(":irc.example.org 001 builder :hello")
        self.wait(2)
        self.assertEqual(
            self.server.heard(), ["PRIVMSG NickServ :IDENTIFY canary-7", "JOIN #ops key", "JOIN #dev"]
        )
        self.assertNotIn("canary", repr(self.master.config.status))

    def test_build(self) -> None:
        """The start and the end of a build are told once in each channel, with authors of a bad build."""
        self.enter()
        self.slaves[0].onCommand = lambda command: command.end(1)
        self.send()
        self.wait(61)
        for channel in ("#dev", "#ops"):
            self.server._read = 0 if channel == "#ops" else self.server._read
            told = self.said(channel)
            self.assertEqual(told[0], "build #0 of full started, including [r7]")
            self.assertIn("build #0 of full is complete: \x0304Failure\x0f [failed shell", told[1])
            self.assertIn("blamelist: ann", told[1])
            self.assertEqual(len(told), 2)

    def test_changesOnly(self) -> None:
        """A channel that wants changes only is told the first failure and the first success."""
        self.edit(
            "notify_events=['started', 'finished']", "notify_events=['successToFailure', 'failureToSuccess']"
        )
        self.enter()
        told = []
        for status in (0, 1, 1, 0, 0):
            self.slaves[0].onCommand = lambda command, status=status: command.end(status)
            self.send()
            self.wait(61)
            told.append(len(self.said()))
        self.assertEqual(told, [0, 1, 0, 1, 0])

    def test_hostile(self) -> None:
        """Names and words of strangers bring no lines and no colours of their own."""
        self.enter()
        self.send()
        self.wait(61)
        self.quiet()
        self.ask("force build full a\x03b\x02 \x07c")
        whole = self.server.bot.transport.value()
        for line in whole.split(b"\r\n"):
            self.assertNotIn(b"\n", line)
        for evil in (b"\x02", b"\x07"):
            self.assertNotIn(evil, whole)

    def test_away(self) -> None:
        """While the server is down, builds go on; after that the bot is back, and joins again."""
        self.enter()
        self.server.isDown = True
        self.server.drop()
        self.send()
        self.wait(61)
        self.assertEqual(
            self.status()["builders"][0]["state"] if "builders" in self.status() else "idle", "idle"
        )
        self.server.isDown = False
        self.wait(600)
        self.assertEqual(len(self.server.bots), 2)
        self.server.welcome()
        self.quiet()
        self.send()
        self.wait(61)
        self.assertEqual(len(self.said()), 2)

    def test_reconfig(self) -> None:
        """A reconfig that does not change the bot keeps its connection, and what was asked."""
        self.enter()
        self.ask("notify off")
        self.edit("'factory': f}", "'factory': f, 'category': 'x'}")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.ask("notify list"), ["no events are told here"])
        self.assertEqual(len(self.server.bots), 1)
        self.edit("['#dev', ('#ops', 'key')", "['#dev', '#more', ('#ops', 'canary-8')")
        outcome = self.reconfig()
        self.assertTrue(outcome["applied"])
        self.assertIn("+#more", " ".join(outcome["changes"]))
        self.assertNotIn("canary", repr(outcome))
        first = self.server.bots[0]
        self.assertIn(b"QUIT", first.transport.value())
        self.assertTrue(first.transport.disconnecting)
        self.server.welcome()
        self.pause()
        self.assertIn("JOIN #dev,#more", self.server.heard())

    def test_stop(self) -> None:
        """The bot says goodbye when the master stops, and nothing is left in the clock."""
        self.enter()
        self.stop()
        self.assertIn("QUIT :the master stops", self.server.heard())
        self.server.drop()
        self.assertEqual([str(each) for each in self.reactor.getDelayedCalls() if "irc" in str(each)], [])

    def test_startedAgain(self) -> None:
        """A bot that is stopped and started again, as when a reconfig fails, has one connection at a time."""
        self.enter()
        entry: Any = self.master.config.status[0]
        first = self.server.bot
        entry.stopService()
        entry.startService()
        self.store.flush()
        self.server.welcome()
        first.connectionLost(Failure(ConnectionDone()))
        self.wait(30)
        self.assertEqual(len(self.server.bots), 2)
        self.assertNotEqual(self.ask("version"), [])

    def test_controlCharacters(self) -> None:
        """A nick that a server gives to the bot cannot write to the terminal of who reads twistd.log."""
        events: list[Any] = []
        observer: Any = events.append
        self.begin()
        globalLogPublisher.addObserver(observer)
        self.addCleanup(globalLogPublisher.removeObserver, observer)
        self.server.say(":irc.example.org 001 \x1b[2Jbuilder :hello")
        said = [formatEvent(each) for each in events]
        self.assertTrue([each for each in said if "[2Jbuilder" in each])
        self.assertEqual([each for each in said if "\x1b" in each], [])

    def test_wording(self) -> None:
        """Channels get notices, plain text and revisions, if the bot is told so."""
        self.edit(
            "showBlameList=True",
            "showBlameList=False, noticeOnChannel=True, useRevisions=True, useColors=False",
        )
        self.enter()
        self.slaves[0].onCommand = lambda command: command.end(1)
        self.send()
        self.wait(61)
        self.pause()
        name = "NOTICE #dev :build of full containing revision(s) [r7]"
        told = [each for each in self.server.heard() if "#dev" in each]
        self.assertEqual(told, [f"{name} started", f"{name} is complete: Failure [failed shell]"])

    def test_private(self) -> None:
        """The people of pm_to_nicks are told events in private, with a link if the master has pages."""
        self.edit("showBlameList=True", "pm_to_nicks=['eve']")
        self.add("c['buildbotURL'] = 'http://ci.example.org/'")
        self.enter()
        self.send()
        self.wait(61)
        told = self.said("eve")
        self.assertEqual(len(told), 2)
        self.assertIn(
            "Success\x0f [build successful] - http://ci.example.org/builders/full/builds/0", told[1]
        )

    def test_categories(self) -> None:
        """Builders of other categories do not exist for the bot."""
        self.edit("showBlameList=True", "categories='x'")
        self.enter()
        self.assertEqual(self.ask("list builders"), ["there are no builders"])
        self.assertEqual(self.ask("status"), ["there are no builders"])
        self.assertIn("there is no builder", self.ask("force build full")[0])
        self.edit("'builddir': 'full',", "'builddir': 'full', 'tags': ['x'],")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.ask("list builders"), ["builders: full"])
        self.send()
        self.wait(61)
        self.assertEqual(len(self.said()), 2)

    def test_otherChannels(self) -> None:
        """A channel that the bot was kicked from, or was forwarded to, is told nothing of builds."""
        self.enter()
        self.server.say(f":{ANN} KICK #ops builder :out", ":builder!b@host JOIN ##overflow")
        self.send()
        self.wait(30)
        self.server.heard()
        self.wait(31)
        self.pause()
        heads = [each.partition(" :")[0] for each in self.server.heard()]
        self.assertEqual(heads, ["JOIN #ops key", "PRIVMSG #dev", "PRIVMSG #dev"])

    def test_trouble(self) -> None:
        """A server that is down for long is a trouble of the master, until the bot is back."""
        self.enter()
        self.server.isDown = True
        self.server.drop()
        self.wait(3600)
        (trouble,) = self.status()["master"]["troubles"]
        self.assertEqual(
            (trouble["subject"], trouble["what"]),
            ("irc/irc.example.org:6667", "the IRC bot is not connected"),
        )
        self.server.isDown = False
        self.wait(3600)
        self.server.welcome()
        self.assertEqual(self.status()["master"]["troubles"], [])


OWN = """
from buildbot.status import base, words
from twisted.application import internet
class Contact(words.IRCContact):
    def command_COFFEE(self, args, who):
        self.send('%s, there is none' % who)
    command_COFFEE.usage = 'coffee - ask for coffee'
    def command_ALL(self, args, who):
        names = [each.getName() for each in self.getAllBuilders()]
        self.send('%s: %s' % (self.describeUser(who), self.getBuilder(args or names[0]).getName()))
    def buildFinished(self, builderName, build, results):
        self.bot.msgOrNotice(self.dest, ('%s: %d' % (builderName, results)).encode('utf-8'))
class Bot(words.IrcStatusBot):
    contactClass = Contact
    def command_TEA(self, user, reply, args):
        self.reply(reply, '%s wants %s' % (user, args))
    command_TEA.usage = 'tea KIND - ask for tea'
class Factory(words.IrcStatusFactory):
    protocol = Bot
class Simple(words.IRC):
    factoryClass = Factory
class Whole(words.IRC):
    compare_attrs = ['host', 'nick', 'channels']
    def __init__(self, host, nick, channels, notify_events={}):
        base.StatusReceiverMultiService.__init__(self)
        self.host, self.port, self.nick, self.channels, self.password = host, 6667, nick, channels, None
        self.allowForce, self.categories, self.notify_events = False, None, notify_events
        self.f = Factory(nick, None, channels, None, notify_events, noticeOnChannel=False)
        internet.TCPClient(host, 6667, self.f).setServiceParent(self)
"""


class SubclassTests(IrcCase):
    """Bots of a site's own, as those of 0.8."""

    config = "c['status'] = [Simple('irc.example.org', 'builder', ['#dev'], notify_events={'finished': 1})]"

    def setUp(self) -> None:
        super().setUp()
        self.edit("\nc = Build", f"{OWN}\nc = Build")

    def test_own(self) -> None:
        """Commands and sentences of a subclass are used."""
        self.enter()
        self.assertEqual(self.ask("coffee"), ["ann, there is none"])
        self.assertEqual(self.ask("help coffee"), ["coffee - ask for coffee"])
        self.assertEqual(self.ask("tea green"), ["ann wants green"])
        self.assertEqual(self.ask("help tea"), ["tea KIND - ask for tea"])
        self.assertIn("status, stop, tea, unmute", self.ask("commands")[0])
        self.assertEqual(self.ask("all"), ["IRC user <ann> on channel #dev: full"])
        self.assertIn("there is no builder 'x'", self.ask("all x")[0])
        self.send()
        self.wait(61)
        self.assertEqual(self.said(), ["full: 0"])

    def test_faulty(self) -> None:
        """A command or a sentence that fails is told in words, and the log has it; the bot goes on."""
        self.edit("self.send('%s, there is none' % who)", "return 1 / 0")
        self.edit("('%s: %d' % (builderName, results))", "(1 / 0)")
        self.enter()
        self.assertEqual(self.ask("coffee"), ["this did not work; twistd.log says why"])
        self.send()
        self.wait(61)
        self.assertEqual(self.ask("hello"), ["hello!"])
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 2)

    def test_ownConstructor(self) -> None:
        """A subclass that copies the constructor of 0.8 works, and stays over a reconfig."""
        self.edit("[Simple(", "[Whole(")
        self.test_own()
        self.edit("'factory': f}", "'factory': f, 'category': 'x'}")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(len(self.server.bots), 1)
        self.assertEqual(self.reactor.tcpClients, [])

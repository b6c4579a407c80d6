"""The IRC bot of a master: what channels are told, and what people may do (A12)."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import StringTransport
from twisted.logger import formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from buildbot.irc import service
from buildbot.irc.flood import BURST, EVERY, MOST_EACH
from buildbot.irc.joining import FIRST_WAIT
from buildbot.irc.link import LOST_WAIT
from tests.stories.changes import CONFIG, ChangeCase

BOT = (
    "from buildbot.status.words import IRC\n"
    "c['status'] = [IRC('irc.example.org', 'builder', ['#dev', ('#ops', 'key')], password='canary-7',"
    " allowForce=['ann!*@home', 'account:ann'], allowShutdown=['ann!*@home'],"
    " notify_events=['started', 'finished'], showBlameList=True)]"
)
ANN, BOB = "ann!~a@home", "bob!~b@else"


class Server:
    """I am an IRC server in memory, which can be told to be down.

    @ivar isDown: refuse connections.
    @ivar isUp: there is a connection.
    """

    def __init__(self) -> None:
        self.isDown = self.isUp = False
        self.bots: list[Any] = []
        self._read = 0

    def endpoint(self, *args: object) -> Server:
        """Stands in for L{buildbot.irc.link.endpointOf}."""
        return self

    def connect(self, factory: Any) -> Deferred[Any]:
        if self.isDown:
            return fail(ConnectionRefusedError())
        bot = factory.buildProtocol(None)
        transport = StringTransport()
        transport.abortConnection = transport.loseConnection  # type: ignore[method-assign]
        bot.makeConnection(transport)
        self.bots.append(bot)
        self._read, self.isUp = 0, True
        return succeed(bot)

    @property
    def bot(self) -> Any:
        """The newest connection."""
        return self.bots[-1]

    def say(self, *lines: str | bytes) -> None:
        """The server sends lines."""
        for each in lines:
            self.bot.dataReceived((each if isinstance(each, bytes) else each.encode()) + b"\r\n")

    def heard(self) -> list[str]:
        """The lines that the server got since the last question."""
        whole = self.bot.transport.value()
        new, self._read = whole[self._read :].decode(), len(whole)
        lines = new.split("\r\n")
        return [each for each in lines if each]

    def welcome(self, nick: str = "builder") -> None:
        """Accept the login, and let the bot into its channels."""
        self.say(f":irc.example.org 001 {nick} :hello")
        self.say(f":{nick}!b@host JOIN #dev", f":{nick}!b@host JOIN #ops")

    def drop(self) -> None:
        """The connection ends."""
        self.isUp = False
        self.bot.connectionLost(Failure(ConnectionDone()))


class IrcCase(ChangeCase):
    """A master with one builder, a bot, and a server in memory."""

    config = BOT

    def setUp(self) -> None:
        super().setUp()
        self.server = Server()
        self.patch(service, "endpointOf", self.server.endpoint)
        self.write(CONFIG.replace(", Dependent('package', quick, ['package'])", ""))
        self.add(self.config)

    def enter(self) -> None:
        """Start the master, and let the bot in."""
        self.begin()
        self.server.welcome()
        self.quiet()

    def quiet(self) -> None:
        """Wait until all lines are sent, and forget them."""
        self.pause()
        self.server.heard()

    def pause(self) -> None:
        """Wait until all lines are sent."""
        self.wait(int(EVERY * (BURST + MOST_EACH)))

    def wait(self, seconds: int) -> None:
        """Let time pass; the server gives signs of life."""
        for _ in range(seconds):
            if self.server.isUp and self.reactor.seconds() % 50 == 0:
                self.server.say(":irc.example.org PONG irc.example.org :buildbot")
            self.store.flush()
            super().wait(1)

    def said(self, to: str = "#dev") -> list[str]:
        """What the bot has said to a channel or a person since the last question."""
        self.pause()
        heads = (f"PRIVMSG {to} :", f"NOTICE {to} :")
        lines = self.server.heard()
        return [each.partition(" :")[2] for each in lines if each.startswith(heads)]

    def ask(self, text: str, who: str = ANN, to: str = "#dev", tags: str = "") -> list[str]:
        """Somebody says something to the bot. Returns its answers."""
        self.server.heard()
        text = f"builder: {text}" if to.startswith("#") else text
        self.server.say(f"{tags}:{who} PRIVMSG {to} :{text}")
        return self.said(to if to.startswith("#") else who.partition("!")[0])

    def records(self) -> list[tuple[str, str, str, str]]:
        """Who did what, from the record of actions."""
        return [
            (each.who, each.action, each.subject, each.outcome)
            for each in self.master.audit.latest()
            if each.how == "irc"
        ]


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


class AskedTests(IrcCase):
    """The commands that only ask."""

    def test_questions(self) -> None:
        """Everybody may ask about builders and builds, in the channel and in private."""
        self.enter()
        self.assertEqual(self.ask("list builders", BOB), ["builders: full, package"])
        self.assertEqual(self.ask("status", BOB), ["all 2 builders are idle"])
        self.assertEqual(self.ask("status full", BOB, "builder"), ["full: idle"])
        self.assertEqual(self.ask("last full", BOB), ["full: no build has ended yet"])
        self.send()
        self.wait(61)
        self.quiet()
        (answer,) = self.ask("last full", BOB)
        self.assertIn("full: last build #0, ", answer)
        self.assertIn("Success", answer)
        (answer,) = self.ask("status nothing", BOB)
        self.assertIn("there is no builder 'nothing'", answer)

    def test_about(self) -> None:
        """Each command has its help, and a wrong word is told."""
        self.enter()
        (names,) = self.ask("commands")
        for name in names.removeprefix("commands: ").split(", "):
            (answer,) = self.ask(f"help {name}")
            self.assertTrue(answer.startswith((name, f"usage: {name}")), answer)
        self.assertIn("I know no command 'frobnicate'", self.ask("frobnicate")[0])
        self.assertIn("buildbot", self.ask("version")[0])
        self.assertIn("buildbot", self.ask("source")[0])
        self.assertIn("'commands' lists", self.ask("help")[0])
        self.assertIn("there is no command 'x'", self.ask("help x")[0])
        self.assertEqual(self.ask("Thanks!"), ["you are welcome"])
        self.assertIn("usage: list", self.ask("list")[0])
        self.assertIn("usage: watch", self.ask("watch")[0])
        self.assertEqual(self.ask(""), [])
        self.assertEqual(len(self.ask("dance")), 5)
        self.assertEqual(self.ask("hello"), ["hello!"])
        self.assertIn("ACTION", self.ask("destroy")[0])

    def test_watch(self) -> None:
        """Who watches a builder is told the end of its running build, once, whatever is told otherwise."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.assertEqual(self.ask("watch full", BOB, "builder"), ["no build of full is running"])
        self.send()
        self.wait(61)
        self.assertIn("watching: build #0 of full started", self.ask("watch full", BOB, "builder")[0])
        self.ask("watch full", BOB, "builder")
        self.assertIn("building #0 for", self.ask("status", BOB)[0])
        self.slaves[0].commands[-1].end(0)
        self.settle()
        told = self.said("bob")
        self.assertEqual([each.partition(":")[0] for each in told], ["build #0 of full is complete"])

    def test_notify(self) -> None:
        """A channel says which events it wants; a wrong name is told."""
        self.enter()
        self.assertEqual(self.ask("notify list"), ["these events are told here: finished, started"])
        self.assertEqual(self.ask("notify off started"), ["these events are told here: finished"])
        self.assertEqual(self.ask("notify off"), ["no events are told here"])
        self.assertEqual(
            self.ask("notify on successToFailure"), ["these events are told here: successToFailure"]
        )
        self.assertEqual(self.ask("notify on succes"), ["'succes' is no event"])
        self.assertIn("usage: notify", self.ask("notify")[0])

    def test_mute(self) -> None:
        """A muted channel hears nothing, until it wants to."""
        self.enter()
        self.ask("mute")
        self.assertEqual(self.ask("hello"), [])
        self.assertEqual(self.ask("unmute"), ["I speak again"])
        self.assertEqual(self.ask("hello"), ["hello!"])

    def test_notMeant(self) -> None:
        """What people say to each other, notices, and the bot's own words are no commands."""
        self.enter()
        self.server.say(
            f":{ANN} PRIVMSG #dev :builders: status",
            f":{ANN} PRIVMSG #dev :status",
            f":{ANN} NOTICE builder :status",
            ":builder!b@host PRIVMSG #dev :builder: status",
            ":irc.example.org PRIVMSG builder :status",
            f":{ANN} PRIVMSG builder :\x01VERSION\x01",
            f":{ANN} PRIVMSG builder :\x01DCC SEND x 1 2 3\x01",
        )
        self.pause()
        self.assertEqual(self.server.heard(), [])
        self.server.say(f":{ANN} PRIVMSG #dev :\x01ACTION kicks builder\x01")
        self.assertIn("ACTION", self.said()[0])


class ActionTests(IrcCase):
    """The commands that do something."""

    def test_force(self) -> None:
        """Who may force gets a build, with start and end told, and is in the record of actions."""
        self.enter()
        answers = self.ask("force build --branch=b full for fun")
        heads = [each.partition(":")[0].partition(",")[0] for each in answers]
        self.assertEqual(
            heads,
            [
                "build #0 of full is forced; I shall tell when it ends",
                "build #0 of full started",
                "build #0 of full is complete",
            ],
        )
        build: Any = self.master.status.getBuilder("full").getLastFinishedBuild()
        self.assertEqual(build.getReason(), "forced by ann on IRC (#dev): for fun")
        self.assertEqual(build.getSourceStamp().branch, "b")
        self.assertEqual(self.records(), [(ANN, "forceBuild", "builder/full", "done")])

    def test_mayNot(self) -> None:
        """Others are refused, in words, and that is recorded; a taken nick does not help."""
        self.enter()
        for who in (BOB, "ann!~a@else"):
            for text in ("force build full", "stop build full", "shutdown start", "join #spam"):
                (answer,) = self.ask(text, who)
                self.assertIn("you may not do this from here", answer)
        self.assertEqual(self.records()[0][3], "refused")
        self.assertEqual(len(self.records()), 8)
        self.assertIsNone(self.master.status.getBuilder("full").getLastFinishedBuild())
        self.assertIsNone(self.master.cleanStop.toRecord())

    def test_account(self) -> None:
        """Somebody who is logged in as ann may force, whatever the nick and the host."""
        self.enter()
        self.ask("force build full", BOB, tags="@time=x;account=ann ")
        self.assertEqual(self.records(), [(f"{BOB} (ann)", "forceBuild", "builder/full", "done")])

    def test_nobody(self) -> None:
        """Without allowForce and allowShutdown nobody may do anything."""
        self.edit(" allowForce=['ann!*@home', 'account:ann'], allowShutdown=['ann!*@home'],", "")
        self.enter()
        for text in ("force build full", "shutdown start"):
            (answer,) = self.ask(text)
            self.assertIn("nobody may do this from IRC", answer)

    def test_waits(self) -> None:
        """A build that must wait is told with its reason, and again when it starts and ends."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.ask("notify off")
        self.ask("force build full")
        (answer,) = self.ask("force build full again")
        self.assertIn("the build of full waits", answer)
        self.slaves[0].commands[-1].end(0)
        self.settle()
        self.store.flush()
        told = self.said()
        self.assertEqual(
            [each.partition(":")[0] for each in told],
            ["build #0 of full is complete", "build #1 of full started"],
        )
        self.slaves[0].commands[-1].end(0)
        self.settle()
        self.assertIn("build #1 of full is complete", self.said()[0])

    def test_stopBuild(self) -> None:
        """A running build is stopped, by its number or as the only one; without one, that is told."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.slaves[0].onInterrupt = lambda command: command.end(-1)
        self.assertEqual(self.ask("stop build full"), ["no build of full is running"])
        for text in ("stop build full 0 too slow", "stop build full too slow"):
            self.ask("force build full")
            answers = self.ask(text)
            self.assertIn("is stopped", answers[0])
            self.assertIn("stopped by ann on IRC (#dev): too slow", answers[1])
        subjects = [(action, subject) for _, action, subject, ended in self.records() if ended == "done"]
        self.assertIn(("stopBuild", "builder/full/build/0"), subjects)

    def test_shutdown(self) -> None:
        """The master stops after the running builds, and that can be cancelled."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.ask("force build full")
        self.assertEqual(self.ask("shutdown check"), ["the master runs normally"])
        self.assertIn("after the running builds (1 now)", self.ask("shutdown start")[0])
        self.assertIn("stops after", self.ask("shutdown check")[0])
        self.assertEqual(self.ask("shutdown stop"), ["the shutdown is cancelled"])
        self.assertEqual(self.ask("shutdown stop"), ["there was none to cancel"])
        self.assertIn("usage: shutdown", self.ask("shutdown soon")[0])

    def test_shutdownNow(self) -> None:
        """The master stops at once, although a build runs; its author is recorded, and others may not."""
        self.enter()
        self.slaves[0].onCommand = lambda command: None
        self.ask("force build full")
        self.assertIn("you may not", self.ask("shutdown now", BOB)[0])
        self.assertFalse(self.reactor.stopped)
        self.assertEqual(self.ask("shutdown now"), ["the master stops at once"])
        self.assertTrue(self.reactor.stopped)
        self.assertIn((ANN, "shutdown", "master", "done"), self.records())

    def test_codebase(self) -> None:
        """A build is forced for a codebase."""
        self.enter()
        self.ask("force build --codebase=lib --branch=b full")
        build: Any = self.master.status.getBuilder("full").getLastFinishedBuild()
        self.assertEqual((build.getSourceStamp().codebase, build.getSourceStamp().branch), ("lib", "b"))

    def test_join(self) -> None:
        """The bot comes to another channel, and leaves it; a name cannot bring more commands."""
        self.enter()
        self.server.say(f":{ANN} PRIVMSG builder :join #more")
        self.pause()
        self.assertEqual(
            self.server.heard(), ["JOIN #more", "PRIVMSG ann :I ask the server to let me into #more"]
        )
        self.server.drop()
        self.wait(30)
        self.server.welcome()
        self.pause()
        self.assertIn("JOIN #dev,#more", self.server.heard())
        self.server.say(f":{ANN} PRIVMSG builder :leave #more")
        self.pause()
        self.assertEqual(self.server.heard(), ["PART #more"])
        self.assertEqual([action for _, action, *_ in self.records()], ["leaveChannel", "joinChannel"])
        for wrong in ("join more", "join #a,#b", "join"):
            self.assertIn("usage: join", self.ask(wrong)[0])


class ServerTests(IrcCase):
    """Servers that are odd, slow or hostile."""

    def test_nickTaken(self) -> None:
        """If the nick is taken the bot uses another one, and takes its own when it is free."""
        self.begin()
        self.server.say(":s 433 * builder :Nickname is already in use")
        self.assertEqual(self.server.heard()[-1], "NICK builder_")
        self.server.welcome("builder_")
        self.pause()
        heard = self.server.heard()
        self.assertIn("PRIVMSG NickServ :GHOST builder canary-7", heard)
        self.assertIn("NICK builder", heard)  # NickServ may have freed it
        self.quiet()
        self.server.say(f":{ANN} PRIVMSG #dev :builder_: hello")
        self.assertEqual(self.said(), ["hello!"])
        self.server.say(":builder!x@y QUIT :bye")
        self.pause()
        self.assertIn("NICK builder", self.server.heard())
        self.server.say(":builder_!b@host NICK builder")
        self.assertEqual(self.ask("hello"), ["hello!"])
        self.quiet()
        self.assertNotIn("NICK builder", self.server.heard())

    def test_kicked(self) -> None:
        """After a kick the bot comes back later."""
        self.enter()
        self.server.say(f":{ANN} KICK #ops builder :out")
        self.wait(int(FIRST_WAIT) + 1)
        self.assertEqual(self.server.heard(), ["JOIN #ops key"])

    def test_notLetIn(self) -> None:
        """If a channel does not let the bot in, it asks again later, ever more rarely."""
        self.enter()
        for wait in (60, 120):
            self.server.say(":s 473 builder #ops :Cannot join channel (+i)")
            self.wait(wait - 2)
            self.assertEqual(self.server.heard(), [])
            self.wait(3)
            self.assertEqual(self.server.heard(), ["JOIN #ops key"])

    def test_ping(self) -> None:
        """A ping is answered at once, also while many lines wait."""
        self.enter()
        self.server.say(f":{ANN} PRIVMSG #dev :builder: dance", f":{ANN} PRIVMSG #dev :builder: dance")
        self.server.heard()
        self.server.say("PING :token")
        self.assertIn("PONG token", self.server.heard()[-1].replace(":", ""))

    def test_flood(self) -> None:
        """Very many questions cost a limited number of answers, and no memory."""
        self.enter()
        for _ in range(500):
            self.server.say(f":{ANN} PRIVMSG #dev :builder: hello")
        self.assertLessEqual(len(self.server.heard()), BURST)
        told = self.said()
        self.assertLessEqual(len(told), BURST + MOST_EACH + 1)
        self.assertIn("lines are left out here", told[-1])

    def test_otherPort(self) -> None:
        """A server that says nothing at all may wait for an encrypted connection, or for a plain one."""
        seen = self.logged()
        self.begin()
        self.reactor.advance(61)
        self.server.drop()
        self.assertIn("perhaps useSSL= does not fit its port", " ".join(seen))

    def test_silent(self) -> None:
        """A server that says nothing is asked, and left if it does not answer."""
        self.enter()
        self.reactor.advance(120)
        self.assertEqual(self.server.heard(), ["PING :buildbot"])
        self.server.say(":s PONG s :buildbot")
        self.reactor.advance(61)
        self.assertFalse(self.server.bot.transport.disconnecting)
        self.reactor.advance(60)
        self.reactor.advance(60)
        self.assertTrue(self.server.bot.transport.disconnecting)
        self.server.drop()
        self.wait(int(LOST_WAIT * 2))
        self.assertEqual(len(self.server.bots), 2)

    def test_garbage(self) -> None:
        """Lines without sense, in any encoding, do not end the connection."""
        self.enter()
        self.server.say(
            b"", b":", b"@", b"@a", b"CAP", b"433", b"001", b":x", b":s 471", b"\xff\xfe\x00",
            b":a!b@c PRIVMSG", b":a!b@c PRIVMSG #dev",
            b":a!b@c PRIVMSG #dev :\xe4 builder", b":s 005 builder PREFIX=(", b"MODE",
            b":s MODE #dev +o", b":s MODE", b":s 254 x", b":s 332 #dev", b":a!b@c KICK #dev", b":a!b@c NICK",
            b":a!b@c JOIN", b":a!b@c PART", b":a!b@c TOPIC #dev", b"PING", b"ERROR", b"AUTHENTICATE",
            b"CAP *", b":a!b@c NOTICE builder :",
            b":a!b@c PRIVMSG builder :" + "grün ☃".encode("utf-16"), b":\x10n KICK #x y",
        )  # fmt: skip
        self.quiet()
        self.assertEqual(self.ask("hello"), ["hello!"])
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_encodings(self) -> None:
        """A command in Latin 1 is understood, and answered in UTF-8."""
        self.enter()
        self.server.say(f":{ANN} PRIVMSG #dev :builder: status grün".encode("latin-1"))
        self.assertIn("there is no builder 'grün'", self.said()[0])

    def test_sasl(self) -> None:
        """A bot with SASL logs in first; if that is refused it does not join, and no log has the password."""
        self.edit("password='canary-7',", "password='canary-7', sasl='PLAIN',")
        seen = self.logged()
        self.begin()
        for isGood in (False, True):
            self.server.say(":s CAP * LS :sasl account-tag", ":s CAP * ACK :sasl account-tag")
            self.assertEqual(self.server.heard()[-1], "AUTHENTICATE PLAIN")
            self.server.say("AUTHENTICATE +")
            self.assertIn("AUTHENTICATE ", self.server.heard()[-1])
            if isGood:
                self.server.say(":s 903 * :SASL authentication successful")
                self.assertEqual(self.server.heard(), ["CAP END"])
                self.server.welcome()
                self.pause()
                self.assertEqual(self.server.heard(), ["JOIN #ops key", "JOIN #dev"])
            else:
                self.server.say(":s 904 * :SASL authentication failed for canary-7")
                self.assertTrue(self.server.bot.transport.disconnecting)
                self.server.drop()
                self.wait(40)
                self.assertEqual(len(self.server.bots), 1)
                self.wait(40)
                self.assertEqual(len(self.server.bots), 2)
        self.assertIn("the login was refused: SASL authentication failed", " ".join(seen))
        self.assertNotIn("canary", " ".join(seen))

    def test_error(self) -> None:
        """The last words of a server are in the log, without the password that it repeats."""
        self.enter()
        seen = self.logged()
        self.server.say("ERROR :Closing link: \x1b[2J\x07 K-lined canary-7")
        self.server.drop()
        self.assertIn("the server says: Closing link: \\x1b[2J\\x07 K-lined ********", seen[-1])

    def logged(self) -> list[str]:
        """The lines of the log from now on."""
        seen: list[str] = []

        def record(event: Any) -> None:
            seen.append(formatEvent(event))

        note: Any = record
        globalLogPublisher.addObserver(note)
        self.addCleanup(globalLogPublisher.removeObserver, note)
        return seen

    def test_serverPassword(self) -> None:
        """A wrong password of the server ends the connection, and the log says so."""
        seen = self.logged()
        self.begin()
        self.server.say(":s 464 * :Password incorrect")
        self.assertTrue(self.server.bot.transport.disconnecting)
        self.server.drop()
        self.assertIn("the password of the server was refused: Password incorrect", seen[-1])

    def test_late(self) -> None:
        """An answer that is ready after the connection has ended is said nowhere, and leaves no timer."""
        self.enter()
        self.ask("status")
        before = len(self.reactor.getDelayedCalls())
        irc: Any = self.master.config.status[0]
        contact = irc.contacts["#dev"]
        self.server.drop()
        for _ in range(20):
            contact.send("late")
        self.assertLessEqual(len(self.reactor.getDelayedCalls()), before)

    def test_manyPeople(self) -> None:
        """Very many people who talk to the bot do not fill its memory, and its channels stay."""
        self.enter()
        for number in range(3 * service.MOST_CONTACTS):
            self.server.say(f":n{number}!u@h PRIVMSG builder :mute")
        irc: Any = self.master.config.status[0]
        self.assertEqual(len(irc.contacts), service.MOST_CONTACTS + 2)
        self.assertIn("#dev", irc.contacts)

    def test_renamed(self) -> None:
        """Somebody who takes the nick of another person does not get what that one has asked for."""
        self.enter()
        self.ask("notify on", BOB, "builder")
        self.server.say(":bob!~b@else QUIT")
        self.assertEqual(self.ask("notify list", "bob!~x@evil", "builder"), ["no events are told here"])

"""What an IRC server may do to the bot: refuse it, be silent, say anything (A12)."""

from __future__ import annotations

from typing import Any

from twisted.logger import formatEvent, globalLogPublisher

from buildbot.irc import service
from buildbot.irc.flood import BURST, MOST_EACH
from buildbot.irc.joining import FIRST_WAIT
from buildbot.irc.link import LOST_WAIT
from tests.stories.irc import ANN, BOB, IrcCase


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
        self.assertIn("the login took too long", " ".join(seen))
        self.assertIn("perhaps useSSL= does not fit its port", " ".join(seen))

    def test_endedAtOnce(self) -> None:
        """So it is if the server ends the connection without a word; one that spoke gets no such hint."""
        seen = self.logged()
        self.begin()
        self.server.drop()
        self.assertIn("perhaps useSSL= does not fit its port", seen[-1])
        self.wait(80)  # the jitter of the wait is a quarter of a minute
        self.server.welcome()
        self.server.drop()
        self.assertNotIn("useSSL", seen[-1])

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

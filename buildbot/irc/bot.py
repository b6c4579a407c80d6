# -*- test-case-name: tests.stories.test_irc,tests.stories.test_ircserver -*-
"""One connection of the bot to its server: logs in, joins, hears and speaks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.protocol import ClientFactory
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.words.protocols import irc

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.events.reactors import Timers
from buildbot.irc.contact import IRCContact
from buildbot.irc.flood import Lines
from buildbot.irc.harmless import folded, isChannel, oneLine, pieces
from buildbot.irc.heard import Heard, heard
from buildbot.irc.identity import Identity
from buildbot.irc.joining import Channels
from buildbot.irc.link import reasonOf
from buildbot.irc.oldbot import OldBot
from buildbot.irc.people import Person
from buildbot.irc.registering import SASL_REFUSALS, Registration
from buildbot.text.printable import plainLine
from buildbot.text.secrets import struckOut

log = Logger()

#: Seconds for the login.
LOGIN_TIME = 60.0
#: The server is asked for a sign of life after so many silent seconds, and given up after so many more.
SILENCE, PATIENCE = 120.0, 60.0
#: Seconds between two attempts to get the own nick.
NICK_WAIT = 60.0
#: Seconds until the first one, in which NickServ may end the connection of the other.
GHOST_WAIT = 10.0
#: The answers that refuse a channel: it is full, only for the invited, and so on.
_NOT_LET_IN = ("403", "405", "471", "473", "474", "475", "476", "477", "489")
#: What may be wrong if a server has said nothing at all.
_SILENT = "; the server says nothing: perhaps useSSL= does not fit its port"
#: The answers that refuse a nick: it is taken, or not valid.
_TAKEN = ("432", "433", "436", "437")


class Owner(Protocol):
    """What a connection needs of the IRC entry of C{c['status']}."""

    status: Any
    identity: Identity
    rooms: dict[str, str | None]
    noticeOnChannel: bool
    useColors: bool
    useRevisions: bool
    showBlameList: bool

    @property
    def master(self) -> Any: ...

    @property
    def clock(self) -> Timers: ...

    def signedOn(self, bot: IrcStatusBot) -> None: ...
    def contactFor(self, name: str, bot: IrcStatusBot) -> IRCContact: ...
    def connectionLost(self, bot: IrcStatusBot, why: str, wasReady: bool) -> None: ...
    def forget(self, name: str) -> None: ...


class IrcStatusBot(OldBot):
    """I am the bot on one connection, as a client of Twisted's C{words}.

    Subclasses may override C{contactClass} and the methods of L{irc.IRCClient}.

    @ivar owner: the IRC entry of C{c['status']}.
    @ivar channelsOf: the channels.
    @ivar channels: the names of those to join after the login, as in 0.7.5.
    @ivar isSignedOn: True after the login.
    @ivar isOver: True after L{leaveServer}, and after the end of the connection.
    """

    contactClass: type[IRCContact] = IRCContact
    heartbeatInterval: Any = None  # the silence is watched here, with the clock of the master
    performLogin = 0
    owner: Owner
    transport: Any

    def begin(self, owner: Owner) -> None:
        """Take my owner; the factory calls this before the connection."""
        self.owner = owner
        self.nickname = owner.identity.nick
        self.channels = list(owner.rooms)
        self.isSignedOn = self._isHeard = False
        self.isOver = False
        self._why = ""
        self._account = ""
        self.lines = Lines(owner.clock, self._write, self._missed)
        self.channelsOf = Channels(owner.clock, owner.rooms, lambda name, key: self.join(name, key))
        self.registration = Registration(owner.identity, self.urgent, self.giveUp)
        self._silence = Alarm(self._ask)
        self._dead = Alarm(lambda: self.giveUp("the server is silent"))
        self._deadline = Alarm(self._tooLong)
        self._regain = Alarm(self._tryNick)

    # the names of 0.8 for subclasses

    @property
    def status(self) -> Any:
        """The status of the master."""
        return self.owner.status

    @property
    def master(self) -> Any:
        """The master."""
        return self.owner.master

    @property
    def noticeOnChannel(self) -> bool:
        """True if channels get notices instead of messages."""
        return self.owner.noticeOnChannel

    @property
    def useColors(self) -> bool:
        """True if results have colours."""
        return self.owner.useColors

    @property
    def useRevisions(self) -> bool:
        """True if builds are named by their revisions."""
        return self.owner.useRevisions

    @property
    def showBlameList(self) -> bool:
        """True if the authors of the changes of a bad build are named."""
        return self.owner.showBlameList

    def getContact(self, name: str) -> IRCContact:
        """My side of the conversation with a channel or a person."""
        return self.owner.contactFor(name, self)

    # lines

    def connectionMade(self) -> None:
        """Log in."""
        irc.IRCClient.connectionMade(self)
        self._deadline.set(self.owner.clock, LOGIN_TIME)
        self._silence.set(self.owner.clock, SILENCE)
        self.registration.begin()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]
        """The connection has ended."""
        for each in (self._silence, self._dead, self._deadline, self._regain):
            each.stop()
        hasLeft, wasReady = self.isOver, self.isSignedOn
        self.isSignedOn, self.isOver = False, True
        self.channelsOf.stop()
        self.lines.clear()
        if hasLeft:
            return  # the owner may have started again meanwhile, with another connection
        why = self._why or self.clean(reasonOf(reason))
        if not (self._why or self._isHeard) and reason.check(ConnectionDone, ConnectionLost):
            why += _SILENT
        self.owner.connectionLost(self, why, wasReady)

    def _tooLong(self) -> None:
        self.giveUp("the login took too long" + ("" if self._isHeard else _SILENT))

    def leaveServer(self) -> None:
        """Say goodbye, and hear nothing more."""
        self.isOver = True
        self.urgent("QUIT :the master stops")
        self.transport.loseConnection()

    def giveUp(self, why: str) -> None:
        """End the connection for a reason that is logged."""
        self._why = self._why or self.clean(why)
        self.transport.abortConnection()

    def clean(self, text: str) -> str:
        """Text of the server for a log: one short line, without our passwords."""
        return struckOut(plainLine(text), self.owner.identity.secrets)[:300]

    def lineReceived(self, line: bytes) -> None:
        """A line of the server. What fails is logged, and the connection goes on."""
        if self.isOver:
            return
        self._isHeard = True
        self._silence.set(self.owner.clock, SILENCE)
        self._dead.stop()
        said = heard(line)
        if said is None:
            return
        self._account = said.account
        try:
            self._handle(said)
        except PLUGIN_ERRORS:
            log.failure("a line of the IRC server cannot be handled")

    def _handle(self, said: Heard) -> None:
        command, params = said.command, said.parameters
        if command == "CAP":
            self.registration.capabilities(params)
        elif command == "AUTHENTICATE":
            self.registration.challenged()
        elif command == "903":
            self.registration.loggedIn()
        elif command in SASL_REFUSALS:
            self.registration.refused(params[-1])
        elif command in _TAKEN:
            if not self.isSignedOn:
                self.registration.nickRefused()
        elif command == "001":
            self.nickname = params[0]
            self.signedOn()
        elif command in _NOT_LET_IN:
            self._again(params[1], f"the server does not let the bot into it: {params[-1]}")
        elif command == "464":
            self.giveUp(f"the password of the server was refused: {params[-1]}")
        elif command == "ERROR":
            self._why = self._why or self.clean(f"the server says: {params[-1]}")
        else:
            method = getattr(self, f"irc_{said.name}", None)
            if method is not None:
                method(said.prefix, params)
            else:
                self.irc_unknown(said.prefix, said.name, params)

    def sendLine(self, line: str) -> None:
        """Send a line in its turn, as one line whatever its text has."""
        if self.isOver:
            return
        text = oneLine(line)
        verb, to, *_ = [*text.split(" ", 2), "", ""]
        if verb in ("PONG", "QUIT"):
            self.lines.urgent(text)
        else:
            self.lines.add(text, folded(to) if verb in ("PRIVMSG", "NOTICE") else "")

    def urgent(self, line: str) -> None:
        """Send a line at once."""
        self.lines.urgent(oneLine(line))

    def _write(self, line: str) -> None:
        self.transport.write(line.encode("utf-8", "replace") + b"\r\n")

    def _missed(self, to: str, count: int) -> str:
        return f"{self._verb(to)} {to} :({count} lines are left out here: there were too many)"

    def _ask(self) -> None:
        self.urgent("PING :buildbot")
        self._dead.set(self.owner.clock, PATIENCE)

    # what is said

    def msgOrNotice(self, dest: str, message: str | bytes) -> None:
        """Say something, in several lines if it is long."""
        for piece in pieces(oneLine(_text(message))):
            self.sendLine(f"{self._verb(dest)} {dest} :{piece}")

    def msg(self, user: str, message: str | bytes, length: int | None = None) -> None:
        """Say something; C{user} may be a channel. Subclasses of Python 2 give bytes, as for C{notice}."""
        irc.IRCClient.msg(self, user, _text(message), length)

    def notice(self, user: str, message: str | bytes, length: int | None = None) -> None:
        """Say something with a notice."""
        irc.IRCClient.notice(self, user, _text(message), length)

    def reply(self, dest: str, message: str) -> None:
        """Answer a command; the name of 0.7.5."""
        self.getContact(dest).send(message)

    def me(self, dest: str, action: str | bytes) -> None:
        """Do something, as with C{/me}."""
        self.sendLine(f"PRIVMSG {dest} :\x01ACTION {pieces(oneLine(_text(action)))[0]}\x01")

    def _verb(self, dest: str) -> str:
        return "NOTICE" if self.noticeOnChannel and isChannel(dest) else "PRIVMSG"

    # what is heard

    def signedOn(self) -> None:
        """The server has accepted the login: tell NickServ, and join."""
        if not self.registration.welcomed():
            return
        self.isSignedOn = True
        self._deadline.stop()
        identity = self.owner.identity
        isOther = folded(self.nickname) != folded(identity.nick)
        if identity.password and not identity.sasl:
            name = f"{identity.nick} " if isOther else ""
            self.sendLine(f"PRIVMSG NickServ :IDENTIFY {name}{identity.password}")
            if isOther:
                self.sendLine(f"PRIVMSG NickServ :GHOST {identity.nick} {identity.password}")
        elif identity.sasl and isOther:
            self.sendLine(f"PRIVMSG NickServ :GHOST {identity.nick}")
        if isOther:
            log.warn(
                "nick {nick} is taken on IRC: it is {other} now",
                nick=identity.nick,
                other=self.clean(self.nickname),
            )
            self._regain.set(self.owner.clock, GHOST_WAIT)
        self.owner.signedOn(self)
        self.channelsOf.begin()

    def _tryNick(self) -> None:
        if folded(self.nickname) != folded(self.owner.identity.nick):
            self.sendLine(f"NICK {self.owner.identity.nick}")
            self._regain.set(self.owner.clock, NICK_WAIT)

    def userQuit(self, user: str, quitMessage: str) -> None:
        """Somebody has left the network; perhaps it had our nick."""
        self._freed(user)
        self.owner.forget(user)

    def userRenamed(self, oldname: str, newname: str) -> None:
        """Somebody has another nick."""
        self._freed(oldname)
        self.owner.forget(oldname)

    def _freed(self, nick: str) -> None:
        if self.isSignedOn and folded(nick) == folded(self.owner.identity.nick):
            self._tryNick()

    def joined(self, channel: str) -> None:
        """The bot is in a channel."""
        self.channelsOf.entered(channel)
        self.getContact(channel)
        log.info("the IRC bot is in channel {name}", name=plainLine(channel))

    def left(self, channel: str) -> None:
        """The bot has left a channel."""
        self.channelsOf.left(channel)

    def kickedFrom(self, channel: str, kicker: str, message: str) -> None:
        """The bot was kicked: it comes back later."""
        self._again(channel, f"{kicker} has kicked the bot out: {message}")

    def _again(self, channel: str, why: str) -> None:
        wait = self.channelsOf.missed(channel)
        if wait is not None:
            log.warn(
                "IRC channel {name}: {why}; the next attempt comes in {wait} s",
                name=plainLine(channel)[:100],
                why=self.clean(why),
                wait=round(wait),
            )

    def privmsg(self, user: str, channel: str, message: str) -> None:
        """Somebody speaks, to a channel or to me."""
        person = self._person(user)
        if person is None:
            return
        if folded(channel) == folded(self.nickname):
            self.getContact(person).handleMessage(message, person)
            return
        addressed = self._addressed(message)
        if addressed is not None:
            self.getContact(channel).handleMessage(addressed, person)

    def action(self, user: str, channel: str, data: str) -> None:
        """Somebody does something with C{/me}."""
        person = self._person(user)
        if person is not None and folded(channel) != folded(self.nickname):
            self.getContact(channel).handleAction(data, person)

    def _person(self, user: str) -> Person | None:
        """Who speaks; None for a server, and for the bot itself."""
        person = Person(user, self._account)
        return None if "!" not in user or folded(person) == folded(self.nickname) else person

    def _addressed(self, message: str) -> str | None:
        """The rest of a message to me, as in "buildbot: status"; None if it is for others."""
        for nick in (self.nickname, self.owner.identity.nick):
            found = re.match(rf"\s*{re.escape(nick)}\s*[:,]\s*(.*)", message, re.IGNORECASE | re.DOTALL)
            if found is not None:
                return found[1]
        return None

    def ctcpQuery(self, user: str, channel: str, messages: list[Any]) -> None:
        """A query of another program: only C{/me} means something here."""
        for tag, data in messages[:1]:
            if tag.upper() == "ACTION":
                self.action(user, channel, data or "")

    def ctcpReply(self, user: str, channel: str, messages: object) -> None:
        """Ignore it: I ask nothing."""


def _text(said: str | bytes) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said


class ThrottledClientFactory(ClientFactory):
    """The name of 0.7.5; L{buildbot.irc.link} has the waiting times."""

    noisy = False


class IrcStatusFactory(ThrottledClientFactory):
    """I make an L{IrcStatusBot} for each connection. Subclasses may have another C{protocol}.

    @ivar p: the name of 0.7.5 for the bot of the present connection; None without one.
    """

    protocol: Callable[[], IrcStatusBot] = IrcStatusBot
    owner: Owner
    p: IrcStatusBot | None = None

    def __init__(
        self,
        nickname: str,
        password: str | None,
        channels: Sequence[Any],
        categories: Sequence[str] | None = None,
        *more: object,
        **others: object,
    ) -> None:
        """The arguments are those of 0.7.5 to 0.8. They count for nothing: my C{owner} knows better."""

    def buildProtocol(self, addr: object) -> IrcStatusBot:
        """The bot of a new connection."""
        made = self.protocol()
        made.factory = self
        made.begin(self.owner)
        return made

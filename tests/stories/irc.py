"""A master with an IRC bot, and an IRC server in memory."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionDone, ConnectionRefusedError
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from buildbot.irc import service
from buildbot.irc.flood import BURST, EVERY, MOST_EACH
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

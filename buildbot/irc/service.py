# -*- test-case-name: tests.stories.test_irc -*-
"""IRC of C{c['status']}: a bot that tells channels about builds and takes commands, as in 0.7.5 to 0.8.14."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from twisted.internet.defer import DeferredList, ensureDeferred
from twisted.logger import Logger

from buildbot.config.arguments import arguments, complain, knownArguments, remember
from buildbot.config.kinds import FLAG, NAMES_OR_ONE, SECONDS, TEXT, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.daemon.symptoms import Symptom
from buildbot.events.reactors import Timers
from buildbot.irc.argumentkinds import (
    CHANNELS,
    EVENTS,
    HOST,
    LINE,
    NICK,
    NICKS,
    PORT,
    RULES,
    SASL,
    SECRET,
    channelOf,
)
from buildbot.irc.bot import IrcStatusBot, IrcStatusFactory
from buildbot.irc.contact import IRCContact
from buildbot.irc.harmless import folded, isChannel
from buildbot.irc.identity import EXTERNAL, PLAIN, Identity, Server
from buildbot.irc.joining import MOST
from buildbot.irc.kept import Kept
from buildbot.irc.link import Link, endpointOf
from buildbot.irc.people import isAnybody, needsAccounts
from buildbot.outgoing.pacing import MANY_FAILURES
from buildbot.reporters.choice import isChosen
from buildbot.status.base import StatusReceiverMultiService
from buildbot.text.printable import plainLine

log = Logger()

#: The usual ports, without and with TLS.
PORTS = {False: 6667, True: 6697}
#: The most conversations that are remembered, besides those of the configuration.
MOST_CONTACTS = 100


class IRC(StatusReceiverMultiService):
    """I am the bot on one server, in some channels. I stay over all connections, and over reconfigs.

    @cvar factoryClass: makes the connections' bots; subclasses may have another one.
    @ivar f: the factory of the connections' bots, whose C{p} is C{bot}; a name of 0.7.5.
    @ivar contacts: the conversations, by the folded name of the channel or person.
    @ivar rooms: the channels to be in: those of the configuration, and those that people have asked for.
    """

    factoryClass = IrcStatusFactory
    compare_attrs: Sequence[str] = (
        *("host", "nick", "channels", "pm_to_nicks", "port", "allowForce", "categories", "password"),
        *("notify_events", "noticeOnChannel", "showBlameList", "useRevisions", "useSSL", "lostDelay"),
        *("failedDelay", "useColors", "allowShutdown", "caFile", "clientCertificate", "sasl", "account"),
        *("serverPassword", "factoryClass"),
    )

    @arguments(
        host=HOST,
        nick=NICK,
        channels=CHANNELS,
        pm_to_nicks=NICKS,
        port=orNone(PORT),
        allowForce=RULES,
        categories=orNone(NAMES_OR_ONE),
        tags=orNone(NAMES_OR_ONE),
        password=orNone(SECRET),
        notify_events=EVENTS,
        noticeOnChannel=FLAG,
        showBlameList=FLAG,
        useRevisions=FLAG,
        useSSL=FLAG,
        lostDelay=orNone(SECONDS),
        failedDelay=orNone(SECONDS),
        useColors=FLAG,
        allowShutdown=RULES,
        caFile=orNone(TEXT),
        clientCertificate=orNone(TEXT),
        sasl=SASL,
        account=orNone(LINE),
        serverPassword=orNone(SECRET),
    )
    def __init__(
        self,
        host: str,
        nick: str,
        channels: Sequence[Any],
        pm_to_nicks: Sequence[str] = (),
        port: int | None = None,
        allowForce: bool | Sequence[str] = False,
        categories: Sequence[str] | str | None = None,
        tags: Sequence[str] | str | None = None,
        password: str | None = None,
        notify_events: Collection[str] = (),
        noticeOnChannel: bool = False,
        showBlameList: bool = True,
        useRevisions: bool = False,
        useSSL: bool = False,
        lostDelay: float | None = None,
        failedDelay: float | None = None,
        useColors: bool = True,
        allowShutdown: bool | Sequence[str] = False,
        caFile: str | None = None,
        clientCertificate: str | None = None,
        sasl: str | None = None,
        account: str | None = None,
        serverPassword: str | None = None,
    ) -> None:
        """@param channels: the channels to join: names, (name, key), or dicts with channel and password.
        @param pm_to_nicks: persons who are told events in private.
        @param port: None: 6667, or 6697 with C{useSSL}.
        @param allowForce: who may force and stop builds: True for everybody, or a list of rules: see
            L{buildbot.irc.people}.
        @param categories: only builders with one of these as category or tag; C{tags} is another name of it.
        @param password: of the nick, for NickServ, or for SASL.
        @param notify_events: the events that are told without being asked for.
        @param noticeOnChannel: speak to channels with notices.
        @param showBlameList: name the authors of the changes of a bad build.
        @param useRevisions: name builds by revisions instead of numbers.
        @param useSSL: encrypt the connection, and check the certificate of the server.
        @param lostDelay, failedDelay: seconds until a new attempt, after a lost connection and a failed one.
        @param useColors: colour the results.
        @param allowShutdown: who may stop the master, like C{allowForce}.
        @param caFile: a file of certificates to trust instead of those of the system.
        @param clientCertificate: a file with the bot's certificate and key.
        @param sasl: C{"PLAIN"} or C{"EXTERNAL"}: log in with it instead of NickServ.
        @param account: the name for SASL, if it is not the nick.
        @param serverPassword: the password of the server itself.
        """
        StatusReceiverMultiService.__init__(self)
        remember(self)
        self.host, self.nick, self.password = host, nick, password
        self.port = PORTS[bool(useSSL)] if port is None else port
        self.caFile, self.clientCertificate = caFile, clientCertificate
        self.sasl, self.account, self.serverPassword = sasl, account, serverPassword
        self.server = Server(host, self.port, bool(useSSL), caFile, clientCertificate)
        self.allowForce = _rules(allowForce)
        self.allowShutdown = _rules(allowShutdown)
        wantsAccounts = needsAccounts(self.allowForce) or needsAccounts(self.allowShutdown)
        self.identity = Identity(nick, password, sasl, account, serverPassword, wantsAccounts)
        self.channels = channels
        self.wanted: dict[str, str | None] = dict(filter(None, map(channelOf, channels)))
        self.rooms = dict(self.wanted)
        self.pm_to_nicks = tuple(pm_to_nicks)
        given = categories if categories is not None else tags
        self.categories = [given] if isinstance(given, str) else given
        self.notify_events = _wantedEvents(notify_events)
        self.noticeOnChannel = bool(noticeOnChannel)
        self.showBlameList = bool(showBlameList)
        self.useRevisions = bool(useRevisions)
        self.useColors = bool(useColors)
        self.useSSL = bool(useSSL)
        self.lostDelay, self.failedDelay = lostDelay, failedDelay
        self.contacts: dict[str, IRCContact] = {}
        self.f = self._newFactory()
        self.status: Any = None
        if categories is not None and tags is not None:
            complain(self, ": categories= and tags= are two names of one argument: keep one", "tags", tags)
        if sasl == PLAIN and password is None:
            complain(self, ": sasl='PLAIN' needs password=", "password", None)
        if sasl == EXTERNAL and not (useSSL and clientCertificate):
            complain(self, ": sasl='EXTERNAL' needs useSSL=True and clientCertificate=", "sasl", sasl)
        if not useSSL and (caFile or clientCertificate):
            complain(self, ": caFile= and clientCertificate= need useSSL=True", "useSSL", useSSL)

    @property
    def configurationDoubts(self) -> list[str]:
        """Probable mistakes, as sentences for the author of the configuration."""
        if "server" not in vars(self):
            return []  # a constructor of its own: see setServiceParent
        doubts = []
        near = self.host in ("localhost", "127.0.0.1", "::1")
        if not self.useSSL and not near and self.identity.secrets:
            doubts.append(f"IRC: the password for {self.host} is sent readable: write useSSL=True")
        for name, rules in (("allowForce", self.allowForce), ("allowShutdown", self.allowShutdown)):
            if rules is True:
                doubts.append(f"IRC: {name}=True: everybody on {self.host} may do that; a list names people")
            elif rules:
                for rule in filter(isAnybody, rules):
                    doubts.append(f"IRC: {name}: anybody can take a nick, so {rule!r} protects nothing")
        return doubts

    @property
    def bot(self) -> IrcStatusBot | None:
        """The bot on the present connection; None without one."""
        return self.f.p

    @property
    def nickAt(self) -> str | None:
        """See L{buildbot.config.optional.HasNick}."""
        return f"{self.nick} at {self.server.name} on IRC" if "server" in vars(self) else None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.nick} at {self.host}>"

    def joinRoom(self, name: str, key: str | None) -> None:
        """Somebody wants the bot in one more channel. Raises L{TooManyChannels}."""
        if self.bot is not None:
            own = {folded(each): known for each, known in self.wanted.items()}
            key = own.get(folded(name)) if key is None else key
            self.bot.channelsOf.want(name, key)
            self.rooms = {each: known for each, known in self.rooms.items() if folded(each) != folded(name)}
            self.rooms[name] = key
            if folded(name) not in map(folded, self.wanted):
                self._kept.call(name, key)

    def leaveRoom(self, name: str) -> None:
        """Somebody wants the bot out of a channel: of one of the configuration, until the next start."""
        self._kept.sendAway(name)
        self.rooms = {each: key for each, key in self.rooms.items() if folded(each) != folded(name)}
        self.contacts.pop(folded(name), None)
        if self.bot is not None:
            self.bot.channelsOf.forget(name)
            self.bot.sendLine(f"PART {name}")

    # start and stop

    @property
    def clock(self) -> Timers:
        """The clock of the master."""
        found: Timers = self.master.botmaster.resources.clock
        return found

    def now(self) -> float:
        """Seconds since the epoch."""
        return float(self.master.botmaster.resources.now())

    def setServiceParent(self, parent: Any) -> Any:
        """Join the master. A subclass of 0.8 with a constructor of its own gets here what that has left out.

        Such a constructor sets the arguments as attributes, and makes a factory C{f} with a C{TCPClient}.
        """
        if "server" not in vars(self):
            given = {name: value for name, value in vars(self).items() if name in knownArguments(IRC)}
            factory = getattr(self, "f", None)
            IRC.__init__(self, **given)  # which also forgets the TCPClient
            if isinstance(factory, IrcStatusFactory):
                self.factoryClass = type(factory)
        return super().setServiceParent(parent)

    def startService(self) -> None:
        """Listen to the master, and connect."""
        super().startService()
        self.status = self.master.getStatus()
        self.status.subscribe(self)
        if type(self.f) is not self.factoryClass:
            self.f = self._newFactory()
        self.f.owner = self
        self._link = Link(
            self.server,
            self.f,
            self.clock,
            lambda: endpointOf(self.server.within(self.master.basedir), self.clock),
            self.lostDelay,
            self.failedDelay,
            tell=self._failed,
        )
        store, bot = self.master.botmaster.resources.store, f"{self.server.name} {self.nick}"
        self._kept = Kept(store, bot)
        ensureDeferred(self._connect()).addErrback(lambda why: log.failure("the IRC bot cannot begin", why))

    def _newFactory(self) -> IrcStatusFactory:
        return self.factoryClass(self.nick, self.password, self.channels, self.categories)

    async def _connect(self) -> None:
        link = self._link
        await self._kept.read()
        own = {folded(each) for each in self.wanted}
        called = {each: key for each, key in self._kept.rooms.items() if folded(each) not in own}
        room = max(0, MOST - len(self.wanted))
        self.rooms = {**self.wanted, **dict(list(called.items())[:room])}
        if self.running and link is self._link:  # else it was stopped, and perhaps started again, meanwhile
            link.connect()

    def stopService(self) -> Any:
        """Say goodbye, and disconnect. Fires when all wishes are kept: a reconfig starts another bot then."""
        self.status.unsubscribe(self)
        self._link.stop()
        self.master.troubles.clear(self._subject)
        self.f.p = None
        self.contacts.clear()
        kept = ensureDeferred(self._kept.finish())
        stopped = super().stopService()
        return kept if stopped is None else DeferredList([stopped, kept])

    # what connections tell

    @property
    def _subject(self) -> str:
        """The name of a trouble with the server."""
        return f"irc/{self.server.name}"

    def _failed(self, failures: int, why: str) -> None:
        if failures >= MANY_FAILURES:
            symptom = Symptom(
                "the IRC bot is not connected", why, "correct the server or the arguments of IRC"
            )
            self.master.troubles.report(self._subject, symptom)

    def signedOn(self, bot: IrcStatusBot) -> None:
        """A connection is ready."""
        if not self.running:
            bot.leaveServer()
            return
        self.f.p = bot
        self.master.troubles.clear(self._subject)
        log.info("the IRC bot is {nick} at {server}", nick=bot.clean(bot.nickname), server=self.server.name)
        for contact in self.contacts.values():
            contact.moveTo(bot)
        for nick in self.pm_to_nicks:
            bot.getContact(nick)

    def connectionLost(self, bot: IrcStatusBot, why: str, wasReady: bool) -> None:
        """A connection has ended."""
        if bot is self.bot:
            self.f.p = None
        self._link.lost(why, wasReady)

    def contactFor(self, name: str, bot: IrcStatusBot) -> IRCContact:
        """The conversation with a channel or a person."""
        found = self.contacts.get(folded(name))
        if found is None:
            found = self.contacts[folded(name)] = bot.contactClass(bot, str(name))
            own = {folded(each) for each in (*self.rooms, *self.pm_to_nicks)}
            kept = self._kept.events.get(folded(name))
            if kept is not None:
                found.add_notification_events(kept)
            elif folded(name) in own:
                found.add_notification_events(self.notify_events)
            others = [each for each in self.contacts if each not in own]
            for each in others[:-MOST_CONTACTS]:
                del self.contacts[each]
        return found

    def wishesOf(self, contact: IRCContact) -> None:
        """Somebody has said which events are told in a conversation. That of a channel is kept."""
        if isChannel(contact.dest):
            isUsual = contact.notify_events == set(self.notify_events)
            self._kept.want(contact.dest, None if isUsual else contact.notify_events)

    def forget(self, name: str) -> None:
        """A person has gone: somebody else may come with the name."""
        if folded(name) not in map(folded, self.pm_to_nicks):
            self.contacts.pop(folded(name), None)

    # what the master tells

    def builderNames(self) -> list[str]:
        """The builders that the channels may know of."""
        names: list[str] = self.status.getBuilderNames(self.categories)
        return names

    def builderAdded(self, builderName: str, builder: Any) -> Any:
        """Follow each builder: a later reconfig may give it another category."""
        return self

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Tell the start of a build."""
        self._tellAll("buildStarted", build, builderName, build)

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """Tell the end of a build."""
        self._tellAll("buildFinished", build, builderName, build, results)

    def _tellAll(self, event: str, build: Any, *news: Any) -> None:
        bot = self.bot
        if bot is None or not isChosen(build.getBuilder(), None, self.categories):
            return
        for contact in list(self.contacts.values()):
            isAway = isChannel(contact.dest) and folded(contact.dest) not in bot.channelsOf.joined
            if isAway or not contact.isInterested():
                continue
            try:
                getattr(contact, event)(*news)
            except PLUGIN_ERRORS:
                log.failure(
                    "{event} cannot be told to {name} on IRC", event=event, name=plainLine(contact.dest)
                )


def _rules(value: Any) -> bool | tuple[str, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else bool(value)


def _wantedEvents(value: Any) -> tuple[str, ...]:
    """The events of a list, or of a dict of 0.7.12 and 0.8, whose values say which ones count."""
    if isinstance(value, dict):
        return tuple(sorted(name for name, isWanted in value.items() if isWanted))
    return tuple(sorted(value))

# -*- test-case-name: tests.stories.test_irc -*-
"""One conversation of the bot, with a channel or a person: what is told, and how commands are found."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from functools import update_wrapper
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, succeed
from twisted.logger import Logger
from zope.interface import Interface

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.control.client import ControlError
from buildbot.irc.asking import builderNamed
from buildbot.irc.harmless import isChannel
from buildbot.irc.notices import STARTED, USUAL, isWanted
from buildbot.irc.people import Person
from buildbot.irc.wishes import UsageError
from buildbot.irc.wording import began, ended, lasting, told
from buildbot.reporters.broken import NEUTRAL
from buildbot.status.base import StatusReceiver
from buildbot.store.interface import StoreFailed

log = Logger()

#: The most commands of one conversation that are carried out at a time. Further ones are ignored.
MOST_COMMANDS = 5
#: The most builds, and the most requests, whose end a conversation waits for.
MOST_WATCHED = 50


class IChannel(Interface):
    """The name of 0.8 for the bot on its connection."""


class Contact(StatusReceiver):
    """I am a conversation. The methods C{command_NAME(args, who)} of my subclasses are the commands.

    A command may return a Deferred or a coroutine. Its attribute C{usage} is the text of C{help NAME}.

    @ivar bot: the bot on its present connection; C{channel} is its name of 0.8.5.
    @ivar dest: the name of the channel or the person.
    @ivar notify_events: the names of the events that are told.
    @ivar watched: the builds whose end is told, by builder and number.
    @ivar requests: the requests whose build is told.
    """

    def __init__(self, channel: Any, dest: str) -> None:
        """@param channel: the bot.
        @param dest: the name of a channel or a person.
        """
        self.bot = self.channel = channel
        self.dest = dest
        self.muted = False
        self.notify_events: set[str] = set()
        self.watched: dict[tuple[str, int], None] = {}
        self.requests: dict[int, None] = {}
        self._running = 0

    def moveTo(self, bot: Any) -> None:
        """There is a new connection."""
        self.bot = self.channel = bot

    # what is said

    def send(self, message: str) -> None:
        """Say something."""
        if not self.muted:
            self.bot.msgOrNotice(self.dest, message)

    def act(self, action: str) -> None:
        """Do something, as with C{/me}."""
        if not self.muted:
            self.bot.me(self.dest, action)

    # what is told

    def notify_for(self, *events: str) -> bool:
        """True if one of the events is told."""
        return not self.notify_events.isdisjoint(events)

    def add_notification_events(self, events: Iterable[str]) -> None:
        """Tell these events, too."""
        self.notify_events.update(events)

    def remove_notification_events(self, events: Iterable[str]) -> None:
        """Tell these events no more."""
        self.notify_events.difference_update(events)

    def remove_all_notification_events(self) -> None:
        """Tell no events."""
        self.notify_events.clear()

    def notifyUsual(self) -> None:
        """Tell the start and the end of each build."""
        self.notify_events.update(USUAL)

    def watch(self, build: Any) -> None:
        """Tell the end of a build, whatever events are told. Of very many, the oldest is forgotten."""
        self.watched[_key(build)] = None
        while len(self.watched) > MOST_WATCHED:
            del self.watched[next(iter(self.watched))]

    def watchRequest(self, number: int) -> None:
        """Tell the start and the end of the build for a request."""
        self.requests[number] = None
        while len(self.requests) > MOST_WATCHED:
            del self.requests[next(iter(self.requests))]

    def isInterested(self) -> bool:
        """True if I may want to be told of a build."""
        return bool(self.notify_events or self.watched or self.requests)

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """A build has started. Returns None: I want no events of steps."""
        mine = [each for each in build.getRequestIds() if each in self.requests]
        for each in mine:
            del self.requests[each]
            self.watch(build)
        if mine or self.notify_for(STARTED):
            self.send(began(build, self.bot.useRevisions))

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """A build has ended."""
        wasWatched = _key(build) in self.watched
        self.watched.pop(_key(build), None)
        if wasWatched or isWanted(self.notify_events, results, _resultBefore(build)):
            bot = self.bot
            url = bot.status.getURLForThing(build)
            self.send(ended(build, url, bot.useRevisions, bot.useColors, bot.showBlameList))

    # for subclasses, as in 0.8

    def getAllBuilders(self) -> list[Any]:
        """The status of each builder that I may know of."""
        return [self.bot.status.getBuilder(name) for name in self.bot.owner.builderNames()]

    def getBuilder(self, which: str) -> Any:
        """The status of a builder. Raises L{UsageError} if there is none, or I may not know of it."""
        return builderNamed(self.bot.owner, which)

    def describeUser(self, user: str) -> str:
        """A person in words."""
        where = f"channel {self.dest}" if isChannel(self.dest) else "a private channel"
        return f"IRC user <{user}> on {where}"

    def convertTime(self, seconds: float) -> str:
        """A number of seconds in words."""
        return lasting(seconds)

    # commands

    def getCommandMethod(self, command: str) -> Callable[[str, Any], Any] | None:
        """The method of a command; None if there is no such command."""
        if not command.isalnum():
            return None
        name = f"command_{command.upper()}"
        return self._ofBot(name) or getattr(self, name, None)

    def _ofBot(self, name: str) -> Callable[[str, Any], Any] | None:
        """A command as 0.7.5 has it: C{command_NAME(user, reply, args)} of a subclass of the bot."""
        method = getattr(self.bot, name, None)
        if method is None or hasattr(method, "isInherited"):
            return None

        def command(args: str, who: Any) -> Any:
            return method(who, self.dest, args)

        return update_wrapper(command, method)

    def handleMessage(self, message: str, who: Any) -> Deferred[None]:
        """Carry out a command. Fires when its answer is said; failures are logged only.

        @param who: a L{Person}, or only a nick.
        """
        name, _, args = message.strip().partition(" ")
        if not name or self._running >= MOST_COMMANDS:
            return succeed(None)
        return ensureDeferred(self._carryOut(name, args.strip(), who, self.getCommandMethod(name)))

    def handleAction(self, data: str, user: Any) -> None:
        """Somebody does something with C{/me}. I say nothing."""

    def perform(self, name: str, args: str, who: Any) -> Deferred[None]:
        """Carry out a command of mine, also if the bot has another one. See L{handleMessage}."""
        return ensureDeferred(self._carryOut(name, args, who, getattr(self, f"command_{name}", None)))

    async def _carryOut(
        self, name: str, args: str, who: Any, method: Callable[[str, Any], Any] | None
    ) -> None:
        if method is None:
            self.send(f"I know no command {told(name, 30)!r}; 'commands' lists them")
            return
        self._running += 1
        try:
            answer = method(args, who if isinstance(who, Person) else Person(str(who)))
            if inspect.isawaitable(answer):
                await answer
        except UsageError as why:
            self.send(told(why.args[0]))
        except ControlError as why:
            self.send(told(why, 300))
        except StoreFailed as why:
            self.send(f"the master cannot read its builds now: {told(why.reason)}")
        except PLUGIN_ERRORS:
            log.failure("IRC command {name} failed", name=told(name, 30))
            self.send("this did not work; twistd.log says why")
        finally:
            self._running -= 1


def _key(build: Any) -> tuple[str, int]:
    return build.getBuilder().getName(), build.getNumber()


def _resultBefore(build: Any) -> int | None:
    """The result of the build before another one, without those that say nothing; None if there is none."""
    before = build.getPreviousBuild()
    for _ in range(20):
        if before is None or before.getResults() not in (None, *NEUTRAL):
            break
        before = before.getPreviousBuild()
    found: int | None = None if before is None else before.getResults()
    return found

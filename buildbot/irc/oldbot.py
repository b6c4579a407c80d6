# -*- test-case-name: tests.stories.test_irc_old -*-
"""The names of 0.7.5 for subclasses of the bot: commands as methods of the bot itself, and its helpers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.words.protocols import irc

from buildbot.events.alarm import Alarm
from buildbot.interfaces import IControl
from buildbot.irc import toys
from buildbot.irc.asking import builderNamed, status
from buildbot.irc.wording import began, ended, lasting

#: Seconds until somebody is told that a request waits.
SOON = 5.0
#: A command of 0.7.5: (user, reply, args), where C{reply} is the name of a channel or a person.
Command = Callable[[Any, Any, str, str], Any]


def _command(name: str) -> Command:
    """A method of the bot that does what the conversation does for this command."""

    def command(self: Any, user: str, reply: str, args: str) -> Any:
        return self.getContact(reply).perform(name, args, user)

    command.isInherited = True  # type: ignore[attr-defined] # not of a subclass
    return command


class OldBot(irc.IRCClient):
    """I have the methods of the bot of 0.7.5 that its subclasses override or call.

    A method C{command_NAME(self, user, reply, args)} of a subclass takes the place of the usual command.
    """

    silly: Any = toys.SILLY
    owner: Any
    contactClass: Any
    getContact: Callable[..., Any]
    reply: Callable[..., Any]

    # what subclasses call

    def getAllBuilders(self) -> list[Any]:
        """The status of each builder that the channels may know of."""
        return [self.owner.status.getBuilder(name) for name in self.owner.builderNames()]

    def getBuilder(self, which: str) -> Any:
        """The status of a builder. Raises L{buildbot.irc.wishes.UsageError} if there is none."""
        return builderNamed(self.owner, which)

    def getControl(self, which: str) -> Any:
        """Control of a builder. It asks nobody's rights. Raises UsageError if there is no such builder."""
        return IControl(self.owner.master).getBuilder(self.getBuilder(which).getName())

    def convertTime(self, seconds: float) -> str:
        """A number of seconds in words."""
        return lasting(seconds)

    def emit_status(self, reply: str, which: str) -> None:
        """Tell what a builder does; an empty name: all that are not idle."""
        for line in status(self.owner, which):
            self.reply(reply, line)

    def emit_last(self, reply: str, which: str) -> Deferred[None]:
        """Tell the last build of a builder; an empty name: of all. Fires when it is told."""
        done: Deferred[None] = self.getContact(reply).perform("LAST", which, "")
        return done

    def doSilly(self, user: str, reply: str, message: str) -> None:
        """Answer what somebody says for fun, if L{silly} has it."""
        said = self.silly.get(message, ())
        for line in [said] if isinstance(said, str) else said:
            self.reply(reply, line)

    def build_commands(self) -> list[str]:
        """The names of the commands."""
        known = {*dir(self), *dir(self.contactClass)}
        return sorted(each[8:].lower() for each in known if each.startswith("command_"))

    def buildFinished(self, b: Any, reply: str) -> None:
        """Tell the end of a build; C{b} is its status."""
        owner = self.owner
        url = owner.status.getURLForThing(b)
        self.reply(reply, ended(b, url, owner.useRevisions, owner.useColors, owner.showBlameList))

    # what subclasses override

    command_COMMANDS = _command("COMMANDS")
    command_DANCE = _command("DANCE")
    command_DESTROY = _command("DESTROY")
    command_EXCITED = _command("EXCITED")
    command_FORCE = _command("FORCE")
    command_HELLO = _command("HELLO")
    command_HELP = _command("HELP")
    command_LAST = _command("LAST")
    command_LIST = _command("LIST")
    command_SOURCE = _command("SOURCE")
    command_STATUS = _command("STATUS")
    command_STOP = _command("STOP")
    command_VERSION = _command("VERSION")
    command_WATCH = _command("WATCH")


class IrcBuildRequest:
    """I tell somebody of a request that a command of a subclass has made: C{request.subscribe(me.started)}.

    @ivar hasStarted: True after the start of the build.
    """

    hasStarted = False

    def __init__(self, parent: OldBot, reply: str) -> None:
        """@param parent: the bot.
        @param reply: the name of the channel or the person.
        """
        self.parent = parent
        self.reply = reply
        self.timer = Alarm(self.soon)
        self.timer.set(parent.owner.clock, SOON)

    def soon(self) -> None:
        """The build has not started at once."""
        if not self.hasStarted:
            self.parent.reply(self.reply, "the build waits; I shall tell when it starts")

    def started(self, c: Any) -> None:
        """The build has started; C{c} is its control."""
        self.hasStarted = True
        self.timer.stop()
        build = c.getStatus()
        self.parent.reply(
            self.reply, f"{began(build, self.parent.owner.useRevisions)}; I shall tell when it ends"
        )
        build.waitUntilFinished().addCallback(self.parent.buildFinished, self.reply)

# -*- test-case-name: tests.stories.test_irccommands -*-
"""The commands of the bot, those of 0.8.14."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from buildbot import version
from buildbot.control.audit import MASTER, aboutBuilder
from buildbot.irc import toys
from buildbot.irc.acting import allowed, byOf, carriedOut, whoOf
from buildbot.irc.argumentkinds import channelOf
from buildbot.irc.asking import builderNamed, builders, last, status, watched
from buildbot.irc.joining import TooManyChannels
from buildbot.irc.notices import isEvent
from buildbot.irc.people import Person
from buildbot.irc.talk import Contact
from buildbot.irc.wishes import UsageError, wishOf, words
from buildbot.irc.wording import lasting, listed, told

_Command = Callable[..., Any]
_CHANNEL = re.compile(r"[#&+!][^\s,\x07:\x00-\x1f]{1,60}")
_OPTIONS = "[--codebase=C] [--branch=B] [--revision=R] [--props=NAME=VALUE,...]"
_FORCE = f"usage: force build {_OPTIONS} BUILDER [REASON]"
_STOP = "usage: stop build BUILDER [NUMBER] [REASON]"
_NOTIFY = "usage: notify on|off [EVENT ...], or notify list"
_SHUTDOWN = "usage: shutdown check|start|stop|now"


def usage(text: str) -> Callable[[_Command], _Command]:
    """Decorate a command: the text of its help."""

    def decorate(command: _Command) -> _Command:
        command.usage = text  # type: ignore[attr-defined] # as in 0.7.5
        return command

    return decorate


class IRCContact(Contact):
    """I am a conversation with the commands of 0.8.14. Subclasses may add C{command_NAME(args, who)}."""

    silly = toys.SILLY

    def handleMessage(self, message: str, who: Any) -> Any:
        """See L{Contact.handleMessage}."""
        answer = self.silly.get(message.strip().lower().rstrip(".!"))
        if answer is not None:
            self.send(answer)
            return None
        return super().handleMessage(message, who)

    def handleAction(self, data: str, user: Any) -> None:
        """Somebody kicks or hugs the bot."""
        reaction = toys.reactionTo(data, self.bot.nickname)
        if reaction is not None:
            self.act(reaction)

    def _sendAll(self, lines: list[str]) -> None:
        for line in lines:
            self.send(line)

    # questions

    @usage("hello - say hello")
    def command_HELLO(self, args: str, who: Any) -> None:
        self.send(toys.HELLO)

    @usage("version - tell the release of the master")
    def command_VERSION(self, args: str, who: Any) -> None:
        self.send(f"buildbot {version} at your service")

    @usage("source - tell where the source of this program is")
    def command_SOURCE(self, args: str, who: Any) -> None:
        self.send(f"this is buildbot-classic {version}; its source comes with the package")

    @usage("commands - list the commands")
    def command_COMMANDS(self, args: str, who: Any) -> None:
        known = {name for each in (self, self.bot) for name in dir(each) if name.startswith("command_")}
        self.send(f"commands: {', '.join(sorted(name[8:].lower() for name in known))}")

    @usage("help [COMMAND] - explain a command")
    def command_HELP(self, args: str, who: Any) -> None:
        if not args:
            self.send("'commands' lists the commands; 'help COMMAND' explains one")
            return
        method = self.getCommandMethod(args.split()[0])
        if method is None:
            raise UsageError(f"there is no command {told(args, 30)!r}")
        self.send(str(getattr(method, "usage", "there is no help for this command")))

    @usage("list builders - list the builders")
    def command_LIST(self, args: str, who: Any) -> None:
        if words(args)[:1] != ["builders"]:
            raise UsageError("usage: list builders")
        self.send(builders(self.bot.owner))

    @usage("status [BUILDER|all] - tell what a builder does; without a name: what is not idle")
    def command_STATUS(self, args: str, who: Any) -> None:
        self._sendAll(status(self.bot.owner, " ".join(words(args))))

    @usage("last [BUILDER] - tell the last finished build of a builder, or of all")
    async def command_LAST(self, args: str, who: Any) -> None:
        self._sendAll(await last(self.bot.owner, " ".join(words(args))))

    @usage("watch BUILDER - tell the end of its running builds")
    def command_WATCH(self, args: str, who: Any) -> None:
        if not args:
            raise UsageError("usage: watch BUILDER")
        self._sendAll(watched(self.bot.owner, self, " ".join(words(args))))

    @usage(f"{_NOTIFY} - tell events of builds here; {_NOTIFY[7:]}")
    def command_NOTIFY(self, args: str, who: Any) -> None:
        what, *events = args.split() or [""]
        wrong = [each for each in events if not isEvent(each)]
        if what not in ("on", "off", "list") or (wrong and what != "list"):
            raise UsageError(f"{told(wrong[0], 40)!r} is no event" if wrong and what else _NOTIFY)
        if what == "on":
            self.add_notification_events(events) if events else self.notifyUsual()
        elif what == "off":
            self.remove_notification_events(events) if events else self.remove_all_notification_events()
        if what != "list":
            self.bot.owner.wishesOf(self)
        told_ = listed(sorted(self.notify_events))
        self.send(f"these events are told here: {told_}" if told_ else "no events are told here")

    # silence

    @usage("mute - say nothing here until 'unmute'")
    def command_MUTE(self, args: str, who: Any) -> None:
        self.send("I am quiet now; 'unmute' ends that")
        self.muted = True

    @usage("unmute - speak again")
    def command_UNMUTE(self, args: str, who: Any) -> None:
        self.muted = False
        self.send("I speak again")

    # actions

    @usage(f"{_FORCE} - request a build")
    async def command_FORCE(self, args: str, who: Person) -> None:
        wish = wishOf(args, _FORCE)
        bot, owner = self.bot, self.bot.owner
        builderNamed(owner, wish.builder)
        subject = aboutBuilder(wish.builder)
        await allowed(owner, owner.allowForce, who, self.dest, "forceBuild", subject, "allowForce")
        work = owner.master.commands["force"](
            *(wish.builder, wish.branch, wish.revision, wish.reason, wish.properties),
            who=whoOf(who, self.dest),
            codebase=wish.codebase,
        )
        answer = await carriedOut(owner, who, self.dest, "forceBuild", subject, work, wish.reason)
        number = answer["build"]
        build = None if number is None else bot.status.getBuilder(wish.builder).getBuild(number)
        if build is None:
            self.watchRequest(answer["request"])
            why = f": {told(answer['why'])}" if answer["why"] else ""
            self.send(f"the build of {told(wish.builder)} waits{why}; I shall tell when it starts")
            return
        left = build.getETA()
        eta = "" if left is None else f" [ETA {lasting(left)}]"
        if build.isFinished():
            self.send(f"build #{number} of {told(wish.builder)} was forced, and has ended already")
        else:
            self.watch(build)
            self.send(f"build #{number} of {told(wish.builder)} is forced{eta}; I shall tell when it ends")

    @usage(f"{_STOP} - stop a running build")
    async def command_STOP(self, args: str, who: Person) -> None:
        given = [*words(args), "", ""]
        what, name, said = given[0], given[1], given[2:-2]
        if what.lower() != "build" or not name:
            raise UsageError(_STOP)
        owner = self.bot.owner
        builderNamed(owner, name)
        number = int(said.pop(0)) if said and said[0].isdecimal() and len(said[0]) < 10 else None
        subject = aboutBuilder(name, number)
        await allowed(owner, owner.allowForce, who, self.dest, "stopBuild", subject, "allowForce")
        reason = " ".join(said)
        work = owner.master.commands["stopbuild"](name, number, reason, whoOf(who, self.dest))
        answer = await carriedOut(owner, who, self.dest, "stopBuild", subject, work, reason)
        self.send(f"build #{', #'.join(map(str, answer['stopped']))} of {told(name)} is stopped")

    @usage(f"{_SHUTDOWN} - stop the master after the running builds, cancel that, or stop at once")
    async def command_SHUTDOWN(self, args: str, who: Person) -> None:
        owner = self.bot.owner
        if args not in ("check", "start", "stop", "now"):
            raise UsageError(_SHUTDOWN)
        if args == "check":
            isOn = owner.master.cleanStop.toRecord() is not None
            self.send("the master stops after the running builds" if isOn else "the master runs normally")
            return
        await allowed(owner, owner.allowShutdown, who, self.dest, "shutdown", MASTER, "allowShutdown")
        commands, author = owner.master.commands, whoOf(who, self.dest)
        if args == "start":
            work = commands["shutdown"](author)
            answer = await carriedOut(owner, who, self.dest, "shutdown", MASTER, work, "clean")
            self.send(f"the master stops after the running builds ({answer['running']} now)")
        elif args == "now":
            await carriedOut(owner, who, self.dest, "shutdown", MASTER, self._stopAtOnce(author), "at once")
        else:
            work = commands["cancelshutdown"](author)
            answer = await carriedOut(owner, who, self.dest, "shutdown", MASTER, work, "cancelled")
            self.send("the shutdown is cancelled" if answer["cancelled"] else "there was none to cancel")

    async def _stopAtOnce(self, author: str) -> None:
        self.send("the master stops at once")
        self.bot.owner.master.cleanStop.atOnce(author)

    @usage("join #CHANNEL - come to another channel")
    async def command_JOIN(self, args: str, who: Person) -> None:
        name, key = self._channel(args, "join")
        owner = self.bot.owner
        await allowed(owner, owner.allowForce, who, self.dest, "joinChannel", MASTER, "allowForce")
        try:
            owner.joinRoom(name, key)
        except TooManyChannels:
            raise UsageError("I am in too many channels already") from None
        self.send(f"I ask the server to let me into {name}")
        await owner.master.audit.record(byOf(owner, who, self.dest), "joinChannel", MASTER, detail=name)

    @usage("leave [#CHANNEL] - leave a channel")
    async def command_LEAVE(self, args: str, who: Person) -> None:
        name, _ = self._channel(args or self.dest, "leave")
        owner = self.bot.owner
        await allowed(owner, owner.allowForce, who, self.dest, "leaveChannel", MASTER, "allowForce")
        owner.leaveRoom(name)
        await owner.master.audit.record(byOf(owner, who, self.dest), "leaveChannel", MASTER, detail=name)

    def _channel(self, args: str, command: str) -> tuple[str, str | None]:
        name, _, key = args.partition(" ")
        if not _CHANNEL.fullmatch(name) or (key and channelOf((name, key)) is None):
            raise UsageError(f"usage: {command} #CHANNEL")
        return name, key or None

    # fun

    @usage("dance - dance")
    def command_DANCE(self, args: str, who: Any) -> None:
        self._sendAll(list(toys.DANCE))

    @usage("destroy - destroy something")
    def command_DESTROY(self, args: str, who: Any) -> None:
        self.act(toys.DESTROYED)

    @usage("excited - be excited")
    def command_EXCITED(self, args: str, who: Any) -> None:
        self.send(toys.EXCITED)

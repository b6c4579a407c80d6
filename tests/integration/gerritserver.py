# -*- test-case-name: tests.integration.test_gerrit -*-
"""An SSH server that takes C{gerrit version} and C{gerrit review}, and checks them as Gerrit does."""

from __future__ import annotations

import json
from typing import Any

from twisted.conch.avatar import ConchUser
from twisted.conch.checkers import InMemorySSHKeyDB, SSHPublicKeyChecker
from twisted.conch.interfaces import ISession
from twisted.conch.ssh.factory import SSHFactory
from twisted.conch.ssh.keys import Key
from twisted.conch.ssh.session import SSHSession
from twisted.cred.portal import IRealm, Portal
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.python.components import registerAdapter
from twisted.python.failure import Failure
from zope.interface import implementer

#: The options of C{gerrit review} that have a value.
_OPTIONS = ("--project", "--message", "--label", "--notify")


class Gerrit:
    """I am the server behind the commands.

    @ivar reviews: for each accepted review its patch set, and the values of each option.
    @ivar patchSets: the patch sets that there are.
    """

    def __init__(self, *patchSets: str) -> None:
        self.patchSets = patchSets
        self.reviews: list[tuple[str, dict[str, list[str]]]] = []
        self.commands: list[str] = []
        self.streams: list[Any] = []  # the sessions that listen to events

    def tell(self, **event: Any) -> None:
        """Send an event to all who listen."""
        for each in self.streams:
            each.outReceived(json.dumps(event).encode() + b"\n")

    def cut(self) -> None:
        """End the connections of all who listen."""
        streams, self.streams = self.streams, []
        for each in streams:
            each.processEnded(Failure(ProcessTerminated(1)))

    def run(self, command: str) -> tuple[int, str]:
        """The exit status and the output of a command."""
        self.commands.append(command)
        words = split(command)
        if words == ["gerrit", "version"]:
            return 0, "gerrit version 3.9.1\n"
        if words[:2] != ["gerrit", "review"]:
            return 127, "fatal: no such command\n"
        options: dict[str, list[str]] = {}
        rest = words[2:]
        while len(rest) > 1 and rest[0] in _OPTIONS:
            options.setdefault(rest[0], []).append(rest[1])
            rest = rest[2:]
        if len(rest) != 1:
            return 1, f"fatal: too many arguments: {rest}\n"
        if rest[0] not in self.patchSets:
            return 1, f'error: "{rest[0]}" no such patch set\nfatal: one or more reviews failed\n'
        self.reviews.append((rest[0], options))
        return 0, ""


def split(command: str) -> list[str]:
    """Split a command into words by the rules of Gerrit, which are not quite those of a shell."""
    words: list[str] = []
    word, quote = "", ""
    chars = iter(command)
    for char in chars:
        if char in " \t" and not quote:
            words += [word] if word else []
            word = ""
        elif char in "\"'" and quote in ("", char):
            quote = "" if quote else char
        elif char == "\\" and quote != "'":
            word += next(chars, "\\")
        else:
            word += char
    return words + ([word] if word else [])


class User(ConchUser):
    """I am a user who may run commands."""

    def __init__(self, gerrit: Gerrit) -> None:
        super().__init__()
        self.gerrit = gerrit
        self.channelLookup[b"session"] = SSHSession


@implementer(ISession)
class Commands:
    """I run the commands of a session."""

    def __init__(self, user: User) -> None:
        self._user = user

    def execCommand(self, proto: Any, command: bytes) -> None:
        """Run a command, and end."""
        if command == b"gerrit stream-events":
            self._user.gerrit.streams.append(proto)
            return
        status, output = self._user.gerrit.run(command.decode("utf-8"))
        (proto.errReceived if status else proto.outReceived)(output.encode())
        proto.processEnded(Failure(ProcessTerminated(status) if status else ProcessDone(0)))

    def getPty(self, term: bytes, windowSize: object, modes: object) -> None:
        """There is no terminal."""
        raise ValueError("no terminal")

    def openShell(self, proto: object) -> None:
        """There is no shell."""
        raise ValueError("no shell")

    def windowChanged(self, newWindowSize: object) -> None:
        """There is no window."""

    def eofReceived(self) -> None:
        """The client sends no more."""

    def closed(self) -> None:
        """The session is over."""


registerAdapter(Commands, User, ISession)


@implementer(IRealm)
class Realm:
    """I let users in."""

    def __init__(self, gerrit: Gerrit) -> None:
        self._gerrit = gerrit

    def requestAvatar(self, avatarId: object, mind: object, *interfaces: Any) -> tuple[Any, User, Any]:
        """See C{IRealm}."""
        return interfaces[0], User(self._gerrit), lambda: None


def serverOf(gerrit: Gerrit, user: str, hostKey: str, userKey: str) -> Any:
    """The factory of a server.

    @param hostKey: the file of its private key; C{userKey}: that of the public key of its only user.
    """
    factory: Any = SSHFactory()
    factory.privateKeys = {b"ssh-ed25519": Key.fromFile(hostKey)}
    factory.publicKeys = {b"ssh-ed25519": Key.fromFile(hostKey).public()}
    known = InMemorySSHKeyDB({user.encode(): [Key.fromFile(userKey)]})
    factory.portal = Portal(Realm(gerrit), [SSHPublicKeyChecker(known)])
    return factory

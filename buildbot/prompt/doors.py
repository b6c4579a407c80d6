# -*- test-case-name: tests.unit.prompt.test_doors -*-
"""The servers of a manhole: SSH and telnet, who may log in, and the prompt behind the login.

This module loads Twisted's conch.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Iterator
from typing import Any

from twisted.conch import manhole, manhole_ssh, telnet
from twisted.conch.insults import insults
from twisted.conch.interfaces import IConchUser
from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.cred.portal import IRealm, Portal
from twisted.internet.error import ConnectionAborted, ConnectionDone, ConnectionLost
from twisted.internet.protocol import ServerFactory
from twisted.logger import Logger
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

from buildbot.events.alarm import Alarm
from buildbot.events.onuse import onUse
from buildbot.events.reactors import Timers
from buildbot.files.plain import openPlain, readPlain
from buildbot.text.printable import plainLine

log = Logger()

keys: Any = onUse("twisted.conch.ssh.keys")  # it needs cryptography, which telnet does without
checkers: Any = onUse("twisted.conch.checkers")
#: The most connections of a manhole at a time.
MOST_SESSIONS = 16
#: The most seconds from the connection to the end of the login.
LOGIN_TIME = 120.0
#: The most bytes of one negotiation of telnet.
_MOST_NEGOTIATED = 10_000
#: The most bytes of a file with authorized keys.
_MOST_BYTES = 1_000_000

#: Called after a login with the name and the address.
Entered = Callable[[str, str], None]


def show(thing: object) -> None:
    """Print the names and values of an object, one a line."""
    names = [name for name in dir(thing) if not name.startswith("__")]
    width = max(map(len, names), default=0)
    for name in names:
        try:
            value = repr(getattr(thing, name))
        except Exception as error:  # a property of anybody's class
            value = f"({type(error).__name__}: {error})"
        print(f"{name:{width}}  {plainLine(value)[:200]}")


class chainedProtocolFactory:
    """I make prompts that know some names."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace

    def __call__(self) -> Any:
        """A terminal with a prompt of its own names."""
        return insults.ServerProtocol(manhole.ColoredManhole, dict(self.namespace))


class makeTelnetProtocol:
    """I make telnet connections that ask for a name and a password."""

    def __init__(self, portal: Portal) -> None:
        self.portal = portal

    def __call__(self) -> Any:
        """A connection."""
        return _Telnet(_AskingTelnet, self.portal)


class _Telnet(telnet.TelnetTransport):
    """I am one telnet connection. I limit what a client may negotiate; old releases of conch do not."""

    transport: Any

    def dataReceived(self, data: bytes) -> None:
        """Read some bytes, and end the connection of a client that negotiates without end."""
        super().dataReceived(data)
        if len(getattr(self, "commands", ())) > _MOST_NEGOTIATED:
            self.transport.abortConnection()


class _AskingTelnet(telnet.AuthenticatingTelnetProtocol):
    """I ask for a name and a password, three times at most.

    Unlike conch's, I bear a client that leaves, and one that does not answer the requests to hide the
    password.
    """

    transport: Any
    tries = 3

    def telnet_User(self, line: bytes) -> str:
        """Take the name, and ask for the password, which the client shall not show."""
        self.username = line
        self.transport.will(telnet.ECHO).addErrback(_unanswered)
        self.transport.write(b"Password: ")
        return "Password"

    def telnet_Password(self, line: bytes) -> str:
        """Take the password, and log in when the client shows its input again."""
        given = UsernamePassword(self.username, line)

        def login(ignored: object) -> None:
            entering = self.portal.login(given, None, telnet.ITelnetProtocol)
            entering.addCallbacks(self._cbLogin, self._ebLogin)

        hidden = self.transport.wont(telnet.ECHO)
        hidden.addErrback(lambda failure: failure.trap(telnet.NegotiationError))  # no answer: go on
        hidden.addCallback(login).addErrback(_unanswered)
        return "Discard"

    def _ebLogin(self, failure: Failure) -> None:
        failure.trap(UnauthorizedLogin)
        super()._ebLogin(failure)
        self.tries -= 1
        if not self.tries:
            self.transport.loseConnection()


def _unanswered(failure: Failure) -> None:
    """The client has not answered a request about its echo, or is gone."""
    failure.trap(telnet.NegotiationError, ConnectionDone, ConnectionLost, ConnectionAborted)


class Doorkeeper(Portal):
    """I check a login, record it, and hand out a prompt."""

    def __init__(self, checker: Any, namespace: Callable[[], dict[str, Any]], entered: Entered) -> None:
        """@param checker: of the credentials.
        @param namespace: returns the names that a prompt knows.
        """
        Portal.__init__(self, _Realm(namespace, entered), [checker])


@implementer(IRealm)
class _Realm:
    """I hand out prompts."""

    def __init__(self, namespace: Callable[[], dict[str, Any]], entered: Entered) -> None:
        self._namespace = namespace
        self._entered = entered

    def requestAvatar(
        self, avatarId: Any, mind: Any, *interfaces: Any
    ) -> tuple[Any, Any, Callable[[], None]]:
        """See L{IRealm}."""
        name = _text(avatarId)
        prompt = chainedProtocolFactory(self._namespace())
        if telnet.ITelnetProtocol in interfaces:
            return telnet.ITelnetProtocol, _TelnetPrompt(prompt, name, self._entered), lambda: None

        def opened(proto: Any, terminal: Any, avatar: Any, width: int, height: int) -> Any:
            peer = avatar.conn.transport.transport.getPeer()
            self._entered(name, str(getattr(peer, "host", "")))
            return manhole_ssh.TerminalSessionTransport(proto, terminal, avatar, width, height)

        realm: Any = manhole_ssh.TerminalRealm(opened)
        realm.chainedProtocolFactory = prompt
        realm.sessionFactory = _Session
        found: tuple[Any, Any, Callable[[], None]] = realm.requestAvatar(avatarId, mind, IConchUser)
        return found


class _Session(manhole_ssh.TerminalSession):
    """I am one session of SSH. Unlike conch's, I bear a changed size and an end of the input."""

    width, height = 80, 24

    def windowChanged(self, newWindowSize: Any) -> None:
        """Keep the size that the session began with."""

    def eofReceived(self) -> None:
        """Go on: the client closes the session."""


class _TelnetPrompt(telnet.TelnetBootstrapProtocol):
    """I am the prompt of one telnet connection."""

    transport: Any

    def __init__(self, prompt: Callable[[], Any], name: str, entered: Entered) -> None:
        telnet.TelnetBootstrapProtocol.__init__(self, prompt)
        self._name = name
        self._entered = entered

    def connectionMade(self) -> None:
        """Record the login, and start the prompt. The client is asked to send each key, and its size."""
        self._entered(self._name, str(getattr(self.transport.getPeer(), "host", "")))
        self.transport.negotiationMap[telnet.NAWS] = self.telnet_NAWS
        for asked in (
            self.transport.do(telnet.NAWS),
            self.transport.do(telnet.SGA),
            self.transport.will(telnet.ECHO),
        ):
            asked.addErrback(_unanswered)
        self.protocol = self.protocolFactory()
        self.protocol.makeConnection(self)


@implementer(ICredentialsChecker)
class OneAccount:
    """I let in one name with one password."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, name: str, password: str) -> None:
        self._wanted = (name.encode(), password.encode("utf-8", "surrogateescape"))

    def requestAvatarId(self, credentials: Any) -> Any:
        """Return the name, as bytes. Raises UnauthorizedLogin."""
        given = (_bytes(credentials.username), _bytes(credentials.password))
        right = [hmac.compare_digest(*each) for each in zip(given, self._wanted, strict=True)]
        if not all(right):
            log.warn("wrong name or password for the manhole: {name}", name=_text(given[0]))
            raise UnauthorizedLogin("wrong name or password")
        return given[0]


@implementer(ICredentialsChecker)
class AuthorizedKeysChecker:
    """I let in the owners of the keys in a file like authorized_keys, under any name."""

    def __init__(self, authorized_keys_file: str) -> None:
        """@param authorized_keys_file: a path; the file is read at each login."""
        self._path = authorized_keys_file
        self._checker = checkers.SSHPublicKeyChecker(self)
        self.credentialInterfaces = self._checker.credentialInterfaces

    def requestAvatarId(self, credentials: Any) -> Any:
        """A Deferred of the name. It fails with UnauthorizedLogin."""
        return self._checker.requestAvatarId(credentials)

    def checkKey(self, credentials: Any) -> bool:
        """True if the key of the credentials is in the file."""
        return any(key.blob() == credentials.blob for key in self.getAuthorizedKeys(credentials.username))

    def getAuthorizedKeys(self, username: Any) -> Iterator[Any]:
        """The keys in the file. None if it cannot be read, or others may write to it; the log says so."""
        try:
            with readPlain(self._path) as stream:
                if os.fstat(stream.fileno()).st_mode & 0o022:
                    raise PermissionError("other users may write to it; run chmod go-w")
                lines = stream.read(_MOST_BYTES).splitlines()
        except OSError as error:
            log.warn("manhole: no keys from {path}: {why}", path=self._path, why=error.strerror or str(error))
            return
        for line in lines:
            if line.strip() and not line.lstrip().startswith(b"#"):
                try:
                    yield keys.Key.fromString(line.strip())
                except Exception as error:  # cryptography and conch raise many kinds
                    log.warn("manhole: a line of {path} is no key: {why}", path=self._path, why=str(error))


# the servers


class _Sessions(WrappingFactory):
    """I limit the connections of a server and the time of their logins, and close all of them at its end."""

    noisy = False

    def __init__(self, factory: Any, clock: Timers, isIn: Callable[[Any], bool]) -> None:
        """@param isIn: takes the protocol of a connection; True after its login."""
        super().__init__(factory)
        self._clock, self._isIn = clock, isIn
        self._deadlines: dict[Any, Alarm] = {}

    def buildProtocol(self, addr: Any) -> Any:
        """A connection; None if there are L{MOST_SESSIONS}."""
        return None if len(self.protocols) >= MOST_SESSIONS else WrappingFactory.buildProtocol(self, addr)

    def registerProtocol(self, p: Any) -> None:
        """A connection begins. It is closed if nobody logs in: else strangers could take all places."""
        super().registerProtocol(p)
        self._deadlines[p] = Alarm(lambda: self._late(p))
        self._deadlines[p].set(self._clock, LOGIN_TIME)

    def unregisterProtocol(self, p: Any) -> None:
        """A connection has ended."""
        super().unregisterProtocol(p)
        self._deadlines.pop(p).stop()

    def _late(self, p: Any) -> None:
        if not self._isIn(p.wrappedProtocol):
            p.transport.abortConnection()

    def closeSessions(self) -> None:
        """Close all connections."""
        for each in list(self.protocols):
            each.transport.abortConnection()


def plainDoor(portal: Portal, clock: Timers) -> Any:
    """A server of telnet."""
    factory = ServerFactory()
    factory.noisy = False
    factory.protocol = makeTelnetProtocol(portal)
    return _Sessions(factory, clock, lambda telnet: isinstance(telnet.protocol, _TelnetPrompt))


def secureDoor(portal: Portal, path: str, clock: Timers) -> Any:
    """A server of SSH.

    @param path: of the file with its host key; the file is made if it does not exist.
    @raise OSError, ValueError: the key cannot be read or made.
    """
    factory = manhole_ssh.ConchFactory(portal)
    factory.noisy = False
    key = hostKey(path)
    factory.publicKeys = {key.sshType(): key}
    factory.privateKeys = {key.sshType(): key}
    return _Sessions(factory, clock, lambda ssh: getattr(ssh, "avatar", None) is not None)


def hostKey(path: str) -> Any:
    """The host key in a file. If there is no file, it is made (ed25519, mode 0600).

    @raise OSError, ValueError: the file cannot be read, made, or is no private key.
    """
    try:
        with readPlain(path) as stream:
            text = stream.read(_MOST_BYTES)
    except FileNotFoundError:
        text = _newKey(path)
    try:
        key = keys.Key.fromString(text)
    except Exception as error:  # conch, cryptography and struct raise many kinds
        raise ValueError(f"it is not a private key: {error}") from error
    if key.isPublic():
        raise ValueError("it is a public key, and not a private one")
    return key


def _newKey(path: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text: bytes = keys.Key(Ed25519PrivateKey.generate()).toString("openssh")
    unfinished = f"{path}.new"
    descriptor = openPlain(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600, follow=False)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(unfinished, path)
    log.info("made a host key for the manhole: {path}", path=path)
    return text


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")


def _text(value: Any) -> str:
    return plainLine(_bytes(value).decode("utf-8", "replace"))

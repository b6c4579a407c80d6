# -*- test-case-name: tests.unit.prompt.test_doors -*-
"""Who may log in to a manhole, and what the prompt answers."""

from __future__ import annotations

import io
import os
import stat
from contextlib import redirect_stdout
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.cred.error import UnauthorizedLogin
from twisted.internet.error import ConnectionAborted
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SkipTest, SynchronousTestCase

from buildbot.prompt import doors

IAC_WILL_ECHO, IAC_WONT_ECHO = b"\xff\xfb\x01", b"\xff\xfc\x01"
IAC_DO_ECHO, IAC_DONT_ECHO = b"\xff\xfd\x01", b"\xff\xfe\x01"


class Transport(StringTransport):
    """A transport that can be aborted."""

    protocol: Any = None

    def abortConnection(self) -> None:
        super().abortConnection()
        self.protocol.connectionLost(Failure(ConnectionAborted()))


class TelnetTests(SynchronousTestCase):
    """A telnet client of a manhole."""

    def setUp(self) -> None:
        self.logins: list[tuple[str, str]] = []
        self.clock = Clock()
        portal = doors.Doorkeeper(
            doors.OneAccount("ann", "sësame"),
            lambda: {"answer": 42},
            lambda *login: self.logins.append(login),
        )
        self.door: Any = doors.plainDoor(portal, self.clock)

    def connect(self) -> tuple[Any, Transport]:
        """A connected client: the server's protocol and its transport."""
        transport = Transport()
        protocol = transport.protocol = self.door.buildProtocol(None)
        protocol.makeConnection(transport)
        return protocol, transport

    def tell(self, client: tuple[Any, Transport], *said: bytes) -> bytes:
        """What the server answers."""
        protocol, transport = client
        transport.clear()
        for each in said:
            protocol.dataReceived(each)
        answer: bytes = transport.value()
        return answer

    def login(self, client: tuple[Any, Transport], password: str = "sësame") -> bytes:
        """A client that hides the password logs in; the server's answer."""
        self.tell(client, b"ann\r\n", IAC_DO_ECHO)
        return self.tell(client, password.encode() + b"\r\n", IAC_DONT_ECHO)

    def test_prompt(self) -> None:
        """After the login a prompt evaluates what is typed, and the login is recorded with the address."""
        client = self.connect()
        self.assertIn(IAC_WILL_ECHO, self.tell(client, b"ann\r\n", IAC_DO_ECHO))
        said = self.tell(client, "sësame\r\n".encode(), IAC_DONT_ECHO)
        self.assertIn(IAC_WONT_ECHO, said)
        self.assertIn(b">>> ", said)
        self.assertIn(b"\n43", self.tell(client, b"answer + 1\r\n"))
        self.assertEqual(self.logins, [("ann", "192.168.1.1")])

    def test_ownNames(self) -> None:
        """Names that one session sets are unknown in another one."""
        first, second = self.connect(), self.connect()
        for each in (first, second):
            self.login(each)
        self.tell(first, b"answer = 7\r\n")
        self.assertIn(b"\n7", self.tell(first, b"answer\r\n"))
        self.assertIn(b"\n42", self.tell(second, b"answer\r\n"))

    def test_plainClient(self) -> None:
        """A client that answers no request about its echo, such as nc, can log in, too."""
        client = self.connect()
        self.tell(client, b"ann\r\n")
        self.tell(client, "sësame\r\n".encode())
        self.assertIn(b"\n42", self.tell(client, b"answer\r\n"))

    def test_wrongPassword(self) -> None:
        """Three wrong passwords end the connection; the right one counts until then."""
        client = self.connect()
        for _ in range(2):
            self.assertIn(b"Authentication failed", self.login(client, "sesame"))
        self.assertIn(b">>> ", self.login(client))
        client = self.connect()
        for _ in range(3):
            self.assertFalse(client[1].disconnecting)
            self.login(client, "")
        self.assertTrue(client[1].disconnecting)
        self.assertEqual(len(self.logins), 1)

    def test_leaves(self) -> None:
        """A client that leaves in the middle of a login causes no error."""
        for said in ([], [b"ann\r\n"], [b"ann\r\n", IAC_DO_ECHO, b"x\r\n"], [b"ann\r\n", b"x\r\n"]):
            client = self.connect()
            self.tell(client, *said)
            client[1].abortConnection()
        self.assertEqual(self.logins, [])

    def test_crowd(self) -> None:
        """Only so many connections are accepted at a time. The end closes all, and then others can come."""
        clients = [self.connect() for _ in range(doors.MOST_SESSIONS)]
        self.login(clients[0])
        self.assertIsNone(self.door.buildProtocol(None))
        self.door.closeSessions()
        self.assertEqual([each[1].disconnecting for each in clients], [True] * doors.MOST_SESSIONS)
        self.connect()

    def test_endless(self) -> None:
        """A client that negotiates without end cannot fill the memory: it is disconnected."""
        client = self.connect()
        self.tell(client, b"\xff\xfa\x1f\x00\x50\x00\x18\xff\xf0")  # the size of its window
        self.assertFalse(client[1].disconnecting)
        self.tell(client, b"\xff\xfa", b"x" * 65536)
        self.assertTrue(client[1].disconnecting)

    def test_silent(self) -> None:
        """A client that does not log in within two minutes is closed: strangers cannot take all places."""
        silent, asked, entered = (self.connect() for _ in range(3))
        self.tell(asked, b"ann\r\n")
        self.login(entered)
        self.clock.advance(doors.LOGIN_TIME - 1)
        self.assertEqual([each[1].disconnecting for each in (silent, asked, entered)], [False] * 3)
        self.clock.advance(1)
        self.assertEqual([each[1].disconnecting for each in (silent, asked, entered)], [True, True, False])
        entered[1].abortConnection()
        self.connect()[1].abortConnection()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class AccountTests(SynchronousTestCase):
    """The account of a manhole."""

    def test_both(self) -> None:
        """Name and password must both be right."""
        checker = doors.OneAccount("ann", "sesame")
        self.assertEqual(checker.requestAvatarId(UsernamePassword(b"ann", b"sesame")), b"ann")
        for wrong in ((b"ann", b"sesam"), (b"bob", b"sesame"), (b"", b""), (b"\xff", b"\xff")):
            with self.assertRaises(UnauthorizedLogin):
                checker.requestAvatarId(UsernamePassword(*wrong))


class KeyCase(SynchronousTestCase):
    """Tests with SSH keys need the extra C{manhole}."""

    def setUp(self) -> None:
        try:
            import twisted.conch.ssh.keys
        except ImportError as error:
            raise SkipTest(f"needs buildbot-classic[manhole]: {error}") from None
        self.keys: Any = twisted.conch.ssh.keys
        self.path = self.mktemp()


class SecureTests(KeyCase):
    """An SSH server of a manhole."""

    def test_silent(self) -> None:
        """A client that does not log in within two minutes is closed; one that did stays."""
        clock = Clock()
        portal = doors.Doorkeeper(doors.OneAccount("ann", "x"), dict, lambda *login: None)
        door = doors.secureDoor(portal, self.path, clock)
        door.doStart()
        self.addCleanup(door.doStop)
        transports = []
        for isIn in (False, True):
            transport = Transport()
            protocol = transport.protocol = door.buildProtocol(None)
            protocol.makeConnection(transport)
            if isIn:
                protocol.wrappedProtocol.avatar = object()  # as conch does after a login
            transports.append(transport)
        clock.advance(doors.LOGIN_TIME)
        self.assertEqual([each.disconnecting for each in transports], [True, False])


class HostKeyTests(KeyCase):
    """The host key of a manhole."""

    def test_made(self) -> None:
        """The first start makes a key that only the master's user can read; later starts use the same."""
        key = doors.hostKey(self.path)
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)
        self.assertEqual(doors.hostKey(self.path), key)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [os.path.basename(self.path)])

    def test_useless(self) -> None:
        """A file that holds no private key is refused, and not replaced."""
        public = doors.hostKey(self.path).public().toString("openssh")
        for text in (b"", b"nonsense", public):
            with open(self.path, "wb") as stream:
                stream.write(text)
            self.assertRaises(ValueError, doors.hostKey, self.path)
            with open(self.path, "rb") as stream:
                self.assertEqual(stream.read(), text)


class AuthorizedKeysTests(KeyCase):
    """A file of authorized keys."""

    def setUp(self) -> None:
        super().setUp()
        self.key = doors.hostKey(f"{self.path}.key").public()
        self.text = b"# the team\n\nssh-rsa nonsense\n" + self.key.toString("openssh") + b"\n"
        self.write(self.text)
        self.checker = doors.AuthorizedKeysChecker(self.path)

    def write(self, text: bytes, mode: int = 0o600) -> None:
        """Write the file."""
        with open(self.path, "wb") as stream:
            stream.write(text)
        os.chmod(self.path, mode)

    def accepts(self) -> bool:
        """True if the key may log in."""

        class Credentials:
            username, blob = b"ann", self.key.blob()

        return self.checker.checkKey(Credentials)

    def test_listed(self) -> None:
        """Comments, empty lines and bad lines are passed over. A removed key counts no longer, at once."""
        self.assertTrue(self.accepts())
        self.write(b"# nobody\n")
        self.assertFalse(self.accepts())

    def test_writable(self) -> None:
        """A file that others may write to lets nobody in."""
        self.write(self.text, 0o620)
        self.assertFalse(self.accepts())

    def test_missing(self) -> None:
        """Without the file nobody gets in."""
        os.unlink(self.path)
        self.assertFalse(self.accepts())


class ShowTests(SynchronousTestCase):
    """C{show(thing)} at the prompt."""

    def test_lines(self) -> None:
        """It prints the names and values of an object, also if one of them cannot be read."""

        class Thing:
            number = 3

            @property
            def broken(self) -> int:
                raise ValueError("no")

        stream = io.StringIO()
        with redirect_stdout(stream):
            doors.show(Thing())
        self.assertEqual(stream.getvalue(), "broken  (ValueError: no)\nnumber  3\n")

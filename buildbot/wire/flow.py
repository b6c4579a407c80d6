# -*- test-case-name: tests.unit.wire.test_broker,tests.unit.wire.test_sending -*-
"""The bytes of one connection on the slave port: served in time slices, and sent, within limits.

L{buildbot.wire.banana} decodes them, L{buildbot.wire.callee} serves the messages, and
L{buildbot.wire.broker} has the connection.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.logger import Logger
from twisted.spread import pb
from twisted.spread.jelly import InsecureJelly

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.wire.banana import BananaError, Decoder
from buildbot.wire.budget import SLICE, workFor
from buildbot.wire.callee import Messages, Violation
from buildbot.wire.seams import Owner, Transport

log = Logger()

#: The most unsent bytes for a peer that does not read.
UNREAD_BEFORE_LOGIN = 1 << 20
UNREAD_AFTER_LOGIN = 4 << 20
#: The most unserved bytes: a transport can deliver data while it is paused, such as TLS.
UNSERVED = 1 << 20
#: The most answers that wait for the end of a slice.
MANY = 64
#: The most seconds that answers wait for our next message to the peer, if the peer does not wait for them.
PATIENCE = 0.4
#: Smaller unfinished messages are not counted.
_FEW = 16 * 1024
#: The first bytes of a dialect's name: browsers and TLS clients are detected early.
_GREETINGS = {bytes([len(dialect)]) for dialect in pb.Broker.knownDialects}


#: In place of the decoder of a connection that has ended.
_SPENT = Decoder()


def _isPlain(transport: object) -> bool:
    """True for a server's connection over TCP without TLS.

    Who has one has imported its module. To import it here would make every program that reads a configuration
    load OpenSSL.
    """
    tcp = sys.modules.get("twisted.internet.tcp")
    return tcp is not None and type(transport) is tcp.Server


class Sender:
    """I let the connections of a port send at the beginning of the next reactor turn, or a little later."""

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._ready: list[Callable[[], object]] = []
        self._patient: list[Callable[[], object]] = []
        self._timer: IDelayedCall | None = None

    def later(self, send: Callable[[], object]) -> None:
        """Call C{send} in the next reactor turn."""
        if not self._ready:
            self._clock.callLater(0, self._sendAll)
        self._ready.append(send)

    def inTime(self, send: Callable[[], object]) -> None:
        """Call C{send} within L{PATIENCE} seconds. One timer serves all connections."""
        if self._timer is None:
            self._timer = self._clock.callLater(PATIENCE, self._sendPatient)
        self._patient.append(send)

    def stop(self) -> None:
        """Forget all calls that are not urgent: the port is closed."""
        self._patient.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _sendAll(self) -> None:
        ready, self._ready = self._ready, []
        _callAll(ready)

    def _sendPatient(self) -> None:
        self._timer = None
        patient, self._patient = self._patient, []
        _callAll(patient)


def _callAll(calls: Iterable[Callable[[], object]]) -> None:
    for send in calls:
        try:
            send()
        except Exception:  # the other connections must not wait for ever
            log.failure("internal error while sending")


class Flow:
    """I serve the received bytes of one connection, and send the bytes of our messages.

    I am the producer of the transport, which tells me when the peer does not read.

    @ivar messages: serve the messages.
    @ivar answers: short answers to the messages of the present slice, which are sent together at its end.
    @ivar mayWait: True if the peer does not wait for them. They are then sent with our next message, or
        within L{PATIENCE} seconds: the end of a command is nearly always followed by the next command.
    @ivar decoder: the decoder of the received bytes, with their limits.
    @ivar now: returns the time, in seconds of the clock.
    @ivar lastHeard: the time of the last received bytes: any byte is a sign of life.
    @ivar bytesIn: the number of bytes received.
    @ivar bytesOut: the number of bytes sent.
    """

    __slots__ = (
        "_clock",
        "_isBusy",
        "_isCounted",
        "_isPatient",
        "_isPaused",
        "_isStopped",
        "_isStuck",
        "_owner",
        "_rest",
        "_sender",
        "_transport",
        "_unread",
        "_unsent",
        "_waiting",
        "answers",
        "bytesIn",
        "bytesOut",
        "decoder",
        "lastHeard",
        "mayWait",
        "messages",
        "now",
    )

    def __init__(self, owner: Owner, transport: Transport, clock: IReactorTime, sender: Sender) -> None:
        self.now: Callable[[], float] = clock.seconds
        self.lastHeard = self.now()
        self.bytesIn = self.bytesOut = 0
        self.answers: list[bytes] = []
        self.mayWait = self._isPatient = False
        self.decoder = Decoder()
        self.messages = Messages(owner, self)
        self._owner = owner
        self._transport: Any = transport
        self._sender = sender
        # What is written to a plain TCP connection in this turn; None if its transport gets everything.
        self._unsent: list[bytes] | None = [] if _isPlain(transport) else None
        self._clock = clock
        self._rest: Iterator[object] | None = None  # of a message that takes long
        self._waiting: bytearray | None = None
        self._isBusy = self._isPaused = self._isStopped = False
        self._isCounted = self._isStuck = False
        self._unread = 0

    def stop(self) -> None:
        """Serve nothing more. Messages can still be sent."""
        self._isStopped = True

    def abandon(self) -> None:
        """Serve nothing more, and forget the unsent bytes: the connection is closed now.

        Answers that wait for another message are sent: a worker logs an error for each that is missing.
        """
        self._isStopped = True
        if self.answers and self._isPatient and self._unsent == []:
            self._unsent = self.answers[:]
            self.answers.clear()
            self._send()
        self._unsent = None

    def end(self) -> None:
        """The connection has ended: free the received bytes, and let go of the connection."""
        self._isStopped = True
        self._isStuck = False
        self._rest = self._waiting = self._unsent = None
        self.answers.clear()
        self.decoder = _SPENT
        del self._owner, self.messages

    def _forget(self) -> None:
        self._rest = self._waiting = None
        self.decoder.forget()

    # reading

    def dataReceived(self, data: bytes) -> None:
        """Receive bytes: decode and serve them, or disconnect."""
        if self._isStopped:
            return  # left over in the kernel's buffer after disconnection
        self.lastHeard = self.now()
        self.bytesIn += len(data)
        if self._isBusy or self._isPaused:
            self._keepWaiting(data)
            return
        if self.bytesIn == len(data) and data[:1] not in _GREETINGS:
            self._owner.breakOff("it does not speak PB")
            return
        self._serveSlice(data)

    def _keepWaiting(self, data: bytes) -> None:
        """Queue bytes that arrive while reading is paused, within a limit."""
        if self._waiting is None:
            self._waiting = bytearray()
        self._waiting += data
        if len(self._waiting) > UNSERVED:
            self._owner.breakOff(f"it sent more than {UNSERVED} bytes while reading was paused")

    def _serveSlice(self, data: bytes | None = None) -> None:
        """Serve messages for a time slice. If work is left, continue after the other connections.

        @param data: new bytes, if no earlier ones wait.
        """
        if self._isStopped:
            return
        started = self.now() if data is None else self.lastHeard
        end = SLICE + started
        owner = self._owner
        self._isBusy = True
        try:
            self._serve(end, data)
        except (Violation, BananaError, InsecureJelly) as error:
            owner.breakOff(str(error) or type(error).__name__)
        except PLUGIN_ERRORS:
            log.failure("internal error while serving {who}", who=owner.who)
            owner.abort()
        self._isBusy = False
        if self.answers and not owner.closed:
            if not self.mayWait:
                self.write(b"")
            elif not self._isPatient:
                self._isPatient = True
                self._sender.inTime(self._sendAnswers)
        if self._isStopped:
            self._forget()
            return
        if self._isCounted or not self.decoder.isEmpty:
            self._countUnfinished()
        over = self.now()
        if over >= end:
            self._pause(min(over - started, 1.0))
        elif self._isPaused:
            self._isPaused = False
            self._transport.resumeProducing()

    def _serve(self, end: float, data: bytes | None) -> None:
        """Serve messages until the time C{end}; serve a long one in parts."""
        decoder = self.decoder
        messages = self.messages
        now = self.now
        if data is not None:
            decoder.decode(data)
        while not self._isStopped:
            if self._rest is not None:
                if not workFor(end, self._rest, now):
                    return
                self._rest = None
            elif decoder.hasMore:
                for expression in decoder:
                    self._rest = messages.serve(expression)
                    if self._rest is not None or self._isStopped:
                        break
                    if now() >= end:
                        return
                    if len(self.answers) > MANY:
                        self.write(b"")
                    if not decoder.hasMore:
                        break
            elif self._waiting:
                data, self._waiting = bytes(self._waiting), None
                decoder.decode(data)
            else:
                return

    def _countUnfinished(self) -> None:
        """Report the size of an unfinished message if it is large."""
        unfinished = 0 if self.decoder.hasMore else self.decoder.unfinished
        if unfinished > _FEW or self._isCounted:
            self._isCounted = unfinished > _FEW
            self._owner.unfinished(unfinished if self._isCounted else 0)

    def _pause(self, seconds: float) -> None:
        """Stop to read from this peer for C{seconds}, in favour of the other peers."""
        if not self._isPaused:
            self._isPaused = True
            self._transport.pauseProducing()
        self._clock.callLater(seconds, self._serveSlice)

    # writing

    def write(self, data: bytes) -> None:
        """Send the answers so far, and C{data}. If the peer leaves too many bytes unread, disconnect it."""
        if self.answers:
            self.answers.append(data)
            data = b"".join(self.answers)
            self.answers.clear()
        self.bytesOut += len(data)
        if self._isStuck:
            owner = self._owner
            self._unread += len(data)
            if self._unread > (UNREAD_AFTER_LOGIN if owner.welcome else UNREAD_BEFORE_LOGIN):
                if not owner.closed:
                    owner.cut(f"it leaves {self._unread} bytes unread")
                return
        unsent = self._unsent
        if unsent is None:
            self._transport.write(data)
            return
        if not unsent:
            self._sender.later(self._send)
        unsent.append(data)

    def _sendAnswers(self) -> None:
        """Send the answers that have waited for another message."""
        self._isPatient = False
        if self.answers and not self._owner.closed:
            self.write(b"")

    def _send(self) -> None:
        """Send the bytes of this reactor turn in one system call.

        Twisted's transport would need five: it asks the reactor when it can write, and stops to ask. If the
        system does not take all bytes at once, the transport gets the rest, and all later bytes.
        """
        unsent = self._unsent
        if not unsent:
            return  # the connection has ended in the meantime
        data = unsent[0] if len(unsent) == 1 else b"".join(unsent)
        unsent.clear()
        try:
            sent = self._transport.getHandle().send(data)
        except OSError:
            sent = 0  # the transport meets the same error, and reports it
        if sent < len(data):
            self._unsent = None
            self._transport.write(data[sent:])

    @property
    def unread(self) -> int:
        """The bytes that the peer leaves unread, besides a full buffer; 0 if it reads all."""
        return self._unread if self._isStuck else 0

    def pauseProducing(self) -> None:
        """The transport's buffer is full: count the bytes added from now on."""
        self._isStuck = True

    def resumeProducing(self) -> None:
        """The transport has sent everything."""
        self._isStuck = False
        self._unread = 0

    def stopProducing(self) -> None:
        """The transport has ended. The connection learns that otherwise."""

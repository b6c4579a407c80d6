# -*- test-case-name: tests.unit.wire.test_broker -*-
"""The parts of a connection on the slave port that the modules below it use.

C{wire.broker} and C{wire.flow} provide them. Each class here names its users.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.spread import pb

from buildbot.wire.banana import Decoder


class References(Protocol):
    """The part of a connection (a L{pb.Broker}) that the codec uses."""

    @property
    def unserializingPerspective(self) -> object:
        """The perspective that the calls of references get; nearly always None."""

    def registerReference(self, object: pb.Jellyable, /) -> int:
        """Count another reference of the peer to an object. Returns the number of the object."""

    def localObjectForID(self, luid: int | bytes, /) -> Any:
        """The object with this number or name; None if there is none."""


class Codec(Protocol):
    """The part of a connection (a L{pb.Broker}) that L{dispatch} uses."""

    def serialize(self, object: object, /) -> Any:
        """Return the jelly of a value."""

    def unserialize(self, sexp: object, /) -> Any:
        """Return the value of some jelly."""


class Connection(Codec, References, Protocol):
    """The part of a connection that L{Messages} uses: the L{SlavePortBroker} of C{wire.broker}."""

    @property
    def who(self) -> str:
        """The name of the peer for the log."""

    @property
    def welcome(self) -> bool:
        """True once the peer has logged in."""

    @property
    def closed(self) -> bool:
        """True once the connection has ended."""

    @property
    def isHeld(self) -> bool:
        """True if the connection only waits to be closed."""

    @property
    def localObjects(self) -> Mapping[int | bytes, Any]:
        """The objects that the peer may call, by number or name, each in Twisted's C{Local}."""

    @property
    def waitingForAnswers(self) -> dict[int, Deferred[Any]]:
        """The Deferreds of our calls, by the number of the call."""

    def proto_decref(self, objectID: int, /) -> None:
        """The peer has released an object."""

    def breakOff(self, reason: str) -> None:
        """The peer broke a rule: log it and disconnect, after the delay of the rate limit."""

    def disconnectAfterAnswer(self, reason: str) -> None:
        """The peer broke a rule, and its answer says so: log it, and disconnect after LAST_ANSWER_TIME."""

    def complain(self, reason: str) -> None:
        """Log that a call of the peer was refused. The connection stays."""


class Transport(Protocol):
    """The part of a transport (of TCP, TLS or a UNIX socket) that C{wire.flow} uses."""

    def write(self, data: bytes, /) -> None:
        """Send bytes, as soon as possible."""

    def pauseProducing(self) -> None:
        """Deliver no more bytes."""

    def resumeProducing(self) -> None:
        """Deliver bytes again."""


class Outlet(Protocol):
    """The part of the L{Flow} of C{wire.flow} that L{Messages} uses.

    @ivar mayWait: True if the peer does not wait for the latest of the C{answers}.
    """

    mayWait: bool

    @property
    def now(self) -> Callable[[], float]:
        """Returns the time."""

    @property
    def decoder(self) -> Decoder:
        """The decoder of the received bytes."""

    @property
    def answers(self) -> list[bytes]:
        """Short answers to the messages of the present slice. They are sent together at its end."""

    def write(self, data: bytes) -> None:
        """Send the answers so far, and C{data}."""


class Owner(Connection, Protocol):
    """The connection of a L{Flow}: the L{SlavePortBroker} of C{wire.broker}."""

    def cut(self, reason: str) -> None:
        """The peer broke a rule: log it, and disconnect at once."""

    def abort(self) -> None:
        """Close the connection now and drop unsent data."""

    def unfinished(self, size: int) -> None:
        """Report that I hold C{size} bytes of an unfinished message."""

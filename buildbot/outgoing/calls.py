# -*- test-case-name: tests.unit.mails.test_smtp -*-
"""Deliver messages with clients that block, each call in a thread: a slow server stops nothing else."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from threading import Thread
from typing import Generic, Protocol, TypeVar

from twisted.internet.defer import Deferred

from buildbot.events.reactors import ThreadReactor


class Connection(Protocol):
    """A connection of a client that blocks."""

    def close(self) -> None:
        """End the connection politely. May block."""

    def abort(self) -> None:
        """End the connection at once; a call in another thread fails. Must not block."""


_Connection = TypeVar("_Connection", bound=Connection)
_Answer = TypeVar("_Answer")


def cut(sock: socket.socket) -> None:
    """End the connection of a socket that another thread uses; its call fails. Does not block."""
    with suppress(OSError):
        if isinstance(sock, ssl.SSLSocket):
            # Its own shutdown() first gives up TLS: the other thread might then send plain text.
            socket.socket.shutdown(sock, socket.SHUT_RDWR)
        else:
            sock.shutdown(socket.SHUT_RDWR)


def inDaemonThread(work: Callable[[], None]) -> None:
    """Run a function in a thread that does not keep the process alive."""
    Thread(target=work, name="outgoing", daemon=True).start()


class Calls(Generic[_Connection]):
    """I make the calls of one target, one at a time, over one connection that stays open.

    A call that is cancelled ends its connection; the next one gets a new connection.
    """

    def __init__(
        self,
        connect: Callable[[], _Connection],
        reactor: ThreadReactor,
        inThread: Callable[[Callable[[], None]], object] = inDaemonThread,
        closing: type[Exception] = Exception,
    ) -> None:
        """@param connect: makes a connection object. Must not block.
        @param inThread: runs a function in a thread.
        @param closing: after such an outcome, the connection is closed.
        """
        self._connect, self._reactor, self._inThread = connect, reactor, inThread
        self._closing = closing
        self._connection: _Connection | None = None
        self._isBusy = False

    def call(
        self,
        function: Callable[[_Connection], _Answer],
        outcomeOf: Callable[[_Answer | Exception], Exception | None],
    ) -> Deferred[None]:
        """Call a function with the connection, in a thread.

        @param outcomeOf: takes what the function returned or raised. It returns the error of the delivery,
            or None. It is called in the reactor's thread.
        @return: fires when the call has ended, with the error if there is one.
        """
        connection = self._connection = self._connection or self._connect()
        self._isBusy = True
        done: Deferred[None] = Deferred(lambda cancelled: self._abandon(connection))

        def work() -> None:
            answer: _Answer | Exception
            try:
                answer = function(connection)
            except Exception as why:
                answer = why
            self._reactor.callFromThread(self._ended, connection, done, outcomeOf, answer)

        self._inThread(work)
        return done

    def _ended(
        self,
        connection: _Connection,
        done: Deferred[None],
        outcomeOf: Callable[[_Answer | Exception], Exception | None],
        answer: _Answer | Exception,
    ) -> None:
        if done.called:  # cancelled meanwhile
            self._inThread(connection.close)
            return
        self._isBusy = False
        outcome = outcomeOf(answer)
        if isinstance(outcome, self._closing):
            self._connection = None
            self._inThread(connection.close)
        if outcome is None:
            done.callback(None)
        else:
            done.errback(outcome)

    def _abandon(self, connection: _Connection) -> None:
        self._isBusy = False
        if self._connection is connection:
            self._connection = None
        connection.abort()

    def rest(self) -> None:
        """Close the connection, unless a call uses it."""
        if self._connection is not None and not self._isBusy:
            connection, self._connection = self._connection, None
            self._inThread(connection.close)

# -*- test-case-name: tests.test_ports -*-
"""
The slave ports: opened all or none, and described for people.

What listens on them is L{buildbot.wire.broker.SlavePortFactory}.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable
from typing import Any

from twisted.internet import endpoints
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ServerFactory

#: Connections that may wait to be accepted: with Twisted's 50, one slave in eight of a storm was lost.
BACKLOG = 1024
_WITH_BACKLOG = ("tcp:", "tcp6:", "ssl:", "unix:")


class CannotOpen(Exception):
    """
    A port cannot be opened; the message says which and why, for the user.

    @ivar inUse: whether somebody else has it.
    """

    def __init__(self, message: str, inUse: bool = False) -> None:
        super().__init__(message)
        self.inUse = inUse


def withBacklog(description: str) -> str:
    """The strports description with our backlog, unless it has one of its own."""
    if description.startswith(_WITH_BACKLOG) and ":backlog=" not in description:
        return f"{description}:backlog={BACKLOG}"
    return description


async def openAll(
    reactor: Any, factory: ServerFactory, descriptions: Iterable[str]
) -> dict[str, IListeningPort]:
    """
    Listen on every port, or on none.

    @param descriptions: strports descriptions, such as C{"tcp:9989"}.
    @return: description -> port.
    @raise CannotOpen: one of them cannot be opened; those that were are closed again.
    """
    opened: dict[str, IListeningPort] = {}
    for description in descriptions:
        try:
            endpoint = endpoints.serverFromString(reactor, withBacklog(description))
            opened[description] = await endpoint.listen(factory)
        except Exception as error:
            await closeAll(opened.values())
            inUse = isinstance(error, CannotListenError) and error.socketError.errno == errno.EADDRINUSE
            raise CannotOpen(f"cannot listen on {description}: {_reason(error)}", inUse) from error
    return opened


async def closeAll(ports: Iterable[IListeningPort]) -> None:
    """Stop listening; connections that were made stay."""
    for port in ports:
        done = port.stopListening()
        if done is not None:
            await done


def _reason(error: Exception) -> str:
    if isinstance(error, CannotListenError):
        cause = error.socketError
        text = getattr(cause, "strerror", None) or str(cause)
        return text[:1].lower() + text[1:]
    return f"{error}" or type(error).__name__


def describe(description: str, port: IListeningPort) -> str:
    """What a person would call an open port: C{"tcp 9989"}, C{"ssl 9990 on 127.0.0.1"}."""
    host = port.getHost()
    number = getattr(host, "port", None)
    if number is None:
        return description.replace(":", " ", 1)
    where = getattr(host, "host", "")
    return f"{description.split(':', 1)[0]} {number}" + ("" if where in ("0.0.0.0", "::") else f" on {where}")

# -*- test-case-name: tests.unit.readers.test_elsewhere -*-
"""Requests that a process with pages hands on to the master: as plain values, there and back.

The master treats such a request like one at its own port: it checks the host, the origin, the login and the
rights itself, and records who has acted. It believes the process only which address the visitor has.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from buildbot.control.client import ControlError
from buildbot.events.onuse import onUse

if TYPE_CHECKING:
    from buildbot.web import call
    from buildbot.web import incoming as coming
else:  # a master without readers apart needs no pages for them
    call = onUse("buildbot.web.call")
    coming = onUse("buildbot.web.incoming")

#: The most bytes of a body: a request of the control socket has at most 64 KiB.
LARGEST_BODY = 32 * 1024


def requestOf(incoming: coming.Incoming, segments: Sequence[str], port: str) -> dict[str, Any]:
    """The parameters of the command C{pass} for a request.

    @param port: the C{http_port} of the web server in master.cfg.
    """
    return {
        "port": port,
        "method": incoming.method,
        "path": incoming.path,
        "segments": [_clean(each) for each in segments],
        "headers": {_clean(name): [_clean(each) for each in values] for name, values in incoming.all.items()},
        "query": {_clean(name): [_clean(each) for each in found] for name, found in incoming.query.items()},
        "body": b64encode(incoming.body).decode("ascii"),
        "peer": incoming.peer,
        "isSecure": incoming.isSecure,
    }


def answerOf(said: Mapping[str, Any]) -> call.Answer:
    """The answer of a master."""
    return call.Answer(
        b64decode(said["body"]),
        said["type"],
        said["status"],
        tuple((name, value) for name, value in said["headers"]),
        said["etag"],
        said["cache"],
    )


class Passing:
    """I carry out the command C{pass} in the master."""

    def __init__(
        self, servers: Callable[[], Iterable[Any]], lastId: Callable[[], str], logins: Callable[[], int]
    ) -> None:
        """@param servers: returns the running L{buildbot.web.service.WebStatus} objects.
        @param lastId: returns the ID of the last event; C{logins}: the number of changes of sessions.
        """
        self._servers = servers
        self._lastId = lastId
        self._logins = logins

    async def passOn(
        self,
        port: str,
        method: str,
        path: str,
        segments: Sequence[str],
        headers: Mapping[str, Sequence[str]],
        query: Mapping[str, Sequence[str]],
        body: str = "",
        peer: str = "",
        isSecure: bool = False,
    ) -> dict[str, Any]:
        """Answer a request, as the web server with this C{http_port} does at its own port.

        @return: the answer; the last event of it, and the number of changes of sessions.
        """
        server = next((each for each in self._servers() if (each.http_port or "") == port), None)
        if server is None:
            raise ControlError(f"the master has no web server with http_port {port!r} now")
        joined = {name: ", ".join(values) for name, values in headers.items()}
        incoming = coming.Incoming(method, path, joined, query, b64decode(body), peer, isSecure, headers)
        answer = await server.dispatcher.answer(incoming, segments)
        if not isinstance(answer, call.Answer):
            raise ControlError("this answer goes on and on: only the master itself can give it")
        return {
            "status": answer.status,
            "type": answer.type,
            "headers": [list(each) for each in answer.headers],
            "etag": answer.etag,
            "cache": answer.cache,
            "body": b64encode(answer.body).decode("ascii"),
            "isPrivate": incoming.isPrivate,
            "isFeed": incoming.isFeed,
            "lastId": self._lastId(),
            "logins": self._logins(),
        }


def _clean(text: str) -> str:
    """Text that JSON can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")

# -*- test-case-name: tests.unit.readers.test_door -*-
"""The master's side of the link to processes with its pages on other machines: C{/readers-link}.

It is at the ports of the web servers, and carries a few commands of the control socket. A request that is not
sealed with the secret in the store of the master is refused, and told nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import resource, server

from buildbot.readers.sealing import HEADER, Seals, WrongSeal, sealOfAnswer
from buildbot.readers.whereabouts import KEY, Whereabouts, here, newSecret
from buildbot.readers.whereabouts import PATH as PATH
from buildbot.store.interface import IStore, StoreFailed

log = Logger()

#: The commands of the link.
COMMANDS = ("follow", "pass", "used", "log")

#: Carries out a request of the control socket: see L{buildbot.control.server.ControlServer.answer}.
Answers = Callable[[bytes, "Deferred[None]"], Awaitable[bytes]]


class Offer:
    """I make the link of one master known in its store.

    @ivar secret: see L{Whereabouts}.
    """

    def __init__(
        self, store: IStore, basedir: str, servers: Callable[[], Iterable[Any]], given: str = ""
    ) -> None:
        """@param servers: returns the running L{buildbot.web.service.WebStatus} objects.
        @param given: the address that buildbot.tac names; "" finds some.
        """
        self._given = given
        self.secret = newSecret()
        self._store = store
        self._basedir = basedir
        self._servers = servers
        self._told: Whereabouts | None = None

    async def tell(self) -> None:
        """Write into the store where the master is, if that has changed. Never raises."""
        now = here(self._basedir, self._servers(), self.secret, self._given)
        if now == self._told:
            return
        try:
            await self._store.setState(KEY, now.toRecord())
        except StoreFailed as why:
            log.warn("processes with pages cannot find this master: {why}", why=why.reason)
        else:
            self._told = now


class LinkResource(resource.Resource):
    """I am C{/readers-link}."""

    isLeaf = True
    #: The door of the pages does not know my visitors: see L{buildbot.web.root.PUBLIC}.
    isPublic = True

    def __init__(self, secret: str, answers: Answers) -> None:
        resource.Resource.__init__(self)
        self._secret = secret
        self._seals = Seals(secret)
        self._answers = answers

    def render(self, request: Any) -> Any:
        """Check the seal, and answer."""
        request.content.seek(0)
        body = request.content.read()
        try:
            seal = self._seals.check(request.getHeader(HEADER) or "", body)
        except WrongSeal as why:
            request.setResponseCode(403)
            request.setHeader(b"content-type", b"text/plain; charset=utf-8")
            request.setHeader(b"cache-control", b"no-store")
            return f"This address is for processes with pages of this master: {why}.\n".encode()
        gone: Deferred[None] = Deferred()
        request.notifyFinish().addBoth(lambda result: None if gone.called else gone.callback(None))
        answering = ensureDeferred(self._answered(body, gone))

        def send(said: bytes) -> None:
            if request._disconnected:
                return
            request.setHeader(b"content-type", b"application/json")
            request.setHeader(b"cache-control", b"no-store")
            request.setHeader(b"content-length", b"%d" % len(said))
            request.setHeader(HEADER.encode(), sealOfAnswer(self._secret, seal, said).encode())
            request.write(said)
            request.finish()

        answering.addCallback(send).addErrback(_failed, request)
        return server.NOT_DONE_YET

    async def _answered(self, body: bytes, gone: Deferred[None]) -> bytes:
        return await self._answers(body, gone)


def _failed(why: Failure, request: Any) -> None:
    if not request._disconnected:
        request.processingFailed(why)

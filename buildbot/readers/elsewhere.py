# -*- test-case-name: tests.unit.readers.test_elsewhere -*-
"""Which requests a process with pages hands on to the master, and what it says while the master is away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

from twisted.web import resource

from buildbot.control.client import ControlError, NotRunning, Unreachable
from buildbot.readers.passing import LARGEST_BODY, answerOf, requestOf
from buildbot.web.call import Answer, Problem
from buildbot.web.incoming import Incoming
from buildbot.web.outcomes import PARAMETER

#: The most seconds until the master has carried out an action: a reconfig may take some minutes.
PATIENCE = 300.0
#: The most seconds until it has answered a question, and until one that is away has answered anything.
READING, BRIEF = 30.0, 10.0
#: The first segments of pages about the schedulers of the master, its figures and its logins. Few read them.
OF_MASTER = frozenset(("schedulers", "me", "metrics"))
#: The paths of other routes about the process of the master and its files.
ROUTES = frozenset(("/about/disk", "/about/hooks", "/api/v1/schedulers", "/api/v1/disk"))
_READING = ("GET", "HEAD", "OPTIONS")


class Asks(Protocol):
    """The part of L{buildbot.readers.link.Link} that I use."""

    async def ask(self, command: str, params: dict[str, Any], patience: float) -> Any: ...


class Elsewhere:
    """I hand the requests of one web server on to the master."""

    def __init__(
        self,
        link: Asks,
        port: str,
        caughtUp: Callable[[str, int], Awaitable[None]],
        away: Callable[[], str],
        largest: Callable[[], int] = lambda: LARGEST_BODY,
    ) -> None:
        """@param port: the C{http_port} of the web server in master.cfg.
        @param caughtUp: waits until this process knows an event, and a number of changes of sessions.
        @param away: since when the master is away, as a sentence; "" if it is there.
        @param largest: returns the most bytes of a body that the link takes.
        """
        self._largest = largest
        self._link = link
        self._port = port
        self._caughtUp = caughtUp
        self._away = away

    async def answer(self, incoming: Incoming, segments: Sequence[str], path: str) -> Answer | None:
        """See L{buildbot.web.dispatch.Elsewhere}."""
        if not isForMaster(incoming, segments, path):
            return None
        if len(incoming.body) > self._largest():
            hint = "Send it to the port of the master itself."
            raise Problem(413, "The request is too large for this process", hint=hint)
        patience = BRIEF if self._away() else READING if incoming.method in _READING else PATIENCE
        try:
            said = await self._link.ask("pass", requestOf(incoming, segments, self._port), patience)
        except (NotRunning, Unreachable):
            raise absent(self._away()) from None
        except ControlError as why:
            raise Problem(503, "The master cannot answer", f"{why}.") from None
        incoming.isPrivate, incoming.isFeed = said["isPrivate"], said["isFeed"]
        await self._caughtUp(said["lastId"], said["logins"])
        return answerOf(said)


def isForMaster(incoming: Incoming, segments: Sequence[str], path: str) -> bool:
    """True for an action, for the page with its outcome, and for pages about the process of the master."""
    if incoming.method not in _READING or PARAMETER in incoming.query:
        return True
    return bool(segments) and (segments[0] in OF_MASTER or path in ROUTES)


def absent(away: str) -> Problem:
    """The problem that only the master can answer, and it is away."""
    hint = "Try again when the master runs. Finished builds can be read meanwhile."
    return Problem(503, "The master is away", away, hint, headers=(("Retry-After", "30"),))


class NoHooks(resource.Resource):
    """I am C{/change_hook} of a process with pages: forges send their pushes to the master."""

    isLeaf = True
    #: See L{buildbot.web.root.PUBLIC}.
    isPublic = True

    def render(self, request: Any) -> bytes:
        """Refuse, with words for the log of the forge."""
        request.setResponseCode(421)
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        request.setHeader(b"cache-control", b"no-store")
        return b"This process only serves pages: send hooks to the port of the master itself.\n"

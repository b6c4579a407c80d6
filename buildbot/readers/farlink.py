# -*- test-case-name: tests.unit.readers.test_farlink -*-
"""Ask the active master of a shared store over the network, wherever it runs.

The store tells where it is (L{buildbot.readers.whereabouts}). When another master becomes the active one, the
next questions go to that one.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from buildbot.control.client import ControlError, NoAnswer, NotRunning, Unreachable
from buildbot.events.turns import Turns
from buildbot.readers import passing
from buildbot.readers.link import MOST, Link
from buildbot.readers.sealing import HEADER, Seal, isSame, sealOf, sealOfAnswer
from buildbot.readers.whereabouts import KEY, Whereabouts, whereaboutsOf
from buildbot.store.interface import StoreFailed

#: Seconds after which the store is asked again which master is active.
FRESH = 5.0
#: The most bytes of a question, and of the body of a request in it.
LARGEST_QUESTION = 24 << 20
LARGEST_BODY = 16 << 20


class States(Protocol):
    """The part of an L{IStore<buildbot.store.interface.IStore>} that I use."""

    def getState(self, key: str) -> Deferred[Any]: ...


class Posts(Protocol):
    """It posts to a web server: a L{buildbot.readers.posting.Poster}."""

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, digest: str, patience: float
    ) -> tuple[int, str, bytes]:
        """The status, the header L{HEADER} and the body of the answer.

        @raise Unreachable: there is no connection; nothing was asked.
        @raise ControlError: the connection was lost.
        """


class Finding:
    """I know where the active master is.

    @ivar now: as the store has told last; None if it has not.
    @ivar trouble: why the store does not tell; "" if it does.
    """

    def __init__(self, store: States, clock: IReactorTime) -> None:
        self._store = store
        self._clock = clock
        self._at = float("-inf")
        self.now: Whereabouts | None = None
        self.trouble = ""

    async def look(self) -> Whereabouts | None:
        """Where the active master is. While the store fails, it is where it was."""
        if self._clock.seconds() - self._at >= FRESH:
            try:
                found = whereaboutsOf(await self._store.getState(KEY))
            except StoreFailed as why:
                self.trouble = why.reason
                return self.now
            self.trouble = ""
            self._at = self._clock.seconds()
            self.now = found
        return self.now

    def doubt(self) -> None:
        """Ask the store at the next look: the master is not where it was."""
        self._at = float("-inf")


class FarLink:
    """I ask the active master over the network."""

    def __init__(self, finding: Finding, poster: Posts, sender: str = "") -> None:
        """@param sender: the name of this link: 32 hexadecimal digits, unlike all others; "" makes one."""
        self._finding = finding
        self._poster = poster
        self._sender = sender or secrets.token_hex(16)
        self._number = 0
        self._turns = Turns(MOST)
        # By the secret of a master: the URL that has answered, and the digest of its certificate.
        self._good: dict[str, tuple[str, str]] = {}

    async def ask(self, command: str, params: Mapping[str, object], patience: float) -> Any:
        """See L{Link.ask}.

        @raise Unreachable: it cannot be reached.
        """
        found = await self._finding.look()
        if found is None:
            raise Unreachable("no master has written into the store where it can be reached")
        if not found.urls:
            raise Unreachable(f"{found.name} has no web port that another machine can reach")
        question = json.dumps({**params, "command": command}).encode("ascii")
        if len(question) > LARGEST_QUESTION:
            raise ControlError(f"the request has {len(question)} bytes, more than {LARGEST_QUESTION}")
        async with self._turns:
            try:
                return await self._asked(found, question, patience)
            except (Unreachable, NoAnswer):
                self._finding.doubt()
                raise

    async def _asked(self, found: Whereabouts, question: bytes, patience: float) -> Any:
        good = self._good.get(found.secret)
        reasons = []
        for url, digest in [good] if good is not None else _ways(found):
            self._number += 1
            seal = sealOf(found.secret, self._sender, self._number, question)
            try:
                said = await self._poster.post(url, {HEADER: str(seal)}, question, digest, patience)
                answer = _checked(found, seal, *said)
            except Unreachable as why:
                reasons.append(f"{url}: {why}")
                continue
            self._good = {found.secret: (url, digest)}
            return answer
        self._good = {}
        raise Unreachable(f"{found.name} cannot be reached at {'; '.join(reasons)}")


def _ways(found: Whereabouts) -> Iterator[tuple[str, str]]:
    """The URLs to try, each with the digest of its certificate; with "", an authority must have signed it."""
    digests = dict(found.digests)
    for url in found.urls:
        yield url, digests.pop(url, "")  # none the second time


def _checked(found: Whereabouts, seal: Seal, status: int, sealed: str, body: bytes) -> Any:
    """The answer of the master. Raises L{Unreachable} if it is not from there."""
    if status != 200 or not isSame(sealed, sealOfAnswer(found.secret, seal, body)):
        raise Unreachable(f"another server answers there, or the master has started anew (status {status})")
    said = json.loads(body)
    if "error" in said:
        raise ControlError(str(said["error"]))
    return said["ok"]


class EitherLink:
    """I ask the active master of a shared store: through its control socket if it runs in my directory."""

    def __init__(self, near: Link, far: FarLink, finding: Finding, basedir: str) -> None:
        self._near = near
        self._far = far
        self._finding = finding
        self._basedir = basedir

    async def ask(self, command: str, params: Mapping[str, object], patience: float) -> Any:
        """See L{Link.ask} and L{FarLink.ask}."""
        if await self.isNear() and not self._isLarge(params):
            try:
                return await self._near.ask(command, params, patience)
            except NotRunning:
                self._finding.doubt()
                if self._finding.now is None:
                    if self._finding.trouble:  # so nobody knows if one runs elsewhere
                        words = f"the store does not tell where it is: {self._finding.trouble}"
                        raise Unreachable(words) from None
                    raise
        return await self._far.ask(command, params, patience)

    def largest(self) -> int:
        """The most bytes of a body that goes on to the master: its web port takes more than its socket."""
        found = self._finding.now
        return LARGEST_BODY if found is not None and found.urls else passing.LARGEST_BODY

    def _isLarge(self, params: Mapping[str, object]) -> bool:
        """True for a request that the control socket does not take."""
        return len(str(params.get("body", ""))) > passing.LARGEST_BODY

    async def isNear(self) -> bool:
        """True if the active master runs in my directory, or nobody knows of one."""
        found = await self._finding.look()
        return found is None or found.isIn(self._basedir)

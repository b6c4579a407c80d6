# -*- test-case-name: tests.unit.web.hooks.test_changehook -*-
"""Take the deliveries of forges: from a request to changes on disk, and the answer.

The modules of the dialects read the bodies; L{buildbot.web.hooks.taken} stores the changes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from ipaddress import ip_address
from math import ceil
from typing import Any, Protocol

from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThread
from twisted.logger import Logger

from buildbot.config.messages import listing
from buildbot.store.interface import StoreFailed
from buildbot.text.plural import counted
from buildbot.text.printable import plainLine
from buildbot.web.accounts.limits import LoginLimits
from buildbot.web.hooks.delivery import LARGEST_BODY, BadDelivery, Delivery, HookOptions, Received
from buildbot.web.hooks.logins import CHALLENGE, accountOf, isLoggedIn
from buildbot.web.hooks.readers import READERS
from buildbot.web.hooks.signatures import Proof, proofOf
from buildbot.web.hooks.taken import BeingTaken, Deliveries, KeepsStates, TakesChanges
from buildbot.wire.loglimits import LogLimiter

log = Logger()

#: A larger body is checked and read in a thread.
LARGE_BODY = 256 * 1024
#: The number of deliveries, and of refused requests, that are remembered for the administrator.
REMEMBERED = 50
#: A sender may try again after this many seconds if the store fails.
RETRY_AFTER = 30
#: The most characters of a text of the sender in an answer.
LONGEST_TEXT = 2000

#: Does work that takes long, in a thread.
InThread = Callable[[Callable[[], Any]], Awaitable[Any]]


class Poller(Protocol):
    """The part of a poller that a hook uses."""

    def doPoll(self) -> Deferred[None]:
        """Look now. The Deferred never fails."""


@dataclass(frozen=True)
class HookAnswer:
    """I am the answer to a request.

    @ivar status: 200 (ignored), 202 (taken), 400, 401, 404, 405, 413,
        429, 500 or 503.
    @ivar text: one line for people.
    @ivar changes: the numbers of the new changes.
    @ivar headers: more headers.
    """

    status: int
    text: str
    changes: tuple[int, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class HookRecord:
    """I am a line for the administrator.

    @ivar when: in seconds since the epoch.
    @ivar address: of the sender.
    """

    when: float
    dialect: str
    event: str
    id: str
    address: str
    status: int
    text: str
    changes: tuple[int, ...]


class ChangeHook:
    """I am all hooks of a master.

    @ivar recent: the last deliveries with a proof, the oldest first.
    @ivar refused: the last requests without one, the oldest first.
    """

    def __init__(
        self,
        dialects: Mapping[str, HookOptions],
        changes: TakesChanges,
        states: KeepsStates,
        now: Callable[[], float],
        checkers: Sequence[Any] = (),
        pollers: Callable[[], Iterable[Any]] = tuple,
        inThread: InThread = deferToThread,
        told: Callable[[str, str, str], object] = lambda event, address, text: None,
    ) -> None:
        """@param dialects: from L{buildbot.web.hooks.options.checkedDialects}.
        @param now: the time of the master, in seconds since the epoch.
        @param checkers: from L{buildbot.web.hooks.logins.checkersOf}.
        @param pollers: returns the sources of changes.
        @param told: called with the event, the address and the answer of each delivery that is taken.
        """
        self.dialects = dialects
        self.recent: deque[HookRecord] = deque(maxlen=REMEMBERED)
        self.refused: deque[HookRecord] = deque(maxlen=REMEMBERED)
        self._deliveries = Deliveries(changes, states)
        self._now = now
        self._checkers = checkers
        self._pollers = pollers
        self._inThread = inThread
        self._told = told
        self._lines = LogLimiter()
        self._logins = LoginLimits()

    def tooLarge(self) -> HookAnswer:
        """The answer to a body of more than L{LARGEST_BODY} bytes."""
        return HookAnswer(413, f"the body has more than {LARGEST_BODY} bytes")

    async def handle(
        self,
        dialect: str,
        method: str,
        headers: Mapping[str, str],
        body: bytes,
        address: str,
        query: Mapping[str, Sequence[str]] | None = None,
    ) -> HookAnswer:
        """Take one request. Never fails.

        @param dialect: the last part of the URL.
        @param headers: the names in any case.
        @param address: the IP address of the sender.
        @param query: the parameters of the URL.
        """
        options = self.dialects.get(dialect)
        if options is None:
            return HookAnswer(404, "master.cfg has no hook of this name")
        lower = {name.lower(): value for name, value in headers.items()}
        received = Received(method, lower, body, query or {})
        seen = Delivery()
        try:
            answer = self._unfit(received, options) or await self._unproven(
                dialect, received, options, address
            )
            if answer is None:
                read = partial(READERS[options.dialect], received, options)
                isOwn = options.handler is not None  # code of master.cfg is never in a thread
                seen = read() if isOwn else await self._work(received, read)
                answer = await self._taken(dialect, received, seen)
        except BadDelivery as bad:
            answer = HookAnswer(400, plainLine(str(bad))[:LONGEST_TEXT])
        except StoreFailed as failed:
            answer = _later(f"the changes cannot be stored now: {failed.reason}")
        except Exception:
            log.failure("hook {dialect} failed", dialect=dialect)
            answer = HookAnswer(500, "the master failed on this delivery: see its log")
        self._record(dialect, seen, address, answer)
        return answer

    def _unfit(self, received: Received, options: HookOptions) -> HookAnswer | None:
        if received.method != "POST" and not (received.method == "GET" and options.get):
            hint = ": set the option 'get' of the hook to True to allow GET" * (received.method == "GET")
            return HookAnswer(405, f"a hook takes POST only{hint}", headers={"Allow": "POST"})
        return self.tooLarge() if len(received.body) > LARGEST_BODY else None

    async def _unproven(
        self, dialect: str, received: Received, options: HookOptions, address: str
    ) -> HookAnswer | None:
        """The refusal of a request without proof; None if there is one."""
        isAllowed = bool(self._checkers) or _isOf(address, options)
        if self._checkers:
            refusal = await self._notLoggedIn(received.header("authorization"), address)
            if refusal is not None:
                return refusal
        if not options.secrets:
            told = f"hook {dialect!r} in master.cfg has neither a secret nor the address of this sender"
            return None if isAllowed else HookAnswer(401, told)
        if _isOf(address, options):
            return None
        now = self._now()
        proof: Proof = await self._work(received, partial(proofOf, received, options, now))
        if proof.trouble:
            return HookAnswer(401, plainLine(proof.trouble)[:LONGEST_TEXT])
        if proof.inAddress and self._lines.allow("token", dialect, now, known=True) is not None:
            log.warn(
                "hook {dialect}: the secret is in the URL, where access logs keep it: send it in a header",
                dialect=dialect,
            )
        return None

    async def _notLoggedIn(self, authorization: str, address: str) -> HookAnswer | None:
        """The refusal of a request without the login before all hooks; None if it has one."""
        account, now = accountOf(authorization), self._now()
        seconds = self._logins.wait(address, account, now)
        if seconds > 0:
            later = {"Retry-After": str(ceil(seconds))}
            return HookAnswer(429, "too many wrong logins: try again later", headers=later)
        if authorization:
            self._logins.failed(address, account, now)  # before the check: many may be under way at once
        if await isLoggedIn(self._checkers, authorization):
            self._logins.succeeded(account, address)
            return None
        asked = {"WWW-Authenticate": CHALLENGE}
        return HookAnswer(401, "log in with HTTP Basic before you use this hook", headers=asked)

    async def _work(self, received: Received, work: Callable[[], Any]) -> Any:
        return await self._inThread(work) if len(received.body) > LARGE_BODY else work()

    async def _taken(self, dialect: str, received: Received, delivery: Delivery) -> HookAnswer:
        if delivery.polled is not None:
            return self._poll(delivery.polled)
        if not delivery.changes:
            return HookAnswer(200, f"ignored: {plainLine(delivery.ignored)[:LONGEST_TEXT]}")
        try:
            taken = await self._deliveries.take(dialect, delivery, received.body, self._now())
        except BeingTaken:
            return _later("the same delivery is being taken right now")
        if taken.before is not None:
            when = datetime.fromtimestamp(taken.before, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")
            return HookAnswer(200, f"ignored: this delivery was taken already, at {when}")
        numbers = listing(map(str, taken.numbers))
        return HookAnswer(202, f"taken: {counted(len(taken.numbers), 'change')}: {numbers}", taken.numbers)

    def _poll(self, names: tuple[str, ...]) -> HookAnswer:
        found = {_name(each): each for each in self._pollers() if hasattr(each, "doPoll") and _name(each)}
        unknown = [each for each in names if each not in found]
        if unknown:
            raise BadDelivery(f"there is no poller {unknown[0][:100]!r}: give the source a name=")
        called = names or tuple(found)
        for each in called:
            polling: Deferred[None] = found[each].doPoll()
            polling.addErrback(lambda why: log.failure("a poller failed", why))
        return HookAnswer(202, f"polling: {listing(called)}")

    def _record(self, dialect: str, seen: Delivery, address: str, answer: HookAnswer) -> None:
        now = self._now()
        event, id = plainLine(seen.event)[:100], plainLine(seen.id)[:100]
        record = HookRecord(now, dialect, event, id, address, answer.status, answer.text, answer.changes)
        (self.refused if answer.status in (401, 405, 413, 429) else self.recent).append(record)
        said = {"dialect": dialect, "address": address, "text": answer.text, "id": id}
        if answer.status == 202:
            self._told(seen.event, address, f"{dialect}: {answer.text}")
            log.info("hook {dialect}: {text} (delivery {id} from {address})", **said)
        elif answer.status >= 400 and self._lines.allow("refused", address, now) is not None:
            log.warn("hook {dialect}: refused a delivery from {address}: {text}", **said)


def _name(source: object) -> str:
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else ""


def _later(text: str) -> HookAnswer:
    return HookAnswer(503, f"{text}: send it again later", headers={"Retry-After": str(RETRY_AFTER)})


def _isOf(address: str, options: HookOptions) -> bool:
    """True if the options name the address of the sender."""
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(peer, "ipv4_mapped", None)
    return any((mapped or peer) in network or peer in network for network in options.addresses)

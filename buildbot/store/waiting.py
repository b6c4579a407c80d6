# -*- test-case-name: tests.unit.store.test_waiting -*-
"""The interface of the store for the requests that wait: there may be very many.

L{buildbot.store.sqlwaiting} and L{buildbot.store.memorywaiting} find them.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

from twisted.internet import defer
from zope.interface import Interface

from buildbot.model.records import RequestRecord
from buildbot.model.rows import checkCount
from buildbot.model.sourcestamp import changesIn

if TYPE_CHECKING:  # only the type checker needs this import
    from twisted.internet.defer import Deferred

_T = TypeVar("_T")


@dataclass(frozen=True)
class Waiting:
    """The number of requests that wait for a builder, and the highest number of one of them."""

    count: int
    last: int


class Unreadable(NamedTuple):
    """A waiting request that cannot be read, and the reason."""

    id: int
    builder: str
    why: str


class WaitingPage(NamedTuple):
    """Some waiting requests of a builder, the oldest first.

    @ivar last: the highest number among them, also of unreadable ones; None if there are no more requests
        after this page.
    """

    requests: list[RequestRecord]
    unreadable: list[Unreadable]
    last: int | None


class IWaiting(Interface):
    """I count and read waiting requests. No call reads more than it is asked for.

    Every method returns a Deferred. It fails with L{buildbot.store.interface.StoreFailed}, and with
    ValueError if a count is not valid.
    """

    def countWaiting() -> Deferred[dict[str, Waiting]]:
        """Fires with the numbers of waiting requests, for each builder that has any."""

    def getWaiting(
        builder: str, after: int = 0, count: int = 500, likeness: int | None = None
    ) -> Deferred[WaitingPage]:
        """Fires with the first C{count} waiting requests of a builder with a number above C{after}.

        @param likeness: only requests with this L{likeness<buildbot.model.likeness.likenessOf>}.
        """

    def findWaiting(ids: Sequence[int]) -> Deferred[list[RequestRecord]]:
        """Fires with the requests among these that wait, in the order of their numbers."""

    def getWaitingOf(change: int) -> Deferred[list[RequestRecord]]:
        """Fires with all waiting requests whose source has a change, in the order of their numbers."""


class WaitingCore(Protocol):
    """I do the work of L{IWaiting} synchronously."""

    def countWaiting(self) -> dict[str, Waiting]: ...
    def getWaiting(self, builder: str, after: int, count: int, likeness: int | None) -> WaitingPage: ...
    def findWaiting(self, ids: Sequence[int]) -> list[RequestRecord]: ...
    def getWaitingOf(self, change: int) -> list[RequestRecord]: ...


class WaitingRequests:
    """I am the front of L{IWaiting}: I check arguments."""

    _waiting: WaitingCore

    @abstractmethod
    def _read(self, work: Callable[[], _T]) -> Deferred[_T]:
        """Run work of my core that only reads, after all earlier calls."""

    def countWaiting(self) -> Deferred[dict[str, Waiting]]:
        """See L{IWaiting}."""
        return self._read(lambda: self._waiting.countWaiting())

    def getWaiting(
        self, builder: str, after: int = 0, count: int = 500, likeness: int | None = None
    ) -> Deferred[WaitingPage]:
        """See L{IWaiting}."""
        try:
            builder.encode()
            most = checkCount(count)
        except ValueError:
            return defer.fail()
        return self._read(lambda: self._waiting.getWaiting(builder, after, most, likeness))

    def findWaiting(self, ids: Sequence[int]) -> Deferred[list[RequestRecord]]:
        """See L{IWaiting}."""
        wanted = sorted(set(ids))
        return self._read(lambda: self._waiting.findWaiting(wanted))

    def getWaitingOf(self, change: int) -> Deferred[list[RequestRecord]]:
        """See L{IWaiting}."""
        return self._read(lambda: self._waiting.getWaitingOf(change))


def isOf(request: RequestRecord, change: int) -> bool:
    """True if the source of a request has a change."""
    return any(each.get("number") == change for each in changesIn(request.sourcestamp))

# -*- test-case-name: tests.stories.test_try,tests.stories.test_statusport -*-
"""The visit of one client over PB: its objects, its subscriptions and its waits, with limits.

L{buildbot.status.remote} has the objects that a client may call.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.spread import pb
from twisted.spread.banana import BananaError
from twisted.spread.jelly import InsecureJelly

from buildbot.wire.callee import Callee, WrongArguments
from buildbot.wire.dialect import Dialect

#: The most subscriptions and waits of one client at a time.
MOST_OPEN = 10_000
#: The least seconds between two estimates for one client.
LEAST_INTERVAL = 1.0
#: The most objects of one status client, without builders. The one that was used least recently is let go.
MOST_OBJECTS = 5000

_Kind = TypeVar("_Kind", bound="Visited")


class Visit:
    """I am the visit of one client: from its login to the end of its connection.

    @ivar dialect: the kind of text that the client understands.
    """

    def __init__(self, dialect: Dialect, retire: Callable[[Callee], object] | None = None) -> None:
        """@param retire: called with an object that the client may not use any more; None: all are kept."""
        self.dialect = dialect
        self._retire = retire
        self._isOver = False
        self._numbers = itertools.count()
        self._made: dict[int, Visited] = {}
        self._recent: dict[int, Visited] = {}  # the last used one at the end
        self._waits: dict[int, tuple[Deferred[Any], Any]] = {}
        self._subscriptions: dict[Any, Callable[[], object]] = {}

    def end(self) -> None:
        """The connection has ended: stop all subscriptions, and forget everything."""
        self._isOver = True
        subscriptions, self._subscriptions = self._subscriptions, {}
        for unsubscribe in subscriptions.values():
            unsubscribe()
        self._made, self._recent, self._waits = {}, {}, {}

    def said(self, value: Any) -> Any:
        """A value as the client understands it."""
        return self.dialect.toPeer(value)

    def remote(self, kind: type[_Kind], status: Any) -> _Kind:
        """The client's object for a status. It is the same one for all calls."""
        if kind.isLasting or self._retire is None:
            known = self._made.get(id(status))
            if not isinstance(known, kind):
                known = self._made[id(status)] = kind(self, status)
            return known
        recent = self._recent.pop(id(status), None)
        used = recent if isinstance(recent, kind) else kind(self, status)
        self._recent[id(status)] = used
        if len(self._recent) > MOST_OBJECTS:
            self._retire(self._recent.pop(next(iter(self._recent))))
        return used

    def when(self, event: Deferred[Any], answer: object) -> Deferred[Any]:
        """Fires with C{answer} at an event. A wait that outlives the client is forgotten."""
        self._limit()
        number = next(self._numbers)
        done: Deferred[Any] = Deferred()
        self._waits[number] = (done, answer)
        event.addCallback(lambda _: self._fire(number))
        return done

    def _fire(self, number: int) -> None:
        if number in self._waits:
            done, answer = self._waits.pop(number)
            done.callback(answer)

    def subscribe(self, key: Any, subscribe: Callable[[], object], unsubscribe: Callable[[], object]) -> None:
        """Subscribe the client to something, until L{unsubscribe} or the end."""
        if self._isOver:
            return
        self._limit()
        self.unsubscribe(key)
        self._subscriptions[key] = unsubscribe
        subscribe()

    def unsubscribe(self, key: Any) -> None:
        """End a subscription, if there is one."""
        unsubscribe = self._subscriptions.pop(key, None)
        if unsubscribe is not None:
            unsubscribe()

    def tell(self, observer: pb.RemoteReference, message: str, *news: Any) -> None:
        """Call a method of the client, without an answer."""
        if self._isOver:
            return
        try:
            observer.callRemote(message, *map(self.said, news), pbanswer=False)
        except (pb.DeadReferenceError, InsecureJelly, BananaError, UnicodeEncodeError):
            pass  # it has gone, or the text cannot be sent

    def _limit(self) -> None:
        if len(self._waits) + len(self._subscriptions) >= MOST_OPEN:
            raise WrongArguments(f"more than {MOST_OPEN} subscriptions of one client")


class Visited(Callee):
    """I am a client's object for one status.

    @ivar isLasting: True for objects of which there are few: a client keeps them to the end of its visit.
    """

    isLasting = False

    def __init__(self, visit: Visit, status: Any) -> None:
        self._visit = visit
        self._status = status

    def _text(self, value: Any) -> Any:
        return self._visit.said(value)

# -*- test-case-name: tests.stories.test_ircwishes -*-
"""What people have asked of the bot, kept over a restart: channels to join, and events to tell."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import Logger

from buildbot.irc.harmless import folded, isChannel
from buildbot.irc.joining import MOST
from buildbot.irc.notices import isEvent
from buildbot.store.interface import IStore, StoreFailed

log = Logger()

#: The prefix of the key in the store; the server and the nick follow.
PREFIX = "irc/"
#: The most characters of the name or the key of a channel.
_LONGEST = 200


class Kept:
    """I keep the wishes of people for one bot. At most L{MOST} channels are remembered.

    @ivar rooms: the channels that somebody has called the bot to -> their keys, or None.
    @ivar events: the names of channels, folded -> the events that are told there.
    """

    def __init__(self, store: IStore, bot: str) -> None:
        """@param bot: tells the bot from others."""
        self._store = store
        self._key = PREFIX + sha256(bot.encode("utf-8", "replace")).hexdigest()[:16]
        self.rooms: dict[str, str | None] = {}
        self.events: dict[str, tuple[str, ...]] = {}
        self._isRead = False
        self._writing: Deferred[None] | None = None
        self._isStale = False

    async def read(self) -> None:
        """Read what an earlier process has kept. If the store fails, nothing is kept until the next start."""
        try:
            kept = await self._store.getState(self._key)
        except StoreFailed as why:
            log.warn("cannot read what people have asked of the IRC bot: {why}", why=why.reason)
            return
        self._isRead = True
        kept = kept if isinstance(kept, dict) else {}
        self.rooms = dict([each for each in map(_roomOf, _pairs(kept, "rooms")) if each][:MOST])
        self.events = dict([each for each in map(_eventsOf, _pairs(kept, "events")) if each][:MOST])

    def call(self, name: str, key: str | None) -> None:
        """Somebody calls the bot to a channel."""
        self.sendAway(name)
        self.rooms[name] = key
        self._write()

    def sendAway(self, name: str) -> None:
        """Somebody sends the bot away from a channel; what was wanted there is forgotten."""
        self.rooms = {each: key for each, key in self.rooms.items() if folded(each) != folded(name)}
        self.events.pop(folded(name), None)
        self._write()

    def want(self, name: str, events: Iterable[str] | None) -> None:
        """Somebody wants these events to be told in a channel; None: the usual ones again."""
        self.events.pop(folded(name), None)
        if events is not None and isChannel(name):
            self.events[folded(name)] = tuple(sorted(events))
            while len(self.events) > MOST:
                del self.events[next(iter(self.events))]
        self._write()

    async def finish(self) -> None:
        """Wait until all wishes are written: the next bot with this name reads them."""
        while self._writing is not None:
            await _endOf(self._writing)

    def _write(self) -> None:
        """Write, one time after another: people may want much at once."""
        if not self._isRead:
            return
        if self._writing is not None:
            self._isStale = True
            return
        self._writing = ensureDeferred(self._kept())
        self._writing.addBoth(self._written)

    async def _kept(self) -> None:
        rooms = [[name, key] for name, key in self.rooms.items()]
        events = [[name, list(each)] for name, each in self.events.items()]
        value = {"rooms": rooms, "events": events} if rooms or events else None
        try:
            await self._store.setState(self._key, value)
        except StoreFailed as why:
            log.warn("cannot store what people have asked of the IRC bot: {why}", why=why.reason)

    def _written(self, result: object) -> None:
        self._writing = None
        if self._isStale:
            self._isStale = False
            self._write()


def _endOf(work: Deferred[None]) -> Deferred[None]:
    """A Deferred of its own that fires after some work."""
    ended: Deferred[None] = Deferred()
    work.addBoth(lambda result: ended.callback(None))
    return ended


def _pairs(kept: dict[str, Any], name: str) -> list[Any]:
    """The pairs of one kind. What an odd store has is left out."""
    found = kept.get(name)
    return (
        [each for each in found if isinstance(each, list) and len(each) == 2]
        if isinstance(found, list)
        else []
    )


def _roomOf(pair: list[Any]) -> tuple[str, str | None] | None:
    name, key = pair
    isRoom = isinstance(name, str) and isChannel(name) and len(name) < _LONGEST
    return (name, key) if isRoom and (key is None or isinstance(key, str)) else None


def _eventsOf(pair: list[Any]) -> tuple[str, tuple[str, ...]] | None:
    name, events = pair
    if not isinstance(name, str) or not isinstance(events, list):
        return None
    return name, tuple(each for each in events if isinstance(each, str) and isEvent(each))

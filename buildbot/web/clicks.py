# -*- test-case-name: tests.unit.web.test_clicks -*-
"""A double click on the button of a form acts once, also without script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

from buildbot.events.turns import Turns
from buildbot.web.accounts.guard import visitorOf
from buildbot.web.call import Answer, Call, Page
from buildbot.web.limited import Limited
from buildbot.web.pages.acting import toTheEnd

#: Within these seconds, the same form of the same visitor is one click. The script of the pages has the same
#: time.
SECONDS = 3.0
#: The most visitors whose last acts are remembered.
ROOM = 1000

_Key = tuple[str, ...]


class Clicks:
    """I remember the last act of each visitor, or those that went on at the same time, and where each one
    led the browser, or the page that it showed.
    """

    def __init__(self) -> None:
        self._acting: dict[tuple[_Key, _Key], Turns] = {}
        self._done: Limited[_Key, dict[_Key, tuple[float, Answer | Page]]] = Limited(ROOM)

    async def once(self, call: Call, act: Callable[[], Awaitable[Any]]) -> Any:
        """Act, or return the answer of the first act if the visitor sent the same form a moment ago.

        If the visitor did something else in between, the same form acts again: pause, go on, pause. Only
        forms of browsers count: a program may mean it when it sends the same thing twice. A refused act is
        not remembered.
        """
        if "text/html" not in call.headers.get("accept", ""):
            return await act()
        who, agent = call.who, call.headers.get("user-agent", "")
        visitor = (who.name, who.how, who.key, visitorOf(who).session, who.address, agent)
        form = (sha256(call.body).hexdigest(), *call.segments)
        # After a second click, the browser drops the first request, and shows the answer to the second one.
        return await toTheEnd(self._inTurn(call, visitor, form, act))

    async def _inTurn(self, call: Call, visitor: _Key, form: _Key, act: Callable[[], Awaitable[Any]]) -> Any:
        turns = self._acting.setdefault((visitor, form), Turns())
        try:
            async with turns:
                clock = call.world.clock
                when, answer = (self._done.get(visitor) or {}).get(form, (0.0, None))
                if answer is not None and clock.seconds() - when < SECONDS:
                    return answer
                self._done.drop(visitor)
                made = await act()
                isDone = made.status == 303 if isinstance(made, Answer) else _isOutcome(made)
                if isDone:
                    others = self._done.get(visitor) or {}
                    self._done.put(visitor, {**others, form: (clock.seconds(), made)}, 1)
                return made
        finally:
            if turns.isFree:
                self._acting.pop((visitor, form), None)


def _isOutcome(made: object) -> bool:
    return isinstance(made, Page) and made.isOutcome

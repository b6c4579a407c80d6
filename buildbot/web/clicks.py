# -*- test-case-name: tests.unit.web.test_clicks -*-
"""A double click on the button of a form acts once, also without script."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any

from buildbot.events.turns import Turns
from buildbot.web.call import Answer, Call
from buildbot.web.limited import Limited
from buildbot.web.pages.acting import toTheEnd

#: Seconds in which the same form of the same visitor is the same click. The script of the pages has them too.
SECONDS = 3.0
#: The most acts that are remembered.
ROOM = 1000


class Clicks:
    """I remember the last acts of visitors, and where each one led the browser."""

    def __init__(self) -> None:
        self._acting: dict[tuple[str, ...], Turns] = {}
        self._done: Limited[tuple[str, ...], tuple[float, Answer]] = Limited(ROOM)

    async def once(self, call: Call, act: Callable[[], Awaitable[Any]]) -> Any:
        """Act; or give the answer of the same act, if the visitor sent the same form a moment ago.

        Only forms of browsers count: a program may mean it when it sends the same thing twice. A refused act
        is not remembered.
        """
        if "text/html" not in call.headers.get("accept", ""):
            return await act()
        who, agent = call.who, call.headers.get("user-agent", "")
        digest = sha256(call.body).hexdigest()
        key = (who.name, who.how, who.key, who.address, agent, digest, *call.segments)
        # The browser gives up the first request, and waits for the answer to the second one.
        return await toTheEnd(self._inTurn(call, key, act))

    async def _inTurn(self, call: Call, key: tuple[str, ...], act: Callable[[], Awaitable[Any]]) -> Any:
        turns = self._acting.setdefault(key, Turns())
        try:
            async with turns:
                clock = call.world.clock
                when, answer = self._done.get(key) or (0.0, None)
                if answer is not None and clock.seconds() - when < SECONDS:
                    return answer
                made = await act()
                if isinstance(made, Answer) and made.status == 303:
                    self._done.put(key, (clock.seconds(), made), 1)
                return made
        finally:
            if turns.isFree:
                self._acting.pop(key, None)

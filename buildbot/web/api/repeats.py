# -*- test-case-name: tests.stories.test_webapi -*-
"""Requests that a client sends again because it got no answer: they act once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from twisted.logger import Logger

from buildbot.model.audit import KeptAnswer
from buildbot.store.interface import StoreFailed
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.pages.acting import toTheEnd

log = Logger()

#: The seconds for which an answer is kept, and the most answers.
KEPT = 24 * 3600.0
MOST = 10_000
#: The most characters of a key.
LONGEST = 200


@dataclass
class _Done:
    body: str
    until: float
    answer: Answer | None = None


class Repeats:
    """I keep the answers to actions, by the header C{Idempotency-Key} of the client.

    The latest answers are in memory, and all answers are in the store. So a restart repeats no action.
    """

    def __init__(self) -> None:
        self._done: OrderedDict[tuple[str, ...], _Done] = OrderedDict()

    async def once(self, call: Call, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """Act, or give the answer of the first request with the same key. A failure is not kept.

        @raise Problem: the key is too long, is of another request, or its first request still goes on.
        """
        said = call.headers.get("idempotency-key", "")
        if not said:
            return await act()
        if len(said) > LONGEST:
            raise Problem(400, "A header is wrong", f"Idempotency-Key is longer than {LONGEST} characters.")
        key = (call.who.name, call.who.how, call.who.key, *call.segments, said)
        body, now = sha256(call.body).hexdigest(), call.world.now()
        while self._done and (len(self._done) >= MOST or next(iter(self._done.values())).until < now):
            self._done.popitem(last=False)
        known = self._done.get(key)
        if known is not None:
            return _again(known, body)
        mine = self._done[key] = _Done(body, now + KEPT)
        return await toTheEnd(self._first(call, key, mine, act))

    async def _first(
        self, call: Call, key: tuple[str, ...], mine: _Done, act: Callable[[], Awaitable[Answer]]
    ) -> Answer:
        """Act, and keep the answer, also for a client that has gone: it will ask again."""
        name = sha256("\0".join(map(str, key)).encode("utf-8", "surrogatepass")).hexdigest()
        body = mine.body
        try:
            kept = await call.world.store.getAnswer(name, call.world.now())
            if kept is not None:
                mine.body, mine.answer = kept.asked, _answerOf(kept.answer)
                return _again(mine, body)
            mine.answer = await act()
        finally:
            if mine.answer is None:
                self._done.pop(key, None)
        await _keep(call, name, KeptAnswer(mine.until, body, _valuesOf(mine.answer)))
        return mine.answer


async def _keep(call: Call, name: str, kept: KeptAnswer) -> None:
    """Store an answer. A failure is only logged, because the action is already done."""
    try:
        await call.world.store.keepAnswer(name, kept, call.world.now())
    except StoreFailed as why:
        log.warn("cannot store the answer to an action, so a restart may repeat it: {why}", why=why)


def _valuesOf(answer: Answer) -> dict[str, object]:
    return {
        "body": answer.body.decode("utf-8", "replace"),
        "type": answer.type,
        "status": answer.status,
        "headers": [list(each) for each in answer.headers],
    }


def _answerOf(values: dict[str, Any]) -> Answer:
    headers = tuple((name, value) for name, value in values["headers"])
    return Answer(values["body"].encode(), values["type"], values["status"], headers, cache="no-store")


def _again(known: _Done, body: str) -> Answer:
    if known.body != body:
        hint = "Use a new key for each action."
        raise Problem(
            422, "This key is of another request", "Idempotency-Key was sent with other values.", hint
        )
    if known.answer is None:
        raise Problem(409, "The first request with this key still goes on", headers=(("Retry-After", "2"),))
    return known.answer

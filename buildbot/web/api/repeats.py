# -*- test-case-name: tests.unit.web.api.test_repeats -*-
"""Requests that a client sends again because it got no answer: they act once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256

from twisted.internet.defer import CancelledError
from twisted.logger import Logger

from buildbot.model.audit import KeptAnswer
from buildbot.store.interface import StoreFailed
from buildbot.web.call import Answer, Call, Problem
from buildbot.web.limited import Limited
from buildbot.web.pages.acting import toTheEnd

log = Logger()

#: The seconds for which an answer is kept.
KEPT = 24 * 3600.0
#: The most bytes of answers in memory, and what one answer needs besides its body.
ROOM, EACH = 1 << 20, 500
#: The most failed actions in memory whose failure the store could not take.
MOST_FAILED = 1000
#: The most characters of a key.
LONGEST = 200
#: What the store has of an action from before it is done until its answer is there.
_BEGUN: dict[str, object] = {}

_Key = tuple[str, ...]


@dataclass(frozen=True)
class _Done:
    """A finished action: the digest of its request, its answer, and when it is forgotten."""

    asked: str
    answer: Answer
    until: float


class Repeats:
    """I keep the answers to actions, by the header C{Idempotency-Key} of the client.

    The latest answers are in memory, and all answers are in the store. So a restart repeats no action. The
    store has each key before its action is done. So after a crash, nobody is told that an action was not
    done which may have been done.
    """

    def __init__(self, room: int = ROOM) -> None:
        """@param room: the most bytes of answers in memory."""
        self._begun: dict[_Key, str] = {}
        self._done: Limited[_Key, _Done] = Limited(room)
        self._failed: Limited[str, bool] = Limited(MOST_FAILED)  # still begun in the store, which failed too

    async def once(self, call: Call, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """Act, or give the answer of the first request with the same key. A failure is not kept.

        @raise Problem: the key is too long, is of another request, or its first request still goes on; or the
            master stopped during the first request, and nobody knows whether it was carried out.
        """
        said = call.headers.get("idempotency-key", "")
        if not said:
            return await act()
        if len(said) > LONGEST:
            raise Problem(400, "A header is wrong", f"Idempotency-Key is longer than {LONGEST} characters.")
        key = (call.who.name, call.who.how, call.who.key, *call.segments, said)
        asked = sha256(call.body).hexdigest()
        if key in self._begun:
            _mustBeSame(self._begun[key], asked)
            raise Problem(
                409, "The first request with this key still goes on", headers=(("Retry-After", "2"),)
            )
        done = self._done.get(key)
        if done is not None and done.until >= call.world.now():
            _mustBeSame(done.asked, asked)
            return done.answer
        return await toTheEnd(self._first(call, key, asked, act))

    async def _first(self, call: Call, key: _Key, asked: str, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """Act, and keep the answer, also for a client that has gone: it will ask again."""
        name = sha256("\0".join(map(str, key)).encode("utf-8", "surrogatepass")).hexdigest()
        self._begun[key] = asked
        try:
            kept = await call.world.store.getAnswer(name, call.world.now())
            if kept is not None and not kept.answer and self._failed.get(name):
                kept = None
            if kept is None:
                done = _Done(asked, await self._acted(call, name, asked, act), call.world.now() + KEPT)
            else:
                done = _Done(kept.asked, _answerOf(kept, asked), kept.until)
            self._done.put(key, done, EACH + len(done.answer.body))
        finally:
            del self._begun[key]
        if kept is None:
            await _keep(call, name, KeptAnswer(done.until, asked, _valuesOf(done.answer)))
        return done.answer

    async def _acted(self, call: Call, name: str, asked: str, act: Callable[[], Awaitable[Answer]]) -> Answer:
        """Store that the action has begun, and do it. If it fails, it may be done again."""
        await _keep(call, name, KeptAnswer(call.world.now() + KEPT, asked, _BEGUN))
        self._failed.drop(name)
        try:
            return await act()
        except CancelledError:
            raise  # nobody knows what was done
        except Exception:
            if not await _keep(call, name, KeptAnswer(call.world.now() - 1, asked, _BEGUN)):
                self._failed.put(name, True, 1)
            raise


async def _keep(call: Call, name: str, kept: KeptAnswer) -> bool:
    """Store an answer. A failure is only logged: a master with a full disk can be told to stop builds.

    @return: True if it is stored.
    """
    try:
        await call.world.store.keepAnswer(name, kept, call.world.now())
    except StoreFailed as why:
        log.warn("cannot store the answer to an action, so a restart may repeat it: {why}", why=why)
        return False
    return True


def _mustBeSame(first: str, asked: str) -> None:
    """Raise L{Problem} if the digests of two requests with the same key differ."""
    if first != asked:
        hint = "Use a new key for each action."
        raise Problem(
            422, "This key is of another request", "Idempotency-Key was sent with other values.", hint
        )


def _valuesOf(answer: Answer) -> dict[str, object]:
    return {
        "body": answer.body.decode("utf-8", "replace"),
        "type": answer.type,
        "status": answer.status,
        "headers": [list(each) for each in answer.headers],
    }


def _answerOf(kept: KeptAnswer, asked: str) -> Answer:
    """The answer in the store. Raises L{Problem} if it is of another request, or is not complete."""
    _mustBeSame(kept.asked, asked)
    match kept.answer:
        case {"body": str(body), "type": str(type), "status": int(status), "headers": list(headers)}:
            pairs = tuple((name, value) for name, value in filter(_isPair, headers))
            return Answer(body.encode("utf-8", "replace"), type, status, pairs, cache="no-store")
    raise _unknown(kept.answer)


def _isPair(header: object) -> bool:
    match header:
        case [str(), str()]:
            return True
    return False


def _unknown(values: Mapping[str, object]) -> Problem:
    """The problem of an action that was perhaps carried out."""
    why = "The stored answer to it is damaged" if values else "The master stopped before it could answer"
    return Problem(
        409,
        "Nobody knows whether the first request with this key was carried out",
        f"{why}, so nobody knows whether the first request with this key was carried out.",
        "Look whether it was. If it was not, send it again with a new key.",
    )

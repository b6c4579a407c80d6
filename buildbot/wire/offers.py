# -*- test-case-name: tests.unit.wire.test_offers -*-
"""How a slave comes to its builders, if it cannot make all of them.

A slave makes its builders one after the other, in the order of the list, and answers with an error at the
first whose directory it cannot make. So the list is sent again without that one, until it has all others.

Which one it was, the error tells: it names the directory. If it does not, lists are sent that cannot but fail
in the end, and the error tells whether the slave came that far. A list that succeeds has to be the right one,
for a worker may be set up to delete the directories of all builders that are not in it.

A slave of any generation keeps a half-made builder in its way until its process ends: no other of that name
can be made. So one that is offered again goes under another name, which only this connection knows.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.wire.dialect import text
from buildbot.wire.failure import RemoteFailure

#: So many builders of a slave may fail; with more of them there is something wrong with the slave itself.
MOST_FAILING = 50
#: Characters of a slave's error that are looked at, and that are told.
LONGEST_ERROR = 4 * 1024
LONGEST_REASON = 300
#: No system makes a directory of this name.
_IMPOSSIBLE = "\0"
_NULL = re.compile(r"\bnull\b", re.IGNORECASE)

Builders = Sequence[tuple[str, str]]
#: Sends one list of (name, directory) pairs.
Send = Callable[[list[tuple[str, str]]], Deferred[Any]]


class OfferFailed(Exception):
    """No list of builders would do; the message says why."""


class Superseded(Exception):
    """A newer list is on its way: nobody waits for what comes of this one."""


class Offers:
    """I offer builders on one connection of a slave.

    @ivar failing: builder name -> why the slave cannot make it, of the list that it has accepted last.
    """

    def __init__(self, send: Send, halfMade: Iterable[str] = ()) -> None:
        """@param halfMade: builders of which the slave may have half-made ones in its way."""
        self._send = send
        self._wireNames = {name: _another(name) for name in halfMade}
        self._numbers = itertools.count(1)
        self._latest = 0
        self.failing: dict[str, str] = {}

    def nameOf(self, builder: str) -> str:
        """What a builder is called on this connection."""
        return self._wireNames.get(builder, builder)

    async def settle(self, builders: Builders, refusal: RemoteFailure | None = None) -> Any:
        """Have the slave accept these builders, without those that it cannot make: see C{failing}.

        @param refusal: what it answered to the whole list, if it was sent that already.
        @return: what it answered, by the names on this connection.
        @raise OfferFailed: none would do.
        @raise Superseded: I was called again meanwhile.
        """
        self._latest = number = next(self._numbers)
        failing: dict[str, str] = {}
        renamed: set[str] = set()
        wanted: Builders = builders
        answer: Any = _refusal(refusal) if refusal is not None else await self._offer(number, wanted)
        while True:
            if not isinstance(answer, _Refused):
                self.failing = failing
                return answer
            name = self._culprit(answer.words, wanted) or await self._search(number, wanted, answer.words)
            if _isInItsOwnWay(answer.words) and name not in renamed:
                renamed.add(name)
            else:
                failing[name] = text(answer.words, LONGEST_REASON)
                if len(failing) > MOST_FAILING:
                    raise OfferFailed(f"more than {MOST_FAILING} builders fail; {name}: {failing[name]}")
            self._wireNames[name] = _another(name)  # one of the old name is half-made
            wanted = [(name, directory) for name, directory in builders if name not in failing]
            answer = await self._offer(number, wanted)

    async def _offer(self, number: int, wanted: Builders, *more: tuple[str, str]) -> Any:
        """What the slave answers to a list, or L{_Refused}."""
        pairs = [(self.nameOf(name), directory) for name, directory in wanted]
        answer = await self._send([*pairs, *more]).addErrback(_refusal)
        if number != self._latest:
            raise Superseded()
        return answer

    def _culprit(self, words: str, wanted: Builders) -> str | None:
        """The builder that an error is about, if the error names its directory or itself."""
        if len(wanted) == 1:
            return wanted[0][0]
        quoted = [name for name, _ in wanted if _quotes(words, self.nameOf(name))]
        if _isInItsOwnWay(words):
            return quoted[0] if len(quoted) == 1 else None
        named = [(name, directory) for name, directory in wanted if _endsIn(words, directory)]
        return max(named, key=lambda pair: len(pair[1]))[0] if named else None

    async def _search(self, number: int, wanted: Builders, words: str) -> str:
        """The first builder that fails, if the error's C{words} do not tell: by halving the list."""
        if not wanted:
            raise OfferFailed(f"refuses every builder list, even an empty one: {text(words, LONGEST_REASON)}")
        good, bad = 0, len(wanted)
        while bad - good > 1:
            middle = (good + bad) // 2
            answer = await self._offer(number, wanted[:middle], (_another("test"), _IMPOSSIBLE))
            if not isinstance(answer, _Refused):
                raise OfferFailed("the slave accepts a builder that no slave can make")
            if _NULL.search(answer.words):
                good = middle
            else:
                bad = middle
        return wanted[good][0]


class _Refused:
    """The slave answered with an error."""

    def __init__(self, words: str) -> None:
        self.words = words


def _refusal(why: Failure) -> _Refused | Failure:
    """An error of the slave as an answer; any other failure, as of a lost link, goes on."""
    return _Refused(text(str(why.value), LONGEST_ERROR)) if isinstance(why, RemoteFailure) else why


def _isInItsOwnWay(words: str) -> bool:
    """Whether an error is about a half-made builder that is there; workers of later releases hide that."""
    return "two services with same name" in words or "object has no attribute 'bot'" in words


def _another(name: str) -> str:
    return f"{name} {os.urandom(3).hex()}"


def _quotes(words: str, name: str) -> bool:
    return any(f"{quote}{each}{quote}" in words for each in _spellings(name) for quote in "'\"")


def _endsIn(words: str, directory: str) -> bool:
    """Whether an error is about a path that ends in a directory."""
    return any(re.search(rf"[/\\]{re.escape(each)}[/\\]*['\"]", words) for each in _spellings(directory))


def _spellings(name: str) -> Iterable[str]:
    """How errors of slaves spell a name: as it is, or escaped, on Windows with another slash."""
    plain = name.strip("/") or name
    data = plain.encode("utf-8", "surrogateescape")
    spelled = [plain, repr(data)[2:-1], plain.encode("unicode_escape").decode("ascii")]
    return dict.fromkeys([*spelled, *(each.replace("/", "\\\\") for each in spelled)])

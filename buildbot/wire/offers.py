# -*- test-case-name: tests.unit.wire.test_offers -*-
"""Offer a slave its builders, if it cannot make all of them.

A slave makes its builders in the order of the list. It answers with an error at the first builder whose
directory it cannot make. I send the list again without that builder, until the slave has all others.

The error usually names the directory. If it does not, I find the builder by halving the list. The lists of
that search end with a builder that cannot be made: the error tells whether the slave came that far. Such a
list must not succeed, since a worker may be set up to delete the directories of all builders that are not in
the list.

Slaves of all generations keep a half-made builder until their process ends, and cannot make another one of
the same name. So a failed builder is offered again under another name, which only this connection knows.
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

#: The most failing builders of a slave. With more of them, the slave itself has a problem.
MOST_FAILING = 50
#: The most characters of a slave's error that are searched, and that are reported.
LONGEST_ERROR = 4 * 1024
LONGEST_REASON = 300
#: No operating system can make a directory of this name.
_IMPOSSIBLE = "\0"
_NULL = re.compile(r"\bnull\b", re.IGNORECASE)

Builders = Sequence[tuple[str, str]]
#: A function that sends one list of (name, directory) pairs.
Send = Callable[[list[tuple[str, str]]], Deferred[Any]]


class OfferFailed(Exception):
    """The slave refused every list of builders. The message says why."""


class Superseded(Exception):
    """A newer list was sent: the result of this one is not used."""


class Offers:
    """I offer builders on one connection of a slave.

    @ivar failing: builder name -> the slave's reason why it cannot make the builder, for the last accepted
        list.
    """

    def __init__(self, send: Send, halfMade: Iterable[str] = ()) -> None:
        """@param halfMade: builders that the slave may have half-made already."""
        self._send = send
        self._wireNames = {name: _another(name) for name in halfMade}
        self._numbers = itertools.count(1)
        self._latest = 0
        self.failing: dict[str, str] = {}

    def nameOf(self, builder: str) -> str:
        """The name of a builder on this connection."""
        return self._wireNames.get(builder, builder)

    async def settle(self, builders: Builders, refusal: RemoteFailure | None = None) -> Any:
        """Offer these builders until the slave accepts a list. C{failing} then has the omitted builders.

        @param refusal: the slave's answer to the complete list, if it was sent already.
        @return: the slave's answer, by the builder names on this connection.
        @raise OfferFailed: the slave accepts no list.
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
            self._wireNames[name] = _another(name)  # the old name is half-made
            wanted = [(name, directory) for name, directory in builders if name not in failing]
            answer = await self._offer(number, wanted)

    async def _offer(self, number: int, wanted: Builders, *more: tuple[str, str]) -> Any:
        """Send a list. Return the slave's answer, or L{_Refused}."""
        pairs = [(self.nameOf(name), directory) for name, directory in wanted]
        answer = await self._send([*pairs, *more]).addErrback(_refusal)
        if number != self._latest:
            raise Superseded()
        return answer

    def _culprit(self, words: str, wanted: Builders) -> str | None:
        """The one builder that an error names by its directory or name; None if there is not exactly one."""
        if len(wanted) == 1:
            return wanted[0][0]
        quoted = [name for name, _ in wanted if _quotes(words, self.nameOf(name))]
        if _isInItsOwnWay(words):
            return quoted[0] if len(quoted) == 1 else None
        named = [(name, directory) for name, directory in wanted if _endsIn(words, directory)]
        return max(named, key=lambda pair: len(pair[1]))[0] if named else None

    async def _search(self, number: int, wanted: Builders, words: str) -> str:
        """The first builder that fails, found by halving the list. For errors that name no builder."""
        if not wanted:
            raise OfferFailed(
                f"the slave refuses every builder list, even an empty one: {text(words, LONGEST_REASON)}"
            )
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
    """Convert an error of the slave to an answer. Pass on other failures, such as a lost connection."""
    return _Refused(text(str(why.value), LONGEST_ERROR)) if isinstance(why, RemoteFailure) else why


def _isInItsOwnWay(words: str) -> bool:
    """True if an error is about a half-made builder. Workers of later releases do not tell this."""
    return "two services with same name" in words or "object has no attribute 'bot'" in words


def _another(name: str) -> str:
    return f"{name} {os.urandom(3).hex()}"


def _quotes(words: str, name: str) -> bool:
    return any(f"{quote}{each}{quote}" in words for each in _spellings(name) for quote in "'\"")


def _endsIn(words: str, directory: str) -> bool:
    """True if an error quotes a path that ends in this directory."""
    return any(re.search(rf"[/\\]{re.escape(each)}[/\\]*['\"]", words) for each in _spellings(directory))


def _spellings(name: str) -> Iterable[str]:
    """The spellings of a name in slaves' errors: unchanged, escaped, or with backslashes on Windows."""
    plain = name.strip("/") or name
    data = plain.encode("utf-8", "surrogateescape")
    spelled = [plain, repr(data)[2:-1], plain.encode("unicode_escape").decode("ascii")]
    return dict.fromkeys([*spelled, *(each.replace("/", "\\\\") for each in spelled)])

# -*- test-case-name: tests.unit.status.test_asking -*-
"""Questions to objects of plug-ins, for pages, the API and commands.

If an object fails or answers nonsense, a sentence replaces the answer. The log has the reason once for each
class and question, because a page asks many times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar
from weakref import WeakKeyDictionary, ref

from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.text.printable import plainLine

log = Logger()
T = TypeVar("T")

#: The most parts of an answer, and the most characters of a text.
MOST = 10_000
LONGEST = 1000
#: The last second of the year 9999. Python has no dates after that.
_LAST = 253_402_300_799

#: The questions that a class or a function has failed to answer.
_told: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()


class WrongAnswer(TypeError):
    """An answer of a plug-in is of the wrong type, or too large."""


@dataclass(frozen=True)
class Unanswered:
    """I replace an answer.

    @ivar words: the error, as a sentence for people.
    """

    words: str


def ask(thing: object, question: str, read: Callable[[Any], T], *args: object) -> T | Unanswered:
    """Ask an object of a plug-in.

    @param question: the name of its method or attribute.
    @param read: makes a value of the answer, or raises L{WrongAnswer}. The functions below do that.
    """

    def answer() -> T:
        found = getattr(thing, question)
        return read(found(*args) if callable(found) else found)

    return attempt(type(thing), f"{type(thing).__name__}.{question}", answer)


def attempt(subject: Any, name: str, call: Callable[[], T]) -> T | Unanswered:
    """Call code of a plug-in.

    @param subject: its class or function. The log reports each one once.
    @param name: its name, for people.
    """
    try:
        return call()
    except PLUGIN_ERRORS:
        told = _told.setdefault(_lasting(subject), set())
        if name not in told:
            told.add(name)
            log.failure("{name} failed; the log reports this only once", name=name)
        return Unanswered(f"{name} failed: the reason is in twistd.log.")


def _lasting(subject: Any) -> Any:
    """The function of a bound method, which itself is made anew at each look. For an object that cannot be a
    key, its class.
    """
    function = getattr(subject, "__func__", subject)
    try:
        hash(ref(function))
    except TypeError:
        return type(function)
    return function


def otherwise(answer: T | Unanswered, value: T) -> T:
    """The answer, or a default without an answer."""
    return value if isinstance(answer, Unanswered) else answer


def text(value: Any) -> str:
    """One line, at most L{LONGEST} characters."""
    if not isinstance(value, str):
        raise WrongAnswer(f"a text is needed, not {type(value).__name__}")
    return plainLine(value[: LONGEST + 1])[:LONGEST]


def texts(value: Any) -> list[str]:
    """Several texts."""
    return list(map(text, _each(value)))


def number(value: Any) -> float:
    """A number that is not infinite."""
    if not isinstance(value, (int, float)) or not abs(value) <= 1e15:
        raise WrongAnswer(f"a number is needed, not {type(value).__name__}")
    return value


def count(value: Any) -> int:
    """A whole number from 0 on."""
    if not isinstance(value, int) or not 0 <= value < 1e15:
        raise WrongAnswer(f"a number from 0 on is needed, not {type(value).__name__}")
    return int(value)


def time(value: Any) -> float:
    """A time, in seconds since the epoch."""
    if not 0 <= number(value) <= _LAST or math.isnan(value):
        raise WrongAnswer("this number is not a time, in seconds since 1970")
    return float(value)


def times(value: Any) -> list[float]:
    """Several times, the first one first; None among them is left out."""
    return sorted(time(each) for each in _each(value) if each is not None)


def orNone(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """A reader for an answer that may also be None."""
    return lambda value: None if value is None else read(value)


def _each(value: Any) -> list[Any]:
    if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
        raise WrongAnswer(f"a list is needed, not {type(value).__name__}")
    found = list(islice(value, MOST + 1))
    if len(found) > MOST:
        raise WrongAnswer(f"there are more than {MOST} parts")
    return found

# -*- test-case-name: tests.unit.config.test_arguments -*-
"""Common kinds of arguments: texts, numbers, names and passwords.

L{buildbot.process.kinds} has the kinds for steps.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, KeysView, Mapping, Sequence, ValuesView
from ipaddress import ip_address
from typing import Any

from buildbot.config.arguments import Kind
from buildbot.config.messages import articled, nameTrouble, shown
from buildbot.config.pluginerrors import pluginErrors

_HOST = re.compile(r"(?!-)[^\s/@,;<>\"'\\]+")
#: The signals that end a process, and those that a program may handle first.
_SIGNALS = frozenset(
    "ABRT ALRM BREAK BUS CONT FPE HUP ILL INT KILL PIPE QUIT SEGV STOP TERM TSTP USR1 USR2".split()
)


def orNone(kind: Kind, meaning: str = "") -> Kind:
    """A kind that also allows None; C{meaning} says what None means."""
    return Kind(
        f"{kind.expected}, or None{f' for {meaning}' if meaning else ''}",
        lambda value: value is None or kind.fits(value),
        kind.detail,
        kind.isSecret,
    )


def oneOf(*values: object) -> Kind:
    """A kind that allows only these values."""
    *most, last = map(repr, values)
    return Kind(
        f"{', '.join(most)} or {last}",
        lambda value: any(value is each or _equal(value, each) for each in values),
    )


def numberOf(what: str, isWanted: Callable[[int], bool]) -> Kind:
    """A kind for whole numbers for which C{isWanted} returns True."""
    return Kind(what, lambda value: isWhole(value) and isWanted(value))


def isWhole(value: object) -> bool:
    """True for an C{int} other than True and False."""
    return isinstance(value, int) and not isinstance(value, bool)


def isSeconds(value: object) -> bool:
    """True for a valid number of seconds."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < _LONGEST


def isText(value: object) -> bool:
    """True for text without null characters that UTF-8 can encode."""
    return isinstance(value, str) and ((value.isascii() and "\0" not in value) or textDetail(value) is None)


def isTexts(value: object) -> bool:
    """True for a dictionary of texts."""
    return isinstance(value, Mapping) and all(map(isText, [*value, *value.values()]))


def textDetail(value: object) -> str | None:
    """The fault of a text, in words, or None."""
    if not isinstance(value, str):
        return None
    if "\0" in value:
        return "it has a null character"
    if not value.isascii():
        try:
            value.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            return "it has characters that UTF-8 does not know"
    return None


def nameDetail(value: object) -> str | None:
    """The fault of a name, in words, or None."""
    trouble = nameTrouble(value) if isinstance(value, str) else None
    return f"this one {trouble}" if trouble else None


def _equal(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _isName(value: object) -> bool:
    return isinstance(value, str) and not nameTrouble(value)


def _isFlag(value: object) -> bool:
    return value is None or isinstance(value, bool) or (isinstance(value, int) and value in (0, 1))


def _isNames(value: object) -> bool:
    # allow dict.keys(), which was a list in Python 2: it can be iterated repeatedly
    return isinstance(value, (list, tuple, KeysView, ValuesView)) and all(map(_isName, value))


def _namesDetail(value: object) -> str | None:
    if isinstance(value, Iterator):
        return f"write list(…) around this {type(value).__name__}"
    if not isinstance(value, (list, tuple, KeysView, ValuesView)):
        return None
    wrong = next(each for each in value if not _isName(each))
    return nameDetail(wrong) or f"it holds {shown(wrong)}"


def _isCounts(value: object) -> bool:
    return isinstance(value, Mapping) and all(map(_isName, value)) and all(map(COUNT.fits, value.values()))


def _countsDetail(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    name = next(name for name, count in value.items() if not (_isName(name) and COUNT.fits(count)))
    return (
        f"that of {name!r} is {shown(value[name])}"
        if isinstance(name, str)
        else f"{articled(name)} is not a name"
    )


def _isPattern(value: object) -> bool:
    if isinstance(value, re.Pattern):
        return isinstance(value.pattern, str)
    return isinstance(value, str) and _patternDetail(value) is None


def _patternDetail(value: object) -> str | None:
    if isinstance(value, str):
        try:
            re.compile(value)
        except (re.error, OverflowError, RecursionError) as error:
            return f"{value[:60]!r} is not a valid pattern: {error}"
    return None


def _isChangeFunction(value: object) -> bool:
    return callable(value) and _changeFunctionDetail(value) is None


def _changeFunctionDetail(value: object) -> str | None:
    """The fault of a function that must accept one argument, in words, or None."""
    return None if takes(value, None) else "this one does not take one argument"


def takes(function: object, *args: object) -> bool:
    """False for a function that cannot be called with these arguments; True if that is not known."""
    if not callable(function):
        return True
    try:
        inspect.signature(function).bind(*args)
    except TypeError:
        return False
    except pluginErrors():  # the signature is unknown, or inspection fails
        return True
    return True


def _isEncoding(value: object) -> bool:
    try:
        return isinstance(value, str) and isinstance(b"text".decode(value, "replace"), str)
    except (LookupError, ValueError):
        return False


#: The most seconds that a timer of Python can count.
_LONGEST = 1e9


def isHost(value: object) -> bool:
    """True for the name of a host, or its address; it has no port and no scheme."""
    if not isText(value) or not isinstance(value, str) or not _HOST.fullmatch(value):
        return False
    if ":" not in value:
        return True
    try:
        ip_address(value.strip("[]"))
    except ValueError:
        return False
    return True


def hostKind(port: str) -> Kind:
    """The kind of an argument for the name of a host; C{port} is the name of the one for its port."""

    def detail(value: object) -> str | None:
        found = re.fullmatch(r"([^:/\s]+):([0-9]+)", value) if isinstance(value, str) else None
        return None if found is None else f"write {found[1]!r} and {port}={found[2]}"

    return Kind("the name of a host (text)", isHost, detail, standIn="localhost")


TEXT = Kind("text", isText, textDetail, standIn="")
NAME = Kind("a name (text)", _isName, nameDetail, standIn="")
NAMES = Kind("a list of names", _isNames, _namesDetail, standIn=())
PASSWORD = Kind(
    "text, and not empty", lambda value: isText(value) and value != "", textDetail, True, standIn=""
)
FLAG = Kind("True or False", _isFlag, standIn=False)
SECONDS = Kind("a number of seconds", isSeconds, standIn=0)
SOME_SECONDS = Kind(
    "a number of seconds above 0", lambda value: isSeconds(value) and value > 0, standIn=86400.0
)
COUNT = Kind("a whole number, at least 1", lambda value: isWhole(value) and value >= 1, standIn=1)
SIZE = Kind("a whole number of bytes, 0 or more", lambda value: isWhole(value) and value >= 0, standIn=0)
COUNTS = Kind("a dict of names and whole numbers, each at least 1", _isCounts, _countsDetail)
CHANGE_FUNCTION = Kind("a function of a change", _isChangeFunction, _changeFunctionDetail)
ENCODING = Kind("the name of an encoding (text), such as 'utf-8'", _isEncoding)
PATTERN = Kind("a regular expression (text)", _isPattern, _patternDetail)
SIGNAL = Kind(
    "the name of a signal without SIG, as in 'INT'",
    lambda value: isinstance(value, str) and value in _SIGNALS,
)


def branches(value: object) -> bool:
    """True for a list of branches."""
    return isinstance(value, (list, tuple, set, frozenset)) and all(
        each is None or isText(each) for each in value
    )


def _areNamesOrOne(value: object) -> bool:
    return isText(value) or (isinstance(value, (list, tuple, set, frozenset)) and all(map(isText, value)))


#: One name may stand without a list around it.
NAMES_OR_ONE = Kind("a list of names", _areNamesOrOne)
BRANCH = Kind(
    "a branch (text), or None for the main line", lambda value: value is None or isText(value), textDetail
)
BRANCHES = Kind("a list of branches, or None for all", lambda value: value is None or branches(value))


def sequenceOf(each: Callable[[Any], object]) -> Callable[[object], bool]:
    """Make a function that is True for lists and tuples whose items all satisfy C{each}."""
    return lambda value: (
        isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and all(map(each, value))
    )

# -*- test-case-name: tests.unit.config.test_messages -*-
"""Words and small helpers for the rules of the configuration.

This module contains no rules.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from buildbot.config.model import ConfigError
from buildbot.config.pluginerrors import pluginErrors
from buildbot.text.similar import closest

#: BuildmasterConfig as the file left it, unchecked.
Raw = Mapping[str, object]


#: The most bytes of a name; file systems have the same limit.
LONGEST_NAME = 255
#: The most characters of a value in a message.
LONGEST_SHOWN = 60

#: Makes an error from a sentence.
Say = Callable[[str], ConfigError]


class Report:
    """I make a L{ConfigError} from a sentence and find the line that it concerns."""

    def __init__(
        self,
        filename: str,
        line: Callable[[str, int | None, str | None, int | None], int | None],
        madeAt: Callable[[object], tuple[str | None, int | None]] = lambda thing: (None, None),
        renamed: Mapping[str, str] | None = None,
    ) -> None:
        """
        @param line: as L{Locations.line}.
        @param madeAt: finds where an object was created: see L{secrets.Loading}.
        @param renamed: key of this release -> the key that the file has instead.
        """
        self._filename = filename
        self._line = line
        self._madeAt = madeAt
        self._renamed = renamed or {}

    def __call__(self, message: str, key: str | None = None) -> ConfigError:
        """Make an error about a key, or about the whole file."""
        line = None if key is None else self._line(self._renamed.get(key, key), None, None, None)
        return ConfigError(self._inItsWords(message), self._filename, line)

    def item(self, raw: Raw, key: str, index: int, name: str | None = None) -> Say:
        """Return a function that makes errors about one item of the list at a key."""
        return partial(self._aboutItem, raw, key, index, name)

    def _aboutItem(self, raw: Raw, key: str, index: int, name: str | None, message: str) -> ConfigError:
        values = entries(raw, key)
        filename, line = self._madeAt(values[index]) if index < len(values) else (None, None)
        if filename is None:
            written = self._renamed.get(key, key)
            filename, line = self._filename, self._line(written, index, name, len(values) or None)
        return ConfigError(self._inItsWords(message), filename, line)

    def _inItsWords(self, message: str) -> str:
        """The message with the keys that the file has."""
        for key, written in self._renamed.items():
            message = message.replace(f"c[{key!r}]", f"c[{written!r}]")
        return message


def entries(raw: Raw, key: str) -> Sequence[object]:
    """The entries of the list at a key; empty if it is not a list."""
    value = raw.get(key)
    return value if isinstance(value, (list, tuple)) else ()


def articled(value: object) -> str:
    """The type of a value in words. Never the value itself: it may be a password."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


def noText(value: object) -> str:
    """The type of a value that should be a text, with a hint for bytes: they were texts in Python 2."""
    hint = ": take out .encode(…), or open the file with mode 'r'" if isinstance(value, bytes) else ""
    return f"{articled(value)}{hint}"


def asList(value: object) -> str:
    """A hint for values that were lists in Python 2; "" for all others."""
    isOne = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    return f": write list(…) around this {type(value).__name__}" if isOne else ""


def shown(value: object, isSecret: bool = False) -> str:
    """A value for a message: its text if short, else only its type; secrets only by type."""
    if isinstance(value, str) and not isSecret:
        # convert to str: the __repr__ of a subclass may differ or raise
        told = str.__repr__(value)
        return f"the text {told}" if len(value) <= LONGEST_SHOWN else f"a text of {len(value)} characters"
    if isinstance(value, (bool, int, float)) and not isSecret:
        try:
            told = repr(value)
        except ValueError:  # Python refuses to print numbers of more than 4300 digits
            return "a number of too many digits"
        return told if len(told) <= LONGEST_SHOWN else "a number of too many digits"
    return "a text" if isinstance(value, str) else articled(value)


def quoted(text: str) -> str:
    """A text for a message, quoted and shortened."""
    return str.__repr__(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")


def digits(number: int) -> str:
    """A number for a message, also a very large one."""
    return f"{number}" if abs(number) < 10**20 else "with so many digits"


def listing(names: Iterable[str], most: int = 10) -> str:
    """Names in the order given, C{"a, b and 7 more"} if they are many, C{"none"} if there is none."""
    every = list(names)
    shown = ", ".join(every[:most])
    return f"{shown} and {len(every) - most} more" if len(every) > most else shown or "none"


def nearest(name: str, known: Iterable[str]) -> str:
    """C{"; did you mean 'x'?"} for the known name that is most like this one, "" if none is."""
    like = closest(name, known)
    return f"; did you mean {like!r}?" if like else ""


def textTrouble(text: str) -> str | None:
    """The fault of a name, in words that follow C{"a name that"}, or None.

    Marks of direction may be in a name. Output escapes them; see L{buildbot.text.printable.HARMFUL}.
    """
    if not text.strip():
        return "is empty"
    if not text.isprintable() and any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text
    ):
        return "has control characters"
    return None


def nameTrouble(text: str) -> str | None:
    """The fault of a name that is stored and displayed, in words that follow C{"a name that"}, or None."""
    trouble = textTrouble(text)
    if text in (".", ".."):
        return "cannot be a part of a web address"  # browsers remove it, quoted or not
    if trouble is None and len(text.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} bytes"
    return trouble


def isEncodable(text: str) -> bool:
    """True if UTF-8 can encode a text."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def inOneLine(error: BaseException) -> str:
    """The type and text of an exception in one line. Never raises."""
    kind = type(error).__name__
    try:
        text = " ".join(str(error).split())
    except pluginErrors():  # the exception's __str__ is broken
        text = "(its text cannot be shown)"
    return f"{kind}: {text}" if text else kind

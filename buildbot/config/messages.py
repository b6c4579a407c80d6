# -*- test-case-name: tests.unit.config.test_messages -*-
"""The words in which the rules of the configuration talk, and the few questions that all of them ask.

No rule lives here.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial

from buildbot.config.model import ConfigError
from buildbot.text.similar import closest

#: c = BuildmasterConfig as the file left it: anything may be in it.
Raw = Mapping[str, object]


#: Bytes of a name; a directory or a file cannot have more either.
LONGEST_NAME = 255
#: Characters of a value that a message shows.
LONGEST_SHOWN = 60

#: Makes an error of a sentence.
Say = Callable[[str], ConfigError]


class Report:
    """I make a L{ConfigError} of a sentence, with the line that it is about, as well as that can be found."""

    def __init__(
        self,
        filename: str,
        line: Callable[[str, int | None, str | None, int | None], int | None],
        madeAt: Callable[[object], tuple[str | None, int | None]] = lambda thing: (None, None),
    ) -> None:
        """
        @param line: as L{Places.line}.
        @param madeAt: where an object was made, if that is known: see L{secrets.Loading}.
        """
        self._filename = filename
        self._line = line
        self._madeAt = madeAt

    def __call__(self, message: str, key: str | None = None) -> ConfigError:
        """About a key, or about the whole file."""
        return ConfigError(
            message, self._filename, None if key is None else self._line(key, None, None, None)
        )

    def item(self, raw: Raw, key: str, index: int, name: str | None = None) -> Say:
        """For sentences about one item of the list at a key, and its name if it has one."""
        return partial(self._aboutItem, raw, key, index, name)

    def _aboutItem(self, raw: Raw, key: str, index: int, name: str | None, message: str) -> ConfigError:
        values = entries(raw, key)
        filename, line = self._madeAt(values[index]) if index < len(values) else (None, None)
        if filename is None:
            filename, line = self._filename, self._line(key, index, name, len(values) or None)
        return ConfigError(message, filename, line)


def entries(raw: Raw, key: str) -> Sequence[object]:
    """The entries of the list at a key; none if there is no list."""
    value = raw.get(key)
    return value if isinstance(value, (list, tuple)) else ()


def articled(value: object) -> str:
    """What kind of thing a value is, never the value itself: it may be a password."""
    if value is None:
        return "None"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    kind = type(value).__name__
    return f"{'an' if kind[0] in 'aeiouAEIOU' else 'a'} {kind}"


def asList(value: object) -> str:
    """A hint for what was a list in Python 2, and is none any more; "" for anything else."""
    isOne = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    return f": write list(…) around this {type(value).__name__}" if isOne else ""


def shown(value: object, isSecret: bool = False) -> str:
    """A value as a message shows it: short ones as they are, of others, and of secret ones, what they are."""
    if isinstance(value, str) and not isSecret:
        # the text itself: a subclass may write itself in another way, or not at all
        told = str.__repr__(value)
        return f"the text {told}" if len(value) <= LONGEST_SHOWN else f"a text of {len(value)} characters"
    if isinstance(value, (bool, int, float)) and not isSecret:
        try:
            told = repr(value)
        except ValueError:  # Python shows no number of more than 4300 digits
            return "a number of too many digits"
        return told if len(told) <= LONGEST_SHOWN else "a number of too many digits"
    return "a text" if isinstance(value, str) else articled(value)


def quoted(text: str) -> str:
    """A text as a message repeats it: the beginning of a long one."""
    return str.__repr__(text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…")


def digits(number: int) -> str:
    """A number as a message repeats it."""
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
    """Why a text cannot be a name, as in C{"a name that ..."}; None if it can."""
    if not text.strip():
        return "is empty"
    if not text.isprintable() and any(
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in text
    ):
        return "has control characters"
    return None


def nameTrouble(text: str) -> str | None:
    """Why a text cannot be a name that is kept and shown, as in C{"a name that ..."}; None if it can."""
    trouble = textTrouble(text)
    if trouble is None and len(text.encode("utf-8", "surrogateescape")) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} bytes"
    return trouble


def isEncodable(text: str) -> bool:
    """Whether UTF-8 knows all characters of a text."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def inOneLine(error: BaseException) -> str:
    """The kind of an exception, and what it says of itself if anything; total, however it is made."""
    kind = type(error).__name__
    try:
        text = " ".join(str(error).split())
    except Exception:  # a __str__ that is itself broken
        text = "(what it says cannot be shown)"
    return f"{kind}: {text}" if text else kind

# -*- test-case-name: tests.unit.wire.test_dialect -*-
"""Convert between bytes and text for peers on Python 2 and 3, and recognize the generation of a peer.

A peer on Python 2 sends bytes where one on Python 3 sends text, as keys of dictionaries too. This module
converts words (names, branches, properties) to text and back. It does not convert payload (output, file
contents). L{buildbot.wire.jelly} decides which values are allowed. This module sends and receives nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any, ClassVar

from buildbot.text.printable import HARMFUL, HARMFUL_IN_LINES


class NotAWord(TypeError):
    """A peer sent a value of another type instead of a name or other word."""


def word(value: object) -> str:
    """Convert a word (name, branch or similar) from any peer to text.

    Bytes that are not UTF-8 become surrogates. L{Dialect.toPeer} converts them back for Python 2 peers.

    @raise NotAWord: the value is neither bytes nor text.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    raise NotAWord(f"a word must be text or bytes, not {type(value).__name__}")


_HARMFUL_IN_A_LINE = re.compile(f"[{HARMFUL}]")
_BLOCK = 4096
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text(value: object, limit: int = 1024, lines: bool = False) -> str:
    """Convert any value from a peer to text for display: in a log line, on a terminal, on a page.

    Never raises. Invalid UTF-8 becomes U+FFFD, control characters become visible escapes.

    @param limit: the most characters of the result; shortened text ends in an ellipsis.
    @param lines: True to keep line ends and tabs.
    @return: bytes, text and numbers as text; for others, the name of the type in angle brackets.
    """
    if isinstance(value, bytes):
        # UTF-8 uses at most four bytes for a character.
        shown = value[: 4 * limit + 4].decode("utf-8", "replace")
    elif isinstance(value, str):
        shown = value[: limit + 1]
    elif isinstance(value, (int, float)):
        # str() of an int of more than 4300 digits raises ValueError; hex() does not.
        shown = hex(value) if isinstance(value, int) and value.bit_length() > 1024 else str(value)
    else:
        shown = f"<{type(value).__name__}>"
    shown = _escaped(HARMFUL_IN_LINES if lines else _HARMFUL_IN_A_LINE, shown[: limit + 1], limit)
    return shown if len(shown) <= limit else shown[: max(limit - 1, 0)] + "…"[:limit]


def _escaped(harmful: re.Pattern[str], said: str, limit: int) -> str:
    """Escape a text up to the limit. Escapes can make it several times as long."""
    if len(said) <= _BLOCK:
        return harmful.sub(_escape, said)
    parts: list[str] = []
    length = 0
    for at in range(0, len(said), _BLOCK):
        parts.append(harmful.sub(_escape, said[at : at + _BLOCK]))
        length += len(parts[-1])
        if length > limit:
            break
    return "".join(parts)


def _escape(match: re.Match[str]) -> str:
    if match[0] in _NAMED:
        return _NAMED[match[0]]
    code = ord(match[0])
    if 0xD800 <= code < 0xE000:
        return "\ufffd"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def fromPeer(value: Any) -> Any:
    """Convert the keys of all dictionaries in a value from a peer to text (L{word}); keep the values."""
    kind = type(value)
    if kind is dict:
        return {
            key.decode("utf-8", "surrogateescape") if type(key) is bytes else key: fromPeer(each)
            for key, each in value.items()
        }
    if kind is list:
        return [fromPeer(each) for each in value]
    if kind is tuple:
        return tuple([fromPeer(each) for each in value])
    return value


class Dialect(Enum):
    """The string type of a peer: bytes of Python 2 or text of Python 3."""

    PYTHON2 = 2
    PYTHON3 = 3

    @classmethod
    def of(cls, commands: Mapping[Any, object]) -> Dialect:
        """The dialect of a peer, from its unconverted answer to C{getCommands}.

        A peer without commands is older than that call, and runs on Python 2.
        """
        return cls.PYTHON3 if commands and all(isinstance(key, str) for key in commands) else cls.PYTHON2

    def toPeer(self, value: object) -> Any:
        """Convert the text in C{value} for a peer of this dialect.

        For Python 2, text becomes UTF-8 bytes everywhere, also in keys. Surrogates from L{word} become the
        original bytes again. Other values, and their containers, do not change.

        @raise UnicodeEncodeError: the text contains lone surrogates that are not from L{word}.
        """
        return _encoded(value) if self is Dialect.PYTHON2 else value


def _encoded(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    kind = type(value)
    if kind is dict:
        return {_encoded(key): _encoded(each) for key, each in value.items()}
    if kind in (list, tuple, set, frozenset):
        return kind([_encoded(each) for each in value])
    return value


# ---- generations


@lru_cache(maxsize=1000)  # each step compares some versions
def _numbers(version: str) -> tuple[int, ...]:
    """The leading numbers of a version: 0, 7 and 11 for "0.7.11p3". Trailing zeros are dropped."""
    found: list[int] = []
    for part in version.split(".")[:8]:
        digits = re.match(r"[0-9]{1,9}", part)
        if digits is None:
            break
        found.append(int(digits[0]))
        if digits.end() < len(part):
            break
    while found and found[-1] == 0:
        found.pop()
    return tuple(found)


def versionAtLeast(version: str | None, wanted: str) -> bool:
    """True if C{version} is C{wanted} or later, compared by number: "2.16" is later than "2.9".

    False for C{version} None. (0.7.5 compared versions as text.)
    """
    return version is not None and _numbers(version) >= _numbers(wanted)


def collectsOutput(generation: str | None, version: str | None) -> bool:
    """True if a slave sends the output of a command every 5 seconds, or when it has 64 KB.

    All workers and all slaves since 0.8.1 do that. Older slaves send the output at once.

    @param generation: L{Generation} as text.
    """
    return (generation or "").startswith("worker") or versionAtLeast(version, "0.8.1")


@dataclass(frozen=True)
class Generation:
    """The known facts about the software of a peer.

    @ivar kind: C{"slave"} (up to 0.8), C{"worker"} (0.9 and later) or C{"unknown"}.
    @ivar commandVersion: the version of its commands, such as "2.9"; None if unknown.
    @ivar version: the version of its software; None if unknown.
    @ivar python: 2 or 3; None if unknown.
    """

    kind: str
    commandVersion: str | None = None
    version: str | None = None
    python: int | None = None

    #: The generation of a peer that has not answered yet.
    UNKNOWN: ClassVar[Generation]

    def __str__(self) -> str:
        """Text for people, such as "slave 0.7.12 (python 2)" or "slave 0.7.5 or older (python 2)"."""
        python = f" (python {self.python})" if self.python else ""
        return f"{self.kind}{self._release()}{python}"

    def _release(self) -> str:
        if self.version:
            return f" {self.version}"
        if self.commandVersion is None:
            return ""
        # The commands of 0.7.5 have version 2.2, those of 0.7.6 have 2.3. Both releases lack getVersion.
        if not versionAtLeast(self.commandVersion, "2.3"):
            return " 0.7.5 or older"
        return f" with commands {self.commandVersion}"


Generation.UNKNOWN = Generation("unknown")


def generation(commands: Mapping[Any, object], dialect: Dialect, version: str | None = None) -> Generation:
    """Determine the generation of a peer from its answers.

    @param commands: command name -> version, the answer to C{getCommands}; {} if there was none.
    @param version: the answer to C{getVersion}; None if there was none.
    """
    commandVersion = _newest(text(each, 32) for each in commands.values())
    if commandVersion is None:
        kind = "unknown"
    else:
        kind = "worker" if versionAtLeast(commandVersion, "3") else "slave"
    return Generation(kind, commandVersion, text(version, 64) if version else None, dialect.value)


def _newest(versions: Iterable[str]) -> str | None:
    """The highest version that has digits, or None. All commands of a genuine slave have the same version."""
    return max((version for version in versions if _numbers(version)), key=_numbers, default=None)

# -*- test-case-name: tests.unit.process.test_updates -*-
"""Convert a slave's updates about a command to the form that steps of 0.7.5 expect, with text for words.

Slaves on Python 2 send bytes, and slaves on Python 3 text. Output is not converted, because logs hold bytes.
A plug-in that reads the output gets text that can be encoded to the same bytes again.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any

from buildbot.wire.budget import PIECE, weigh
from buildbot.wire.dialect import fromPeer, word

#: The keys of an update with output.
OUTPUT = frozenset(("stdout", "stderr", "header", "log"))

#: The most logs of a command whose split characters are joined.
MOST_SOURCES = 100
#: The most memory for the name of such a log.
LONGEST_SOURCE = 4096
_newDecoder = codecs.getincrementaldecoder("utf-8")


class SlaveSaid(RuntimeError):
    """A slave reported an error of a command, or sent an invalid update; not a bug of the master."""


def isPair(value: object) -> bool:
    """True for a list or tuple of two: a pair may arrive as either."""
    return isinstance(value, (list, tuple)) and len(value) == 2


def decodeUpdate(update: Any) -> dict[str, Any]:
    """The dictionary of an update, with keys and words as text. Output is not converted.

    @raise SlaveSaid: the update is invalid.
    """
    if not isPair(update) or not isinstance(update[0], dict):
        raise SlaveSaid("the slave sent an invalid update")
    news: dict[str, Any] = {}
    for key, value in update[0].items():
        name = _key(key)
        news[name] = fromPeer(value) if name in OUTPUT else worded(value)
    return news


def _key(key: object) -> Any:
    return word(key) if type(key) is bytes else key


def decodeSingle(args: list[Any]) -> tuple[str, bytes | str | int] | None:
    """The key and the value of an update that is one piece of output, or an exit status. Most updates are.

    This is a fast path with the same result as L{buildbot.wire.jelly.unjelly} and L{decodeUpdate}.

    @param args: the arguments of the call as received.
    @return: None for any other update, and for an invalid one.
    """
    try:
        arguments, (updates, (update, (dictionary, (key, value)), number)) = args
    except (TypeError, ValueError):
        return None
    if (
        dictionary != b"dictionary"
        or update != b"list"
        or updates != b"list"
        or arguments != b"tuple"
        or type(number) is not int
    ):
        return None
    word = _said(key)
    if word == b"rc" and type(value) is int:
        return "rc", value
    name = _PIECES.get(word)
    said = value if type(value) is bytes else _said(value)
    if name is None or said is None:
        return None
    try:
        return name, said if said is value else said.decode()
    except UnicodeDecodeError:
        return None


def piecesOf(update: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the keys of an update one at a time, and long output in pieces."""
    for key, value in update.items():
        if key == "log" and isPair(value) and isinstance(value[-1], (bytes, str)):
            for at in range(0, len(value[-1]), PIECE):
                yield {key: [*value[:-1], value[-1][at : at + PIECE]]}
        elif key != "log" and key in OUTPUT and isinstance(value, (bytes, str)):
            for at in range(0, len(value), PIECE):
                yield {key: value[at : at + PIECE]}
        else:
            yield {key: value}


def _said(value: Any) -> bytes | None:
    """The bytes of a received word, or the UTF-8 of a received text; None for anything else."""
    if type(value) is list:
        value = value[1] if len(value) == 2 and value[0] == b"unicode" else None
    return value if type(value) is bytes else None


_PIECES: dict[bytes | None, str] = {b"stdout": "stdout", b"stderr": "stderr", b"header": "header"}


def worded(value: Any) -> Any:
    """A value from a slave, with all bytes in it, keys included, converted to text; see L{word}."""
    kind = type(value)
    if kind is bytes:
        return word(value)
    if kind is list:
        return [worded(each) for each in value]
    if kind is tuple:
        return tuple([worded(each) for each in value])
    if kind is dict:
        return {_key(key): worded(each) for key, each in value.items()}
    return value


class OutputText:
    """I decode the output of one command to text that a log encodes to the same bytes again."""

    def __init__(self) -> None:
        self._decoders: dict[Any, codecs.IncrementalDecoder] = {}

    def read(self, news: dict[str, Any]) -> dict[str, Any]:
        """The update with its output as text. A split character is delivered with the next output."""
        return {key: self._of(key, value) if key in OUTPUT else value for key, value in news.items()}

    def _of(self, key: str, value: Any) -> Any:
        if key == "log":
            if not isPair(value) or not isinstance(value[0], (bytes, str)):
                return value
            name = word(value[0])
            return [name, self._decoded((key, name), value[1])]
        return self._decoded((key, None), value)

    def _decoded(self, source: object, data: object) -> Any:
        if not isinstance(data, bytes):
            return data
        if source not in self._decoders:
            if len(self._decoders) == MOST_SOURCES or weigh(source) > LONGEST_SOURCE:
                return data.decode("utf-8", "surrogateescape")
            self._decoders[source] = _newDecoder("surrogateescape")
        return self._decoders[source].decode(data)

    def rest(self) -> Iterator[dict[str, Any]]:
        """Updates with the incomplete characters at the end of the output."""
        for (key, name), decoder in self._decoders.items():
            text = decoder.decode(b"", True)
            if text:
                yield {key: text if name is None else [name, text]}

# -*- test-case-name: tests.unit.process.test_updates -*-
"""
What a slave says of a command, as steps and commands of 0.7.5 want to read it: words are text.

Slaves on Python 2 send bytes, those on Python 3 text.  Output stays as it came, for logs hold bytes.  A
plug-in that takes it on its way is given text that becomes the same bytes again.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from typing import Any

from buildbot.wire.budget import weigh
from buildbot.wire.dialect import fromPeer, word

#: What of an update is output.
OUTPUT = frozenset(("stdout", "stderr", "header", "log"))

#: Of so many logs, characters are put together that were cut on their way; names may take so much memory.
MOST_SOURCES = 100
LONGEST_SOURCE = 4096
_newDecoder = codecs.getincrementaldecoder("utf-8")


class SlaveSaid(RuntimeError):
    """What a slave said of a command is bad news, or nothing that anybody can read; no fault of our code."""


def isPair(value: object) -> bool:
    """Whether it may be what a pair became on its way."""
    return isinstance(value, (list, tuple)) and len(value) == 2


def newsIn(update: Any) -> dict[str, Any]:
    """
    What an update tells: its keys as text, and all words but the output.

    @raise SlaveSaid: it is none.
    """
    if not isPair(update) or not isinstance(update[0], dict):
        raise SlaveSaid("the slave sent an update that is none")
    news: dict[str, Any] = {}
    for key, value in update[0].items():
        name = _key(key)
        news[name] = fromPeer(value) if name in OUTPUT else worded(value)
    return news


def _key(key: Any) -> Any:
    return word(key) if type(key) is bytes else key


def soleNews(args: list[Any]) -> tuple[str, bytes | str | int] | None:
    """
    The key and the value of an update that is one piece of output, or an exit status. Most updates are.

    This is a shortcut: L{buildbot.wire.jelly.unjelly} and L{newsIn} would come to the same.

    @param args: the arguments of the call as they came over the wire.
    @return: None if it is any other update, or if anything is wrong with it.
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


def _said(value: Any) -> bytes | None:
    """The UTF-8 of text, or the bytes of a word, as it came over the wire; None if it is neither."""
    if type(value) is list:
        value = value[1] if len(value) == 2 and value[0] == b"unicode" else None
    return value if type(value) is bytes else None


_PIECES: dict[bytes | None, str] = {b"stdout": "stdout", b"stderr": "stderr", b"header": "header"}


def worded(value: Any) -> Any:
    """A value of a slave with all bytes in it as text, keys too; see L{word}."""
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
    """I make text of the output of one command; a log makes the same bytes of it again."""

    def __init__(self) -> None:
        self._decoders: dict[Any, codecs.IncrementalDecoder] = {}

    def read(self, news: dict[str, Any]) -> dict[str, Any]:
        """The news with its output as text; a character that is cut comes with the next output."""
        return {key: self._of(key, value) if key in OUTPUT else value for key, value in news.items()}

    def _of(self, key: str, value: Any) -> Any:
        if key == "log":
            if not isPair(value) or not isinstance(value[0], (bytes, str)):
                return value
            name = word(value[0])
            return [name, self._decoded((key, name), value[1])]
        return self._decoded((key, None), value)

    def _decoded(self, source: Any, data: Any) -> Any:
        if not isinstance(data, bytes):
            return data
        if source not in self._decoders:
            if len(self._decoders) == MOST_SOURCES or weigh(source) > LONGEST_SOURCE:
                return data.decode("utf-8", "surrogateescape")
            self._decoders[source] = _newDecoder("surrogateescape")
        return self._decoders[source].decode(data)

    def rest(self) -> Iterator[dict[str, Any]]:
        """Updates with what was cut for good."""
        for (key, name), decoder in self._decoders.items():
            text = decoder.decode(b"", True)
            if text:
                yield {key: text if name is None else [name, text]}

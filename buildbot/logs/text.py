# -*- test-case-name: tests.unit.logs.test_text -*-
"""Decode the bytes of a log's channels to text, chunk by chunk.

A character that is split between two chunks is returned with the second one. Invalid UTF-8 becomes U+FFFD.
This module reads no files.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from buildbot.logs.format import Chunk

_newDecoder = codecs.getincrementaldecoder("utf-8")


class ChunkDecoder:
    """I decode the chunks of one log, in their order."""

    def __init__(self) -> None:
        self._decoders: dict[int, codecs.IncrementalDecoder] = {}

    def decode(self, channel: int, data: bytes) -> str:
        """The text of the next chunk; empty if it ends within its first character."""
        decoder = self._decoders.get(channel)
        if decoder is None:
            decoder = self._decoders[channel] = _newDecoder("replace")
        return decoder.decode(data)

    def finish(self) -> list[tuple[int, str]]:
        """(channel, text) of the characters that are incomplete at the end of the log."""
        rests = [(channel, decoder.decode(b"", True)) for channel, decoder in self._decoders.items()]
        return [(channel, rest) for channel, rest in rests if rest]


def decoded(chunks: Iterable[Chunk]) -> Iterator[tuple[int, str]]:
    """(channel, text) for all chunks of a log, without empty ones."""
    decoder = ChunkDecoder()
    for channel, data in chunks:
        text = decoder.decode(channel, data)
        if text:
            yield channel, text
    yield from decoder.finish()

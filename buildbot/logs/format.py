# -*- test-case-name: tests.unit.logs.test_format -*-
"""The format of log files, as in 0.7.5: a sequence of chunks of bytes, each with its channel.

A chunk is C{LENGTH:CHANNELDATA,}. The length, in decimal digits, counts the channel (one digit) and the data.
The data is unconverted slave output. This module uses no files.
"""

from __future__ import annotations

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT

#: A chunk: channel and data.
Chunk = tuple[int, bytes]

CHANNELS = (LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR, LOG_CHANNEL_HEADER)

#: The longest valid chunk; slaves cannot send more at once.
MAX_LENGTH = 1 << 24
_MAX_DIGITS = len(str(MAX_LENGTH))
_COLON, _COMMA, _ZERO = b":,0"


#: The bytes before and after the data in a chunk: C{BEFORE % (size of the data + 1, channel)}, and C{AFTER}.
BEFORE, AFTER = b"%d:%d", b","


class BadLog(ValueError):
    """No chunk begins at C{offset}, in bytes from the start of the parser."""

    def __init__(self, offset: int) -> None:
        ValueError.__init__(self, f"no chunk of a log begins at byte {offset}")
        self.offset = offset


def encode(channel: int, data: bytes) -> bytes:
    """Encode one chunk.

    @param channel: 0 to 9; see L{CHANNELS}.
    """
    return b"%d:%d%b," % (len(data) + 1, channel, data)


class ChunkParser:
    """I find the chunks in a file that is fed to me in pieces, in linear time.

    @ivar offset: the offset in the file of the first chunk that I have not returned.
    """

    def __init__(self, offset: int = 0) -> None:
        """@param offset: the offset in the file of the first byte that is fed."""
        self.offset = offset
        self._pieces: list[bytes] = []
        self._have = 0
        self._need = 1

    def feed(self, piece: bytes) -> list[Chunk]:
        """Add a piece. Return the chunks that are complete now.

        @raise BadLog: the data after the last returned chunk is not a chunk.
        """
        self._pieces.append(piece)
        self._have += len(piece)
        if self._have < self._need:
            return []
        text = b"".join(self._pieces)
        chunks, used, self._need = _parse(text)
        self._pieces = [text[used:]]
        self._have = len(text) - used
        self.offset += used
        if not self._need:
            if chunks:  # return the valid ones first; the next call raises the error
                self._need = 1
                return chunks
            raise BadLog(self.offset)
        return chunks


def _parse(text: bytes) -> tuple[list[Chunk], int, int]:
    """Return the chunks at the beginning, their end, and the length that the rest needs for another chunk.

    The last is 0 if the rest is not valid.
    """
    chunks: list[Chunk] = []
    at, size = 0, len(text)
    while at < size:
        colon = text.find(b":", at, at + _MAX_DIGITS + 1)
        digits = text[at : colon if colon >= 0 else at + _MAX_DIGITS + 1]
        if colon < 0:
            return chunks, at, len(digits) + 1 if _isStart(digits) else 0
        length = int(digits) if digits.isdigit() else 0
        if not 0 < length <= MAX_LENGTH:
            return chunks, at, 0
        end = colon + 1 + length
        if end >= size:
            return chunks, at, end + 1 - at
        channel = text[colon + 1] - _ZERO
        if text[end] != _COMMA or not 0 <= channel <= 9:
            return chunks, at, 0
        chunks.append((channel, text[colon + 2 : end]))
        at = end + 1
    return chunks, at, 1


def _isStart(digits: bytes) -> bool:
    """True if a length can begin with these digits."""
    return len(digits) <= _MAX_DIGITS and (not digits or digits.isdigit())

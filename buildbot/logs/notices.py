# -*- test-case-name: tests.unit.logs.test_view -*-
"""The notes that the master itself writes into a log: made and recognised.

Each note is one chunk of the header channel. This module uses no files.
"""

from __future__ import annotations

import re

from buildbot.interfaces import LOG_CHANNEL_HEADER
from buildbot.logs.format import BadLog, Chunk
from buildbot.text.plural import counted

_NOTICE = re.compile(
    rb"\n\[(?:([0-9]{1,18}) bytes? (?:left out|lost) here(?:: [^\n]*)?"
    rb"|this log is too long: [^\n]*|the log is damaged from byte [0-9]+ on)\]\n"
)
#: Longer chunks are no notes.
_LONGEST = 1000


def _note(text: str) -> Chunk:
    return LOG_CHANNEL_HEADER, f"\n[{text}]\n".encode()


def tooLong() -> Chunk:
    """The note at the end of the head of a log that is too long."""
    return _note("this log is too long: from here on, only its end is kept")


def leftOut(size: int) -> Chunk:
    """The note between the head and the tail.

    @param size: the bytes of output that the log lacks there.
    """
    return _note(f"{counted(size, 'byte')} left out here")


def lost(size: int, why: str) -> Chunk:
    """The note in place of output that the disk did not take."""
    return _note(f"{counted(size, 'byte')} lost here: {why}")


def damaged(damage: BadLog) -> Chunk:
    """The note in place of the rest of a damaged file."""
    return _note(f"the log is damaged from byte {damage.offset} on")


def missing(channel: int, data: bytes) -> int | None:
    """The bytes of output in whose place a chunk stands; None if the chunk is output itself.

    The notes that tell no number stand for 0 bytes.
    """
    if channel != LOG_CHANNEL_HEADER or data[:2] != b"\n[" or len(data) > _LONGEST:
        return None
    found = _NOTICE.fullmatch(data)
    return int(found[1] or 0) if found else None


def outputOf(channel: int, data: bytes) -> int:
    """The bytes of output of a chunk, or those in whose place it stands."""
    if channel != LOG_CHANNEL_HEADER:
        return len(data)
    lacking = missing(channel, data)
    return len(data) if lacking is None else lacking

# -*- test-case-name: tests.unit.logs.test_firstscreen -*-
"""The beginning or the end of a very long log, read before its index is made.

All functions block: call them in a thread. They read a few megabytes at most.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress

from buildbot.files.plain import readPlain
from buildbot.logs.format import BadLog, ChunkParser
from buildbot.logs.index import LogIndex
from buildbot.logs.lines import LONGEST
from buildbot.logs.tail import Tail
from buildbot.logs.view import LogView

#: The numbers of bytes at the end to try, one after the other. One chunk may have 16 MB.
_ENDS = (1 << 18, 1 << 21, 17 << 20)
#: The bytes at the beginning.
_BEGINNING = 1 << 20
#: The number of complete chunks that must come before an incomplete chunk.
_SURE = 3
_BORDER = re.compile(rb",(?=[1-9]\d{0,7}:\d)")
_HEAD = re.compile(rb"([1-9]\d{0,7}):\d")


def beginningOf(path: str, longest: int = LONGEST) -> LogView:
    """A view of the first lines, with their numbers.

    @raise OSError: the file is gone, or the disk is broken.
    """
    index = LogIndex()
    with readPlain(path) as file:
        parser = ChunkParser()
        with suppress(BadLog):
            index.add(parser.feed(file.read(_BEGINNING)), parser.offset, None)
    return LogView(path, index, False, None, longest, isPart=True)


def endOf(path: str, longest: int = LONGEST) -> LogView | None:
    """A view of the last lines. It does not know their numbers. None: no chunk is found.

    @raise OSError: the file is gone, or the disk is broken.
    """
    with readPlain(path) as file:
        size = os.fstat(file.fileno()).st_size
        for length in _ENDS:
            begin = max(0, size - length)
            file.seek(begin)
            data = file.read(size - begin)
            place = firstChunk(data)
            if place is not None:
                tail = Tail(begin + place, (data[place:],))
                return LogView(path, LogIndex(), False, tail, longest, isPart=True)
    return None


def firstChunk(data: bytes) -> int | None:
    """The place of the first chunk in the last bytes of a log; None if no chunk is found.

    Output may look like a chunk. So a chunk counts only if the chunks after it lead to the end of the log.
    """
    bad: set[int] = set()
    for found in _BORDER.finditer(data):
        if _leadsToTheEnd(data, found.end(), bad):
            return found.end()
    return None


def _leadsToTheEnd(data: bytes, at: int, bad: set[int]) -> bool:
    """True if chunks lead from a place to the end.

    @param bad: the places from which no chunks lead to the end. This function adds more.
    """
    passed: list[int] = []
    while at < len(data):
        head = None if at in bad else _HEAD.match(data, at)
        if head is None:
            bad.update(passed)
            return False
        passed.append(at)
        end = head.end() - 1 + int(head[1])
        if end >= len(data):
            return len(passed) > _SURE
        if data[end : end + 1] != b",":
            bad.update(passed)
            return False
        at = end + 1
    return True

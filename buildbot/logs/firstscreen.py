# -*- test-case-name: tests.unit.logs.test_firstscreen -*-
"""The beginning, the end or a part between of a very long log, read before its index is made.

All functions block: call them in a thread. They read a few megabytes at most, unless a far line is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress

from buildbot.logs.format import BadLog, Chunk, ChunkParser, encode
from buildbot.logs.index import Block, LogIndex
from buildbot.logs.lines import LONGEST
from buildbot.logs.mounts import lengthOf, openLog
from buildbot.logs.naps import Naps
from buildbot.logs.tail import Tail
from buildbot.logs.view import LogView

#: A function of the place up to which a log is read. Returns True if that is far enough.
Enough = Callable[[Block], bool]
#: The numbers of bytes at the end to try, one after the other. One chunk may have 16 MB.
_ENDS = (1 << 18, 1 << 21, 17 << 20)
#: The bytes at the beginning.
_BEGINNING = 1 << 20
#: The number of complete chunks that must come before an incomplete chunk.
_SURE = 3
_BORDER = re.compile(rb",(?=[1-9]\d{0,7}:\d)")
_HEAD = re.compile(rb"([1-9]\d{0,7}):\d")


def beginningOf(path: str, longest: int = LONGEST, isEnough: Enough | None = None) -> LogView:
    """A view of the first lines, with their numbers.

    @param isEnough: tells of the end of what is read whether it is far enough; None: a megabyte is.
    @raise OSError: the file is gone, or the disk is broken.
    """
    index = LogIndex()
    naps = Naps()
    with openLog(path) as file:
        parser = ChunkParser()
        with suppress(BadLog):
            while piece := file.read(_BEGINNING):
                index.add(parser.feed(piece), parser.offset, None)
                if isEnough is None or isEnough(index.end):
                    break
                naps.mayNap()
    return LogView(path, index, False, None, longest, isPart=True)


def endOf(path: str, longest: int = LONGEST) -> LogView | None:
    """A view of the last lines. It does not know their numbers. None: no chunk is found.

    @raise OSError: the file is gone, or the disk is broken.
    """
    with openLog(path) as file:
        size = lengthOf(file)
        for length in _ENDS:
            begin = max(0, size - length)
            file.seek(begin)
            data = file.read(size - begin)
            place = firstChunk(data)
            if place is not None:
                tail = Tail(begin + place, (data[place:],))
                return LogView(path, LogIndex(), False, tail, longest, isPart=True)
    return None


def middleOf(path: str, share: float, count: int, longest: int = LONGEST) -> LogView:
    """A view of some lines at a share of the file, such as 0.5. It does not know their numbers.

    At the beginning of the log, it has the first lines, with their numbers.

    @raise OSError: the file is gone, or the disk is broken.
    """
    with openLog(path) as file:
        wanted = int(lengthOf(file) * share)
        for length in _ENDS if wanted else ():
            begin = max(0, wanted - length)
            file.seek(begin)
            data = file.read(2 * length)
            place = firstChunk(data) if begin else 0
            if place is not None:
                chunks = _linesFrom(data[place:], wanted - begin - place, count)
                if chunks:
                    tail = Tail(begin + place, tuple(encode(*chunk) for chunk in chunks))
                    return LogView(path, LogIndex(), False, tail, longest, isPart=True)
    return beginningOf(path, longest)


def _linesFrom(data: bytes, begin: int, count: int) -> list[Chunk]:
    """Some lines as chunks: those after a place, or the last ones before it.

    @param data: begins with a chunk.
    """
    before: list[Chunk] = []
    after: list[Chunk] = []
    at = 0
    with suppress(BadLog):
        for channel, text in ChunkParser().feed(data):
            here = max(0, begin - at)
            if here < len(text):
                after.append((channel, text[here:]))
            else:
                before.append((channel, text))
            at += len(encode(channel, text))
    kept: list[Chunk] = []
    left: int | None = None  # the lines that are wanted still; None before the first newline
    for channel, text in after:
        if left is None:
            _, newline, text = text.partition(b"\n")
            left = count if newline else None
        if left is not None:
            lines = text.split(b"\n", left)
            kept.append((channel, b"\n".join(lines[:-1]) + b"\n" if len(lines) > left else text))
            left -= len(lines) - 1
            if not left:
                break
    return kept if any(text for _, text in kept) else before


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

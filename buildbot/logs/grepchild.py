# -*- test-case-name: tests.processes.test_grep -*-
"""The program that searches logs for C{buildbot grep}, which kills it if an expression takes too long.

The first line of its standard input is a JSON object: see L{Wanted}. Each further line is a JSON array: the
path of a log, and the most hits in it. It prints JSON arrays, one a line:
C{["line", number, text, place, length]}, where the place of the match is null for a line beside a hit, and
its length is 0 if it is not known; C{["at", bytes]} for how much it has searched;
C{["error", text]}; C{["damaged", offset]}; C{["gone", why]};
C{["unreadable", why]}, if it may be there; and C{["end"]} after each log.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from buildbot.interfaces import LOG_CHANNEL_HEADER
from buildbot.logs.context import Around
from buildbot.logs.format import BadLog, Chunk, ChunkParser
from buildbot.logs.matching import BadPattern, Query, Search
from buildbot.logs.mounts import openLog

#: The bytes of the file that are read at once.
PIECE = 1 << 20
#: The most seconds of CPU between two pieces, and bytes of memory, for a command that was killed.
_CPU, _MEMORY = 60, 2 << 30
#: The most hits in the headers of a log.
_HEADERS = 10_000
#: A line without end that is longer is searched in pieces.
_LONGEST_LINE = 1 << 20


class Wanted(NamedTuple):
    """What is sought.

    @ivar text: a regular expression, or a text.
    @ivar isFolded: True if capital and small letters are the same.
    @ivar context: how many lines to print before and after each hit.
    @ivar headers: True to search the headers, too: what was said about the command.
    """

    text: str
    isRegex: bool
    isFolded: bool
    context: int
    headers: bool = False


def search(path: str, most: int, wanted: Wanted, tell: Callable[..., None]) -> None:
    """Search one log, and tell what is found."""
    searching = Search(Query(wanted.text, wanted.isRegex, wanted.isFolded), most=most + _HEADERS)
    around = Around(wanted.context)
    lengthOf = _lengths(wanted)
    parser = ChunkParser()
    headers = _HeaderLines()
    left, rest = most, b""

    def look(whole: bytes, isLast: bool = False) -> None:
        nonlocal left
        first = searching.line
        hits = searching.feed(whole) if whole else []
        hits += searching.finish() if isLast else []
        if not wanted.headers:
            hits = [hit for hit in hits if hit.line not in headers]
        hits = hits[:left]
        left -= len(hits)
        for line in around.feed(whole, first, hits):
            tell("line", *line, 0 if line.at is None else lengthOf(line.text, line.at))

    with openLog(path) as file:
        isOver = False
        while not isOver:
            piece = file.read(PIECE)
            isOver = not piece  # a parser tells of damage only when it is asked once more
            try:
                chunks = parser.feed(piece)
            except BadLog as why:
                tell("damaged", why.offset)
                break
            headers.feed(chunks)
            rest += b"".join([data for _, data in chunks])
            end = rest.rfind(b"\n") + 1
            if not end and len(rest) > _LONGEST_LINE:
                end = len(rest)
            whole, rest = rest[:end], rest[end:]
            look(whole)
            if not left or searching.isFull:
                break
            tell("at", file.tell())
    if left and not searching.isFull:
        look(rest, isLast=True)
    tell("end")


def _lengths(wanted: Wanted) -> Callable[[str, int], int]:
    """A function that returns the length of the match at a place of a text; 0 if it is not known."""
    if not wanted.isRegex:
        return lambda text, at: len(wanted.text)
    flags = re.MULTILINE | (re.IGNORECASE if wanted.isFolded else 0)
    pattern = re.compile(wanted.text.encode("utf-8", "surrogateescape"), flags)

    def lengthOf(text: str, at: int) -> int:
        found = pattern.match(text.encode(), len(text[:at].encode()))
        return len(found[0].decode("utf-8", "replace")) if found else 0

    return lengthOf


class _HeaderLines:
    """I know the lines that begin in a header."""

    def __init__(self) -> None:
        self._ranges: list[range] = []
        self._line = 1
        self._atStart = True

    def feed(self, chunks: Sequence[Chunk]) -> None:
        """Count the lines of some chunks."""
        for channel, data in chunks:
            if data:
                count = data.count(b"\n")
                first, self._line = self._line, self._line + count
                isWhole = data.endswith(b"\n")
                if channel == LOG_CHANNEL_HEADER:
                    self._ranges.append(range(first + (not self._atStart), self._line + (not isWhole)))
                self._atStart = isWhole

    def __contains__(self, line: int) -> bool:
        return any(line in each for each in self._ranges)


def _limit() -> None:
    """Allow some more seconds of CPU."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + _CPU
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (most if hard < 0 else min(most, hard), hard))


def main() -> None:
    """Run the program."""

    def tell(*words: object) -> None:
        if words[0] == "at":
            _limit()
        sys.stdout.write(json.dumps(words) + "\n")
        sys.stdout.flush()

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    wanted = Wanted(**json.loads(sys.stdin.readline()))
    for line in sys.stdin:
        path, most = json.loads(line)
        _limit()
        try:
            search(path, most, wanted, tell)
        except BadPattern as why:
            tell("error", str(why))
            return
        except OSError as why:
            kind = "gone" if isinstance(why, FileNotFoundError) else "unreadable"
            tell(kind, why.strerror or str(why))
            tell("end")


if __name__ == "__main__":
    main()

# -*- test-case-name: tests.processes.test_search -*-
"""The program that searches one log for a regular expression. The master kills it if it takes too long.

It reads one JSON object from its standard input: see L{Task}. It prints JSON arrays, one a
line: C{["hit", line, text, place]}, C{["at", line]} for how far it is, C{["error", text]}, C{["end"]}.
"""

from __future__ import annotations

import json
import resource
import sys
from typing import IO, NamedTuple

from buildbot.files.plain import readPlain
from buildbot.logs.format import BadLog, ChunkParser
from buildbot.logs.matching import BadPattern, Hit, Query, Search

#: The bytes of the file that are read at once.
PIECE = 1 << 20
#: The most seconds of CPU and bytes of memory, if the master does not kill the program.
_CPU, _MEMORY = 60, 2 << 30


class Task(NamedTuple):
    """The search.

    @ivar path: of the log.
    @ivar offset: where a chunk begins in the file.
    @ivar end: the end in the file.
    @ivar line: the number of the line there.
    @ivar first: lines with lower numbers are left out.
    """

    path: str
    offset: int
    end: int
    line: int
    first: int
    most: int
    text: str
    isFolded: bool


def search(task: Task, output: IO[str]) -> None:
    """Search, and print what is found."""

    def tell(*words: object) -> None:
        output.write(json.dumps(words) + "\n")
        output.flush()

    def tellHits(hits: list[Hit]) -> None:
        for hit in hits:
            tell("hit", *hit)

    try:
        searching = Search(Query(task.text, True, task.isFolded), task.line, task.first, task.most)
    except BadPattern as error:
        tell("error", str(error))
        return
    parser = ChunkParser(task.offset)
    with readPlain(task.path) as file:
        file.seek(task.offset)
        while piece := file.read(min(PIECE, task.end - file.tell())):
            try:
                chunks = parser.feed(piece)
            except BadLog:
                break
            tellHits(searching.feed(b"".join([data for _, data in chunks])))
            if searching.isFull:
                break
            tell("at", searching.line)
        else:
            tellHits(searching.finish())
    tell("at", searching.line)
    tell("end")


def main() -> None:
    """Run the program."""
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU, _CPU))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    search(Task(**json.load(sys.stdin)), sys.stdout)


if __name__ == "__main__":
    main()

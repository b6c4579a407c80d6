# -*- test-case-name: tests.unit.logs.test_view -*-
"""The end of a log that is too long and still grows: it is in memory, not in the log's file."""

from __future__ import annotations

from dataclasses import dataclass

from buildbot.logs.format import Chunk, ChunkParser


@dataclass(frozen=True)
class Tail:
    """The last output of a log.

    @ivar before: the bytes of output before it.
    @ivar blocks: encoded chunks.
    """

    before: int
    blocks: tuple[bytes, ...]

    def chunks(self) -> list[Chunk]:
        """The chunks in their order."""
        return ChunkParser().feed(b"".join(self.blocks))

# -*- test-case-name: tests.unit.steps.test_python -*-
"""Read a log by lines, also a long one."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from typing import Protocol

from buildbot.interfaces import LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.process.logobserver import LONGEST_LINE


class _Chunked(Protocol):
    """The part of a log that L{lines} reads."""

    def getChunks(self) -> Iterable[tuple[int, str]]:
        """The channel and the text of each piece."""


def lines(
    log: _Chunked, channels: Container[int] = (LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR)
) -> Iterator[str]:
    """Yield the lines of a log without line ends. A very long line comes in pieces."""
    return (line for line in linesOrNone(log, channels) if line is not None)


def linesOrNone(
    log: _Chunked, channels: Container[int] = (LOG_CHANNEL_STDOUT, LOG_CHANNEL_STDERR)
) -> Iterator[str | None]:
    """Yield the L{lines} of a log, and sometimes None, so that the reader of a long log can pause."""
    unfinished: dict[int, str] = {}
    for channel, text in log.getChunks():
        yield None
        if channel not in channels:
            continue
        *whole, rest = (unfinished.get(channel, "") + text).split("\n")
        if len(rest) > LONGEST_LINE:
            whole, rest = [*whole, rest], ""
        unfinished[channel] = rest
        yield from (line.rstrip("\r") for line in whole)
    yield from (rest for rest in unfinished.values() if rest)

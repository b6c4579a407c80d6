# -*- test-case-name: tests.stories.test_mail -*-
"""Read logs for mails: short ones at once, longer ones in a thread, so that no slave waits."""

from __future__ import annotations

from contextlib import suppress

from buildbot.interfaces import LOG_CHANNEL_HEADER
from buildbot.logs.live import LogFile
from buildbot.logs.view import LogView
from buildbot.status.build import BuildStatus

#: The most bytes that are read at once.
SHORT = 64 << 10


async def textOf(build: BuildStatus, log: LogFile) -> str:
    """The standard output and error of a log.

    @raise OSError: the log cannot be read.
    """
    if log.length <= SHORT and not log.isElsewhere:
        return log.getText()
    return await build.logs.views.call(log.place(), _text)


async def bringAll(build: BuildStatus) -> None:
    """Let a function of the configuration read all logs of a build, also those in object storage."""
    for each in build.getLogs():
        if each.isElsewhere:
            with suppress(OSError):  # the function gets the error
                await each.bring()


async def lastLines(build: BuildStatus, log: LogFile, count: int) -> list[str]:
    """The last lines of a log, without its headers; the first one tells how many lines are before them.

    @raise OSError: the log cannot be read.
    """
    if log.length <= SHORT and not log.isElsewhere:
        return ended(log.getText(), count)
    return await build.logs.views.soon(log.place(), lambda view: _last(view, count), isEnd=True)


async def endOf(build: BuildStatus, log: LogFile, most: int) -> str:
    """The last C{most} bytes of a log, with its headers.

    @raise OSError: the log cannot be read.
    """

    def read(view: LogView) -> str:
        start = max(0, view.textSize(True) - most)
        note = "(the beginning is left out)\n" if start else ""
        return note + b"".join(view.text(start, headers=True)).decode("utf-8", "replace")

    if log.length <= min(SHORT, most) and not log.isElsewhere:
        return log.getTextWithHeaders()
    return await build.logs.views.call(log.place(), read)


def ended(text: str, count: int) -> list[str]:
    """The last lines of a text; the first one tells how many lines are before them."""
    lines = text.rstrip().split("\n")
    left = len(lines) - count
    return [f"({left} earlier line{'s' if left > 1 else ''})", *lines[-count:]] if left > 0 else lines


def _text(view: LogView) -> str:
    return b"".join(view.text()).decode("utf-8", "replace")


def _last(view: LogView, count: int) -> list[str]:
    found = view.last(count)
    lines = [
        "".join(text for channel, text in line.pieces if channel != LOG_CHANNEL_HEADER)
        for line in (*found.lines, *found.unnumbered)
        if any(channel != LOG_CHANNEL_HEADER for channel, _ in line.pieces) or not line.pieces
    ]
    return ["(earlier lines are left out)", *lines]

# -*- test-case-name: tests.stories.test_weblog -*-
"""The text of a log as bytes: whole, in part, compressed, or as it grows; and logs in HTML."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from twisted.internet.defer import CancelledError

from buildbot.logs.sending import TextSender
from buildbot.logs.view import LogView
from buildbot.web.call import HTML, TEXT, Answer, Call, Out, Problem, Stream
from buildbot.web.logreading import PATH, ShownLog, gone, inThread, logOf
from buildbot.web.logs.choosing import Unsatisfiable, rangeOf
from buildbot.web.routes import Parameter, Route
from buildbot.web.sending import matches

#: A finished text up to this size is compressed.
ZIPPED = 4 << 20
#: The policy of logs in HTML: they are a site of their own, without scripts, forms and requests.
SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"

_Headers = tuple[tuple[str, str], ...]


async def textOf(call: Call) -> Answer | Stream:
    """The text of a log."""
    shown = await logOf(call)
    headers = _saved(shown) if call.query["download"] else ()
    if call.query["follow"]:
        start = call.query["offset"]  # given by a program, which wants nothing but the bytes of the log
        if start is not None and shown.isFinished:
            await inThread(shown, lambda view: view.output)  # it must not ask again and again for a lost one
        return Stream(
            lambda out: _send(shown, out, start or 0, None, call.query["headers"], start is None),
            TEXT,
            headers=headers,
            last=(lambda why, mayReturn: f"\n[The text ends here. {why}]\n".encode())
            if start is None
            else None,
        )
    return await _bytesOf(call, shown, TEXT, headers)


def _lastOf(why: str, mayReturn: bool) -> bytes:
    """The end of the text for somebody who may not see its rest."""
    return f"\n[The text ends here. {why}]\n".encode()


async def htmlOf(call: Call) -> Answer | Stream:
    """A log in HTML."""
    shown = await logOf(call)
    if not shown.record.html:
        raise Problem(404, f"The log {shown.record.name} is no HTML", hint="It is text.")
    return await _bytesOf(call, shown, HTML, (("Content-Security-Policy", SANDBOX),))


def _saved(shown: ShownLog) -> _Headers:
    """The header that makes a browser save the answer."""
    names = (shown.build.builder, str(shown.build.number), shown.step.name, shown.record.name)
    name = "".join(each if each.isalnum() and each.isascii() else "-" for each in "-".join(names))
    return (("Content-Disposition", f'attachment; filename="{name[:150]}.txt"'),)


async def _bytesOf(call: Call, shown: ShownLog, type: str, headers: _Headers) -> Answer | Stream:
    """The bytes that the request asks for."""
    withHeaders = call.query.get("headers", False)
    isFinished = shown.isFinished
    headers = (*headers, ("Accept-Ranges", "bytes"))
    version = _version(shown, withHeaders) if isFinished else ""
    if version and matches(call.headers.get("if-none-match", ""), version):
        return Answer(b"", type, headers=headers, etag=version)
    size = await inThread(shown, lambda view: view.textSize(withHeaders))
    isZipped = isFinished and size <= ZIPPED and "gzip" in call.headers.get("accept-encoding", "")
    if isZipped and "range" not in call.headers:
        return await inThread(shown, lambda view: _whole(view, type, headers, version, withHeaders))
    start, end, status = 0, size, 200
    try:
        part = _partOf(call, size, version)
    except Unsatisfiable:
        raise Problem(
            416, "There are no such bytes", f"The text has {size} bytes.", headers=_range(size)
        ) from None
    if part is not None:
        (start, end), status = part, 206
        headers = (*headers, *_range(size, part))
    headers = (*headers, ("Content-Length", str(end - start)))
    if version:
        headers = (*headers, ("ETag", f'"{version}"'))
    return Stream(
        lambda out: _send(shown, out, start, end, withHeaders),
        type,
        status,
        headers,
        "no-cache" if isFinished else "no-store, no-transform",
    )


def _version(shown: ShownLog, withHeaders: bool) -> str:
    """The version of the text of a finished log: it never changes."""
    place = shown.place()
    return sha256(repr((place.path, place.crc, shown.record.length, withHeaders)).encode()).hexdigest()[:20]


def _partOf(call: Call, size: int, version: str) -> tuple[int, int] | None:
    """The part that the request asks for; None for the whole text."""
    condition = call.headers.get("if-range", "")
    if condition and condition != f'"{version}"':
        return None
    return rangeOf(call.headers.get("range", ""), size)


def _range(size: int, part: tuple[int, int] | None = None) -> _Headers:
    shown = "*" if part is None else f"{part[0]}-{part[1] - 1}"
    return (("Content-Range", f"bytes {shown}/{size}"),)


def _whole(view: LogView, type: str, headers: _Headers, version: str, withHeaders: bool) -> Answer:
    """The whole text, compressed here and not in the reactor's thread."""
    answer = Answer(b"".join(view.text(headers=withHeaders)), type, headers=headers, etag=version)
    assert answer.zipped
    return answer


async def _send(
    shown: ShownLog, out: Out, start: int, end: int | None, withHeaders: bool, saysWhy: bool = False
) -> None:
    """Send bytes at the pace of the client. If the file cannot be read any more, cut the connection.

    @param saysWhy: True to send the reason before that.
    """
    if end is not None and start >= end:
        out.finish()
        return
    sender = TextSender(shown.directory.views, shown.watched(), _Pipe(out), start, end, withHeaders)
    try:
        sent = await sender.start()
    except CancelledError:
        return
    except OSError as why:
        problem = gone(shown, why)
        out.write(f"\n[{problem.title}: {problem.detail}]\n".encode() if saysWhy else b"")
        out.abort()
        return
    if end is not None and sent < end:
        out.abort()
    else:
        out.finish()


class _Pipe:
    """I pass bytes from a L{TextSender} to a client."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._producer: Any = None

    def registerProducer(self, producer: Any, streaming: bool) -> None:
        """Stop the producer while the client is busy."""
        self._producer = producer
        self._out.whenReady(producer.resumeProducing)
        self._out.whenGone(producer.stopProducing)

    def unregisterProducer(self) -> None:
        """Do nothing: the connection stays for the end of the answer."""

    def write(self, data: bytes) -> None:
        """Send some bytes."""
        self._out.write(data)
        if self._out.isFull():
            self._producer.pauseProducing()


ROUTES = (
    Route(
        f"{PATH}/text",
        textOf,
        "The text of a log, unconverted; with Range.",
        (
            Parameter("headers", "True to include the notes about the command.", "flag", default=False),
            Parameter("download", "True to let a browser save it.", "flag", default=False),
            Parameter("follow", "True to send new output until the log is finished.", "flag", default=False),
            Parameter(
                "offset",
                "The first byte to send with follow, so that a program can go on where it was cut.",
                "integer",
                default=None,
                least=0,
            ),
        ),
        action="viewLogs",
        kind="file",
    ),
    Route(f"{PATH}/html", htmlOf, "A log in HTML, in a sandbox.", action="viewLogs", kind="file"),
)

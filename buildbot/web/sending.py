# -*- test-case-name: tests.stories.test_web -*-
"""From an answer to bytes: headers, versions and compression, the same for pages, API and feeds."""

from __future__ import annotations

import inspect
import re
from typing import Any

from twisted.internet.defer import CancelledError, ensureDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.web.call import Answer, Stream
from buildbot.web.http import PackedOut, RequestOut, sendWhole
from buildbot.web.incoming import Incoming
from buildbot.web.shrinking import shrink

log = Logger()

#: Answers below this size are not worth compressing.
_SMALL = 1400
_COMPRESSED = ("text/", "application/json", "application/problem+json", "application/atom+xml", "image/svg")


def send(answer: Answer | Stream, request: Any, incoming: Incoming) -> None:
    """Write an answer to a request."""
    request.page = incoming.page
    if request._disconnected:
        return
    if isinstance(answer, Stream):
        _begin(request, answer, incoming)
        request.setHeader(b"x-accel-buffering", b"no")
        out = _outOf(request, answer, incoming)
        if request.method == b"HEAD":
            out.finish()
            return
        out.write(b"")
        shrink(request)
        begun = answer.begin(out)
        if inspect.iscoroutine(begun):
            ensureDeferred(begun).addErrback(_streamFailed, out)
        return
    body = answer.body
    isCacheable = answer.status == 200 and answer.cache != "no-store"
    _begin(request, answer, incoming)
    if isCacheable:
        request.setHeader(b"etag", f'W/"{answer.version}"'.encode())
        if matches(incoming.headers.get("if-none-match", ""), answer.version):
            request.setResponseCode(304)
            request.finish()
            return
    if len(body) > _SMALL and answer.type.startswith(_COMPRESSED):
        request.responseHeaders.addRawHeader(b"vary", b"Accept-Encoding")
        if takes("gzip", incoming.headers.get("accept-encoding", "")):
            body = answer.zipped
            request.setHeader(b"content-encoding", b"gzip")
    request.setHeader(b"content-length", b"%d" % len(body))
    sendWhole(request, body)


def _outOf(request: Any, stream: Stream, incoming: Incoming) -> RequestOut:
    if stream.packer is None:
        return RequestOut(request)
    request.responseHeaders.addRawHeader(b"vary", b"Accept-Encoding")
    if not takes("deflate", incoming.headers.get("accept-encoding", "")):
        return RequestOut(request)
    request.setHeader(b"content-encoding", b"deflate")
    return PackedOut(request, stream.packer)


def _begin(request: Any, answer: Answer | Stream, incoming: Incoming) -> None:
    request.setResponseCode(answer.status)
    request.setHeader(b"content-type", answer.type.encode("ascii"))
    isKept = answer.cache.startswith("public") or not incoming.isPrivate
    cache = answer.cache if isKept or answer.cache.startswith("no-store") else "private, no-store"
    request.setHeader(b"cache-control", cache.encode("ascii"))
    if incoming.isFeed:
        request.setHeader(b"cross-origin-resource-policy", b"cross-origin")
    for name, value in answer.headers:
        if "\r" in value or "\n" in value:
            raise ValueError(f"the header {name} has a line break")
        if name.lower() == "set-cookie":
            request.responseHeaders.addRawHeader(name.encode("ascii"), value.encode("latin-1"))
        else:
            request.setHeader(name.encode("ascii"), value.encode("utf-8"))


def takes(coding: str, header: str) -> bool:
    """True if Accept-Encoding allows a coding."""
    for each in header.split(","):
        name, _, weight = each.partition(";")
        if name.strip().lower() in (coding, "*"):
            return re.fullmatch(r"q=0(\.0*)?", weight.replace(" ", "").lower()) is None
    return False


def matches(header: str, etag: str) -> bool:
    """True if If-None-Match names a version."""
    return any(each.strip().removeprefix("W/").strip('"') in (etag, "*") for each in header.split(","))


def _streamFailed(why: Failure, out: RequestOut) -> None:
    if why.check(CancelledError) is None:
        log.failure("a stream failed", why)
    out.finish()

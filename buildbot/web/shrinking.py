# -*- test-case-name: tests.unit.web.test_shrinking -*-
"""Free the memory of requests and connections that a streamed answer does not need."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from twisted.web.http import HTTPChannel
from twisted.web.http_headers import Headers

#: The attributes of a request that are useless after the headers of the answer are sent.
_SPENT = frozenset(
    (
        *("_adapterCache", "_isRefused", "_room", "args", "content", "cookies", "host", "postpath"),
        *("prepath", "received_cookies", "sitepath"),
    )
)
_NO_HEADERS = Headers()
_MISSING = object()


def shrink(request: Any) -> None:
    """Free the memory that the rest of a streamed answer does not need.

    A server may have many streams. Call this when the headers are sent.
    """
    given, none = request.requestHeaders, _NO_HEADERS
    request.requestHeaders = request.responseHeaders = none
    for name in (b"referer", b"user-agent"):  # for the access log
        for value in given.getRawHeaders(name, ()):
            if request.requestHeaders is none:
                request.requestHeaders = Headers()
            request.requestHeaders.addRawHeader(name, value)
    if request.content is not None:
        request.content.close()
    _compact(request, _SPENT)
    if isinstance(request.channel, HTTPChannel):
        _compact(request.channel)


def _compact(thing: Any, without: Collection[str] = ()) -> None:
    """Put the attributes of an object into a new dict, because the old one has room for many more.

    An attribute that is the same as that of the class is left out.
    """
    kind = type(thing)
    thing.__dict__ = {
        name: value
        for name, value in vars(thing).items()
        if name not in without and getattr(kind, name, _MISSING) is not value
    }

# -*- test-case-name: tests.unit.web.accounts.test_cors -*-
"""Let pages of other sites read the API, the feeds and the badges (CORS). Pure.

These pages read only public data, because a browser sends neither cookies nor passwords for them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from buildbot.web.accounts.origin import originOf

#: Every site.
ANY = "*"
#: The first segments of the paths that pages of other sites may read.
READABLE = (
    *(("api", "v1"), ("api", "v2"), ("json",), ("badge",), ("png",)),
    *(("cctray.xml",), ("cc.xml",), ("atom",), ("rss",)),
)
#: Seconds for which a browser keeps the answer to a preflight request.
KEPT = 600

_Headers = tuple[tuple[str, str], ...]
_ASKED = (
    ("Access-Control-Allow-Methods", "GET, HEAD"),
    ("Access-Control-Allow-Headers", "Accept, Cache-Control, If-None-Match, Last-Event-ID"),
    ("Access-Control-Max-Age", str(KEPT)),
)
_ANSWERED = (("Access-Control-Expose-Headers", "ETag, Link, Retry-After"),)


def isOrigin(value: str) -> bool:
    """True for C{"https://dash.example.org"} or C{"*"}: a scheme and a host, without a path."""
    return value == ANY or (value != "" and originOf(value) == value and ANY not in value)


def isReadable(segments: Sequence[str]) -> bool:
    """True if pages of other sites may read this path."""
    return any(tuple(segments[: len(each)]) == each for each in READABLE)


def corsHeaders(
    allowed: Collection[str], method: str, segments: Sequence[str], headers: Mapping[str, str]
) -> _Headers | None:
    """The headers of an answer to a page of another site; () for any other answer.

    @param allowed: the origins that may read.
    @param headers: of the request, by lower-case name.
    @return: None if no other site may read this answer.
    """
    if not allowed or not isReadable(segments):
        return None
    vary = () if ANY in allowed else (("Vary", "Origin"),)
    origin = headers.get("origin", "")
    if not origin or not (ANY in allowed or origin in allowed):
        return vary
    granted = ("Access-Control-Allow-Origin", ANY if ANY in allowed else origin)
    if method == "OPTIONS" and headers.get("access-control-request-method", "") in ("GET", "HEAD"):
        return (granted, *_ASKED, *vary)
    return (granted, *_ANSWERED, *vary) if method in ("GET", "HEAD") else vary

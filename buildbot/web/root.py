# -*- test-case-name: tests.stories.test_ownpages -*-
"""The root of the site: own resources of the site, then our routes, then own files, then old URLs.

Own resources and files need the right to C{view}, like our pages.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure
from twisted.web import resource, server

from buildbot.events.onuse import onUse
from buildbot.web.dispatch import Dispatcher, RouteResource
from buildbot.web.incoming import incomingOf
from buildbot.web.sending import send

if TYPE_CHECKING:
    from twisted.web import static
else:
    static = onUse("twisted.web.static")

#: The policy for own files and own pages: styles may stand in the page, scripts not.
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; "
    b"connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
#: The files for the login page and for robots. Everybody may read them.
OPEN = ("buildbot.css", "favicon.ico", "robots.txt")
#: This attribute is true on an own resource that checks its visitors itself, such as a hook of a forge.
PUBLIC = "isPublic"
NONE: Mapping[bytes, bytes] = {}
_OF_FILES = {b"content-security-policy": POLICY, b"cache-control": b"private, no-cache"}
_INDEX = "index.html"
#: The most ranges in one request. With more, the whole file is sent once: each range could be the whole file.
MOST_RANGES = 10


class OwnFiles:
    """I find the files of C{public_html}. Names that begin with a dot are hidden."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def has(self, name: str) -> bool:
        """True if there is a file with this name."""
        return os.path.isfile(os.path.join(self._directory, name))

    def find(self, segments: Sequence[bytes], request: Any) -> static.File | None:
        """The file of a path, or None."""
        if any(each.startswith(b".") or b"\0" in each or not _isText(each) for each in segments):
            return None
        if not os.path.isdir(self._directory):
            return None
        ranges = request.getHeader(b"range") or b""
        if ranges.count(b",") >= MOST_RANGES:
            request.requestHeaders.removeHeader(b"range")
        file = static.File(self._directory)
        for each in segments:
            found: Any = None if file.isLeaf else file.getChildWithDefault(each, request)
            if not isinstance(found, static.File) or not found.exists():
                return None
            file = found
        return file


def _isText(name: bytes) -> bool:
    """True for UTF-8; twisted.web logs a failure for any other name."""
    try:
        name.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


class Gate(resource.Resource):
    """I render an own resource for visitors with the right to it. Others get the refusal of our pages."""

    isLeaf = True

    def __init__(
        self, dispatcher: Dispatcher, own: Any, segments: Sequence[str], headers: Mapping[bytes, bytes] = NONE
    ) -> None:
        """@param headers: of the answer of the own resource."""
        resource.Resource.__init__(self)
        self._dispatcher = dispatcher
        self._own = own
        self._segments = segments
        self._action = "" if len(segments) == 1 and segments[0] in OPEN else "view"
        self._headers = headers

    def render(self, request: Any) -> int:
        """Ask the door, then the own resource."""
        incoming = incomingOf(request)
        asking = ensureDeferred(self._dispatcher.refusal(incoming, self._segments, self._action))
        gone = request.notifyFinish()
        gone.addErrback(lambda reason: asking.cancel())

        def answer(refused: Any) -> None:
            if refused is not None:
                send(refused, request, incoming)
            elif not request._disconnected:
                request.content.seek(0)
                request.seenStatus = incoming.seenStatus
                for name, value in self._headers.items():
                    request.setHeader(name, value)
                request.render(resource.getChildForRequest(self._own, request))

        asking.addCallback(answer)
        asking.addErrback(_failed, request)
        return server.NOT_DONE_YET


def _failed(why: Failure, request: Any) -> None:
    if not request._disconnected:
        request.processingFailed(why)


class Root(resource.Resource):
    """I am the root of the site. C{index.html} of C{public_html} takes the place of the first page."""

    def __init__(self, dispatcher: Dispatcher, files: OwnFiles) -> None:
        resource.Resource.__init__(self)
        self._dispatcher = dispatcher
        self._files = files

    def putChild(self, path: str | bytes, child: Any) -> None:
        """Serve a page of people's own at a path of one segment."""
        resource.Resource.putChild(self, path.encode("utf-8") if isinstance(path, str) else path, child)

    def getChildWithDefault(self, path: bytes, request: Any) -> Any:
        """An own resource, behind the door; else see L{getChild}."""
        own = self.children.get(path)
        if own is None:
            return self.getChild(path, request)
        if getattr(own, PUBLIC, False):
            return own
        return Gate(self._dispatcher, own, _texts([path, *request.postpath]))

    def getChild(self, path: bytes, request: Any) -> Any:
        """The resource for the whole rest of the path."""
        raw = [path, *request.postpath]
        segments = _texts(raw)
        isFirst = segments == [""] and self._files.has(_INDEX)
        if isFirst or self._dispatcher.table.find(segments) is None:
            found = self._files.find([_INDEX.encode()] if isFirst else raw, request)
            if found is not None:
                request.postpath = []
                return Gate(self._dispatcher, found, segments, _OF_FILES)
        request.postpath = []
        return RouteResource(self._dispatcher, segments)


def _texts(raw: Sequence[bytes]) -> list[str]:
    return [each.decode("utf-8", "surrogateescape") for each in raw]

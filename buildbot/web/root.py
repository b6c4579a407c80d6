# -*- test-case-name: tests.stories.test_ownpages -*-
"""The root of the site: people's own pages, then our routes, then their own files, then old URLs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from twisted.web import resource, static

from buildbot.web.dispatch import Dispatcher, RouteResource

#: The policy for own files and own pages: styles may stand in the page, scripts not.
POLICY = (
    b"default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: https:; "
    b"connect-src 'self'; form-action 'self'; frame-src 'self'; frame-ancestors 'none'; base-uri 'none'"
)
_INDEX = "index.html"


class OwnFiles:
    """I find the files of C{public_html}. Names that begin with a dot are hidden."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def has(self, name: str) -> bool:
        """True if there is a file with this name."""
        return os.path.isfile(os.path.join(self._directory, name))

    def find(self, segments: Sequence[bytes], request: Any) -> static.File | None:
        """The file of a path, or None."""
        if any(each.startswith(b".") for each in segments) or not os.path.isdir(self._directory):
            return None
        file = static.File(self._directory)
        for each in segments:
            found: Any = None if file.isLeaf else file.getChildWithDefault(each, request)
            if not isinstance(found, static.File) or not found.exists():
                return None
            file = found
        return file


class Root(resource.Resource):
    """I am the root of the site. C{index.html} of C{public_html} takes the place of the first page."""

    def __init__(self, dispatcher: Dispatcher, files: OwnFiles) -> None:
        resource.Resource.__init__(self)
        self._dispatcher = dispatcher
        self._files = files

    def putChild(self, path: str | bytes, child: Any) -> None:
        """Serve a page of people's own at a path of one segment."""
        resource.Resource.putChild(self, path.encode("utf-8") if isinstance(path, str) else path, child)

    def getChild(self, path: bytes, request: Any) -> Any:
        """The resource for the whole rest of the path."""
        raw = [path, *request.postpath]
        segments = [each.decode("utf-8", "surrogateescape") for each in raw]
        isFirst = segments == [""] and self._files.has(_INDEX)
        if isFirst or self._dispatcher.table.find(segments) is None:
            found = self._files.find([_INDEX.encode()] if isFirst else raw, request)
            if found is not None:
                request.postpath = []
                request.setHeader(b"content-security-policy", POLICY)
                return found
        request.postpath = []
        return RouteResource(self._dispatcher, segments)

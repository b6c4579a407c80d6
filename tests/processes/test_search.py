"""Searches for regular expressions, in a child process that is killed when it takes too long."""

from __future__ import annotations

import errno
import os
import tempfile
from typing import IO, Any

from twisted.internet import reactor as installed
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.interfaces import LOG_CHANNEL_STDOUT
from buildbot.logs import mounts, search
from buildbot.logs.files import LogLimits, LogWriter
from buildbot.logs.matching import BadPattern, Query
from buildbot.logs.reading import LogViews, Place
from buildbot.logs.search import Found, LogSearches


class Far:
    """A second place, of which no copies stay: see L{buildbot.logs.mounts.Elsewhere}."""

    def __init__(self, path: str) -> None:
        self._path = path

    def open(self, path: str) -> IO[bytes]:
        return open(self._path, "rb")

    def sizeOf(self, path: str) -> int:
        return os.path.getsize(self._path)

    def bring(self, path: str) -> None:
        raise OSError(errno.EROFS, "no copies")

    def used(self, path: str) -> None:
        raise AssertionError("it is not here")


class RegexTests(unittest.TestCase):
    def setUp(self) -> None:
        self.patch(search, "REGEX", 300.0)  # a busy machine takes seconds to start the program
        path = os.path.join(os.path.realpath(tempfile.mkdtemp(dir=".")), "log")
        writer = LogWriter(path, Clock(), LogLimits(None))
        for number in range(1, 5001):
            writer.append(LOG_CHANNEL_STDOUT, b"%d %s\n" % (number, b"a" * 40 if number == 4000 else b"b"))
        writer.finish()
        self.place = Place(path, True, writer.crc)
        reactor: Any = installed
        self.searches = LogSearches(reactor, LogViews(block=1024))

    def search(self, text: str, first: int = 1, most: int = 1000) -> Deferred[Found]:
        return ensureDeferred(self.searches.search(self.place, Query(text, True), first, most))

    def test_found(self) -> Deferred[None]:
        """All lines that match are found, and a search can be continued."""

        async def run() -> None:
            found = await self.search("^[0-9]00 B$")
            self.assertEqual([hit.line for hit in found.hits], list(range(100, 1000, 100)))
            self.assertEqual((found.next, found.searched), (None, found.total))
            some = await self.search("00 b$", 250, 4)
            self.assertEqual([hit.line for hit in some.hits], [300, 400, 500, 600])
            assert some.next is not None
            rest = await self.search("00 b$", some.next)
            self.assertEqual(rest.hits[0].line, 700)

        return ensureDeferred(run())

    def test_elsewhere(self) -> Deferred[None]:
        """A log on another machine is searched, too; the copy for the child process is removed."""
        path = self.place.path
        far = os.path.join(os.path.dirname(path), "far")
        os.rename(path, far)
        mounts.mount(os.path.dirname(os.path.dirname(path)), Far(far))
        self.addCleanup(mounts.unmount, os.path.dirname(os.path.dirname(path)))
        self.patch(tempfile, "tempdir", os.path.dirname(path))

        async def run() -> None:
            found = await self.search("^[0-9]00 B$")
            self.assertEqual([hit.line for hit in found.hits], list(range(100, 1000, 100)))
            self.assertEqual(os.listdir(os.path.dirname(path)), ["far"])

        return ensureDeferred(run())

    def test_explodes(self) -> Deferred[None]:
        """A regular expression that would take years ends in time, and what was found before it is told."""
        self.patch(search, "REGEX", 0.7)

        async def run() -> None:
            found = await self.search("^(a+)+c|4000 (a|aa)+$c")
            self.assertTrue(found.isLate)
            self.assertIsNotNone(found.next)

        return ensureDeferred(run())

    def test_wrong(self) -> Deferred[None]:
        """A text that is no regular expression is refused, with the reason."""

        async def run() -> None:
            with self.assertRaisesRegex(BadPattern, "the regular expression is wrong"):
                await self.search("(")

        return ensureDeferred(run())

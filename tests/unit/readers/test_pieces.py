# -*- test-case-name: tests.unit.readers.test_pieces -*-
"""The master gives parts of its logs."""

from __future__ import annotations

import os
from base64 import b64decode
from types import SimpleNamespace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred, execute
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.control.client import ControlError
from buildbot.logs.live import LogDirectory, LogFile
from buildbot.readers.pieces import WAIT, Pieces
from tests.examples import examples


class PiecesTests(unittest.SynchronousTestCase):
    """A process on another machine asks for a log."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.home = self.mktemp()
        build = SimpleNamespace(record=SimpleNamespace(builder="full"), number=1)
        step: Any = SimpleNamespace(build=build)
        self.name, writer = LogDirectory(self.home, self.clock).create(build, "compile", "stdio", ())
        self.log = LogFile(step, "stdio", self.name, writer)
        self.pieces = Pieces(lambda: self.home, self.growing, self.clock, execute)

    def growing(self) -> list[LogFile]:
        """The logs that grow."""
        return [] if self.log.isFinished() else [self.log]

    def ask(self, **more: Any) -> Deferred[dict[str, Any]]:
        """Ask for the log."""
        return ensureDeferred(self.pieces.log(**{"name": self.name, **more}))

    def get(self, **more: Any) -> tuple[bytes, int | None, int | None]:
        """The answer that is there at once: the data, the size of the file and the bytes of output."""
        said = self.successResultOf(self.ask(**more))
        return b64decode(said["data"]), said["size"], said["output"]

    def test_parts(self) -> None:
        """Any part of a growing log can be had at once, with all output so far."""
        self.log.addStdout("hello")
        self.assertEqual(self.get(), (b"6:0hello,", 9, 5))
        self.assertEqual(self.get(offset=3, most=2), (b"he", 9, 5))
        self.assertEqual(self.get(offset=9), (b"", 9, 5))
        self.log.finish()
        self.assertEqual(self.get(offset=8), (b",", 9, None))

    def test_waits(self) -> None:
        """Who knows all output gets an answer as soon as there is more."""
        self.log.addStdout("hello")
        self.assertEqual(self.get(output=4)[2], 5)
        asking = self.ask(output=5, offset=9)
        self.clock.advance(1)
        self.assertNoResult(asking)
        self.log.addStdout("more")
        self.assertEqual(b64decode(self.successResultOf(asking)["data"]), b"5:0more,")
        self.assertFalse(self.log.isWatched())
        self.clock.advance(1)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_end(self) -> None:
        """The end of a log is an answer; so is a long silence; a client that goes is forgotten."""
        gone: Deferred[None] = Deferred()
        for tell in (lambda: self.clock.advance(WAIT), lambda: gone.callback(None), self.log.finish):
            asking = self.ask(output=0, hungUp=gone if not gone.called else None)
            self.assertNoResult(asking)
            tell()
            self.successResultOf(asking)
            self.assertFalse(self.log.isWatched())
        self.assertEqual(self.get(output=0), (b"", 0, None))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_missing(self) -> None:
        """A log that was deleted has no size."""
        self.assertEqual(self.get(name="full/2-x")[1], None)

    @settings(max_examples=examples(60), deadline=None)
    @given(st.text() | st.sampled_from(["full/", "full/1", "..", "a/..", "x\0/y"]), st.data())
    def test_random(self, name: str, data: Any) -> None:
        """Whatever is asked, there is an answer or a refusal."""
        number = st.integers(0, 2**53)
        name = data.draw(st.sampled_from([self.name, name])) or "x"
        output = data.draw(st.none() | number)
        gone: Deferred[None] = Deferred()
        line = {"name": name, "offset": data.draw(number), "most": data.draw(number) + 1, "output": output}
        asking = self.ask(**line, wait=data.draw(st.floats(0.001, 1e9)), hungUp=gone)
        gone.callback(None)
        found: list[Any] = []
        asking.addBoth(found.append)
        self.assertTrue(isinstance(found[0], dict) or found[0].check(ControlError), found)

    def test_others(self) -> None:
        """No other file of the master can be had, whatever the name says."""
        with open(os.path.join(os.path.dirname(self.home), "secret"), "w") as file:
            file.write("sesame")
        os.symlink(os.path.join("..", "..", "secret"), os.path.join(self.home, "full", "1-link"))
        for name in (
            "../secret",
            "full/../../secret",
            "/etc/passwd",
            "full/.hidden",
            ".x/y",
            "full",
            "x\0/y",
        ):
            self.failureResultOf(self.ask(name=name), ControlError)
        self.failureResultOf(self.ask(name="full/1-link"), ControlError)
        os.mkdir(os.path.join(self.home, "full", "dir"))
        self.failureResultOf(self.ask(name="full/dir"), ControlError)

"""Loading master.cfg from its file, directly and in a thread."""

from __future__ import annotations

import os
from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.config.model import ConfigErrors
from buildbot.reconfig.fileload import loadInThread, readConfig
from tests.stories.world import CONFIG


class Threads(Clock):
    """A clock that keeps the calls of threads until the test asks for them."""

    def __init__(self) -> None:
        super().__init__()
        self.done: Deferred[Callable[[], object]] = Deferred()

    def callFromThread(self, f: Callable[..., object], *args: object) -> None:
        from twisted.internet import reactor

        reactor.callFromThread(self.done.callback, lambda: f(*args))  # type: ignore[attr-defined]


class FileLoadTests(unittest.TestCase):
    """The file, and its errors as a file."""

    def setUp(self) -> None:
        self.basedir = os.path.abspath(self.mktemp())
        os.mkdir(self.basedir)
        self.path = os.path.join(self.basedir, "master.cfg")

    def write(self, data: bytes) -> None:
        with open(self.path, "wb") as file:
            file.write(data)

    def test_read(self) -> None:
        """A valid file becomes a configuration."""
        self.write(CONFIG.encode())
        self.assertEqual(list(readConfig(self.path, self.basedir).slaves), ["bot1", "bot2"])

    def test_coding(self) -> None:
        """A file in another encoding than UTF-8 declares it in its first lines, like Python files."""
        self.write(b"# coding: latin-1\n" + CONFIG.replace("bot1", "bøt1").encode("latin-1"))
        self.assertIn("bøt1", readConfig(self.path, self.basedir).slaves)

    def test_unreadable(self) -> None:
        """A file that cannot be read is one error, with its name and the reason."""
        error = self.assertRaises(ConfigErrors, readConfig, self.path, self.basedir)
        self.assertEqual(str(error), "master.cfg: cannot read it: No such file or directory")

    async def test_inThread(self) -> None:
        """L6: loading in a thread gives the same, while the reactor goes on."""
        self.write(CONFIG.encode())
        clock = Threads()
        loaded = loadInThread(self.path, self.basedir, 30, clock)
        (await clock.done)()
        self.assertEqual(self.successResultOf(loaded), readConfig(self.path, self.basedir))
        self.assertEqual(clock.getDelayedCalls(), [])

    async def test_errorInThread(self) -> None:
        """R1: errors in the thread are passed on."""
        self.write(b"import nothing_like_it")
        clock = Threads()
        loaded = loadInThread(self.path, self.basedir, 30, clock)
        (await clock.done)()
        self.failureResultOf(loaded, ConfigErrors)

    async def test_late(self) -> None:
        """If the second load does not end, it is given up, and its late result is dropped."""
        self.write(CONFIG.encode())
        clock = Threads()
        loaded = loadInThread(self.path, self.basedir, 30, clock)
        clock.advance(30)
        self.assertIn("30 s", str(self.failureResultOf(loaded, ConfigErrors).value))
        (await clock.done)()

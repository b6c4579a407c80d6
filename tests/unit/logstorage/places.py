"""A directory of logs beside a bucket in memory."""

from __future__ import annotations

import os
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from buildbot.logs import mounts
from buildbot.logs.files import LogWriter, logFilename
from buildbot.logstorage.far import FarLogs
from buildbot.logstorage.keys import nameOf
from buildbot.logstorage.local import LocalCopies
from buildbot.logstorage.sending import Sending
from tests.unit.logstorage.buckets import FakeBucket, FakeReactor

START = "p/id/"


class PlaceCase(SynchronousTestCase):
    """I have a directory of logs, and the parts that work with a bucket."""

    def setUp(self) -> None:
        self.top = os.path.abspath(self.mktemp())
        self.bucket = FakeBucket()
        self.clock = FakeReactor()
        self.now = 1000.0
        self.open()

    def open(self, most: int = 0) -> None:
        """Begin, as a process does."""
        self.copies = LocalCopies(self.top, "here", lambda: self.now)
        self.copies.most = most
        self.copies.load()
        self.far = FarLogs(self.bucket, START, self.copies, isInReactor=lambda: False)
        self.sending = Sending(self.top, self.bucket, START, self.copies, self.far)
        mounts.mount(self.top, self.far)
        self.addCleanup(mounts.unmount, self.top)

    def write(self, number: int, text: bytes, step: str = "say", builder: str = "full") -> str:
        """Write a log. Returns its path."""
        path = os.path.join(self.top, logFilename(builder, number, step, "stdio"))
        writer = LogWriter(path, self.clock)
        writer.append(0, text)
        writer.finish()
        return path

    def send(self, number: int, mayBeThere: bool = False) -> Any:
        """Send the logs of a build."""
        return self.sending.send(nameOf("full", number), mayBeThere)

    def names(self) -> list[str]:
        """All files of the builder."""
        return sorted(os.listdir(os.path.join(self.top, "full")))

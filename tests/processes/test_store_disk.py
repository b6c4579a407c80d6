"""A store on a separate disk that is really full, made by mount and umount."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twisted.trial import unittest

from buildbot.store.interface import StoreFailed
from tests.stores import SqliteCase


class FullDiskTests(SqliteCase):
    """P4: a disk without room, and then with room."""

    def test_fullDisk(self) -> None:
        """P4: on a really full disk nothing is lost, and the store continues when there is space again."""
        with _smallDisk(2 << 20) as disk:
            store = self.opened(disk)
            ballast = Path(disk, "ballast")
            ballast.write_bytes(b"x" * 600000)
            self.fillUp(store)
            ballast.unlink()
            self.get(store.setState("last", "x" * 50000))
            self.get(store.close())
            self.get(store.open())
            self.assertEqual(self.get(store.getState("last")), "x" * 50000)
            self.get(store.close())

    def test_fullAtOnce(self) -> None:
        """P4: a store without room for its file reports it, and can be opened when there is some."""
        with _smallDisk(1 << 20) as disk:
            ballast = Path(disk, "ballast")
            with open(ballast, "wb", buffering=0) as source, self.assertRaises(OSError):
                while True:
                    source.write(b"x" * 4096)
            store = self.sqlite(disk)
            self.assertRaises(StoreFailed, self.get, store.open())
            ballast.unlink()
            self.get(store.open())
            self.get(store.setState("a", 1))
            self.get(store.close())


@contextmanager
def _smallDisk(size: int) -> Iterator[str]:
    """A directory on a small disk; skips the test if that is not possible."""
    directory = tempfile.mkdtemp()
    try:
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", directory], capture_output=True
        ).returncode:
            raise unittest.SkipTest("a small disk of its own (tmpfs) cannot be mounted here")
        try:
            yield directory
        finally:
            subprocess.run(["umount", directory], check=True)
    finally:
        os.rmdir(directory)

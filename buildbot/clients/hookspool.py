# -*- test-case-name: tests.daemons.test_git_hook -*-
"""The changes of a repository that the master does not have yet, as files in a directory of the repository.

L{buildbot.clients.hookdelivery} sends them.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress


class Spool:
    """I store the changes that the master does not have yet, one per file, in the order of their names."""

    def __init__(self, repository: str) -> None:
        self.path = os.path.join(repository, "buildbot-spool")
        # Users who may push to the repository may use the spool, and no others.
        self._mode = os.stat(repository).st_mode & 0o7777

    def put(self, changes: Sequence[Mapping[str, object]], end: float) -> None:
        """Store changes, after all earlier ones. Raises OSError if that is not possible until C{end}."""
        self._make(self.path)
        with self._locked("numbers", end):
            last = max((int(name) for name in os.listdir(self.path) if name.isdigit()), default=0)
            for number, each in enumerate(changes, last + 1):
                path = os.path.join(self.path, f"{number:012d}")
                self._write(f"{path}.new", json.dumps(each))
                os.rename(f"{path}.new", path)
            directory = os.open(self.path, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def names(self) -> list[str]:
        """The plain files, the oldest first. To open a FIFO, for example, would block the push."""
        try:
            with os.scandir(self.path) as entries:
                files = [each.name for each in entries if each.is_file(follow_symlinks=False)]
            return sorted(name for name in files if name.isdigit())
        except FileNotFoundError:
            return []

    def read(self, name: str) -> str:
        """The change in a file, as JSON."""
        with open(os.path.join(self.path, name), encoding="ascii") as stream:
            return stream.read()

    def done(self, name: str) -> None:
        """Remove a change: the master has it."""
        with suppress(FileNotFoundError):
            os.unlink(os.path.join(self.path, name))

    def refused(self, name: str) -> str:
        """Move a change away that the master never accepts. Returns its new path."""
        aside = os.path.join(self.path, "refused")
        self._make(aside)
        path = os.path.join(aside, f"{int(time.time())}-{name}")
        os.rename(os.path.join(self.path, name), path)
        return path

    def delivering(self, end: float) -> AbstractContextManager[None]:
        """Lock the delivery for this process. Raises TimeoutError if another one delivers until C{end}."""
        return self._locked("delivering", end)

    @contextmanager
    def _locked(self, name: str, end: float) -> Iterator[None]:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        lock = os.open(os.path.join(self.path, name), flags, 0o600 | (self._mode & 0o660))
        try:
            while True:
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= end:
                        raise TimeoutError(errno.ETIMEDOUT, "another push holds its lock") from None
                time.sleep(0.05)
            yield
        finally:
            os.close(lock)

    def _make(self, path: str) -> None:
        if not os.path.isdir(path):
            os.makedirs(path, exist_ok=True)
            with suppress(PermissionError):
                os.chmod(path, self._mode)

    def _write(self, path: str, text: str) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_NONBLOCK
        with open(os.open(path, flags, 0o600), "w", encoding="ascii") as stream:
            with suppress(PermissionError):
                os.fchmod(stream.fileno(), 0o600 | (self._mode & 0o060))
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())

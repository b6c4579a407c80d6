# -*- test-case-name: tests.unit.logstorage.test_storage -*-
"""What works with one bucket: sending, reading, copies, and the note of where it is. All of it blocks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice

from twisted.logger import Logger

from buildbot.logs.usage import scan
from buildbot.logstorage.bucket import Bucket, probe
from buildbot.logstorage.far import FarLogs
from buildbot.logstorage.keys import Name, keyOf, nameOf, nameOfKey
from buildbot.logstorage.local import LocalCopies
from buildbot.logstorage.noted import note
from buildbot.logstorage.orphans import Found
from buildbot.logstorage.s3 import S3
from buildbot.logstorage.sending import Sending
from buildbot.logstorage.spool import Key

log = Logger()


class Parts:
    """I am what works with one bucket. My methods block."""

    def __init__(
        self, setup: S3, bucket: Bucket, identity: str, directory: str, now: Callable[[], float]
    ) -> None:
        self._setup = setup
        self._directory = directory
        self._bucket = bucket
        self._start = f"{setup.prefix}{identity}/"
        self.copies = LocalCopies(directory, f"{setup.place}{identity}/", lambda: now())
        self.far = FarLogs(bucket, self._start, self.copies)
        self._sending = Sending(directory, bucket, self._start, self.copies, self.far)
        self._fresh: set[Name] = set()

    @staticmethod
    def opened(old: S3, new: S3) -> bool:
        """True if the client must be made again: other keys, or certificates."""
        return (old.credentialsFile, old.profile, old.instanceProfile, old.caFile, old.region) != (
            new.credentialsFile,
            new.profile,
            new.instanceProfile,
            new.caFile,
            new.region,
        )

    def probe(self) -> None:
        """Look whether the bucket can be used."""
        probe(self._bucket, self._start)

    def note(self) -> None:
        """Tell other processes where the logs are."""
        try:
            note(self._directory, self._setup, self._start)
        except OSError as why:
            log.warn("commands cannot read logs in the object storage: {why}", why=why)

    def look(self, builders: Sequence[str]) -> list[tuple[float, Key, int]]:
        """The logs on this disk that are not marked."""
        self.copies.load()
        return [
            (files.latest, (builder, number), files.size)
            for builder, builds in scan(self._directory, builders).items()
            for number, files in builds.items()
            if nameOf(builder, number) not in self.copies
        ]

    def send(self, name: Name, mayBeThere: bool) -> None:
        """Send the logs of a build; then make room on this disk."""
        self._sending.send(name, mayBeThere)
        self.copies.evict()

    def delete(self, names: Iterable[Name]) -> None:
        """Delete objects, and forget their copies."""
        for name in names:
            self._bucket.delete(keyOf(self._start, name))
            self.far.forget(name)
            self.copies.forget(name)

    def page(self, after: str, count: int) -> Sequence[Found]:
        """The first objects of this master whose keys follow C{after}."""
        found = islice(self._bucket.list(self._start, after), count)
        return [Found(key, nameOfKey(self._start, key), held) for key, held in found]

    def list(self) -> list[tuple[str, int, int, float]]:
        """All objects of this master."""
        found = ((nameOfKey(self._start, key), held) for key, held in self._bucket.list(self._start))
        return [(*name, held.size, held.when) for name, held in found if name is not None]

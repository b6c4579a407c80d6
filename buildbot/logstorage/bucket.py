"""What the storage of logs needs of a bucket, and how it fails."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

#: The bytes of a part of a long object. A server gives an object in parts another ETag.
PART = 8 << 20


class StorageAway(OSError):
    """The storage cannot be reached, or refuses. C{strerror} says why, without passwords.

    @ivar cure: what an administrator can do about it; may be empty.
    """

    def __init__(self, reason: str, cure: str = "") -> None:
        OSError.__init__(self, errno.EIO, reason)
        self.cure = cure


@dataclass(frozen=True)
class Held:
    """An object in the bucket.

    @ivar size: in bytes.
    @ivar etag: as the server gives it, without quotes.
    @ivar when: the time of its upload, in seconds since the epoch.
    """

    size: int
    etag: str = ""
    when: float = 0.0


class Server(Protocol):
    """The server of a bucket: see L{buildbot.logstorage.s3.S3}."""

    @property
    def endpoint(self) -> str: ...
    @property
    def bucket(self) -> str: ...
    @property
    def region(self) -> str | None: ...
    @property
    def credentialsFile(self) -> str | None: ...
    @property
    def profile(self) -> str | None: ...
    @property
    def instanceProfile(self) -> bool: ...
    @property
    def caFile(self) -> str | None: ...
    @property
    def place(self) -> str:
        """Server, bucket and prefix in words."""


class Bucket(Protocol):
    """I am a bucket. All methods block, and raise L{StorageAway}."""

    def put(self, key: str, path: str) -> None:
        """Store a file. An object of this key is replaced, whole or not at all."""

    def get(self, key: str, offset: int, length: int) -> bytes:
        """Some bytes of an object: fewer at its end. Raises FileNotFoundError if there is none."""

    def look(self, key: str) -> Held | None:
        """An object; None if there is none."""

    def delete(self, key: str) -> None:
        """Delete an object, if there is one."""

    def list(self, prefix: str, after: str = "") -> Iterator[tuple[str, Held]]:
        """Each key that begins with C{prefix} and follows C{after}, and its object; ordered by keys."""


def probe(bucket: Bucket, start: str) -> None:
    """Look whether a bucket can be used; changes nothing. Raises L{StorageAway}.

    @param start: the beginning of keys that may be listed.
    """
    for _ in bucket.list(f"{start}{_NO_KEY}"):
        return


#: No key begins so: the list is short.
_NO_KEY = "!probe/"

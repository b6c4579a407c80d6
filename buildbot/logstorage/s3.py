# -*- test-case-name: tests.unit.logstorage.test_s3 -*-
"""The value of C{c['logStorage']}: a bucket of a server that speaks the protocol S3."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from urllib.parse import urlsplit

from buildbot.logstorage.bucket import Bucket

#: The bytes of local copies, and of logs that wait, unless the configuration gives others.
CACHE, SPOOL = 2 << 30, 10 << 30


@dataclass(frozen=True)
class S3:
    """A bucket for the logs of finished builds.

    The keys to it are read from C{credentialsFile}; else from the environment (C{AWS_ACCESS_KEY_ID},
    C{AWS_SECRET_ACCESS_KEY}, C{AWS_SESSION_TOKEN}), from the usual file of AWS, and with C{instanceProfile}
    from the machine's own service. They are never shown.

    @ivar endpoint: the address of the server: C{"https://s3.eu-central-1.amazonaws.com"}.
    @ivar prefix: the beginning of all keys, such as C{"buildbot/"}. Masters may share a bucket.
    @ivar region: None: the server is asked.
    @ivar cacheSize: the most bytes of log files on this disk that are in the bucket, too.
    @ivar spoolLimit: no build begins while more bytes of logs wait for their upload; None: no limit.
    @ivar credentialsFile: a file in the form of C{~/.aws/credentials}.
    @ivar profile: the part of this file.
    @ivar instanceProfile: True to ask the machine's own service for keys.
    @ivar caFile: the certificates that sign the server's; None: those of the system.
    """

    endpoint: str
    bucket: str
    prefix: str = ""
    region: str | None = None
    cacheSize: int = CACHE
    spoolLimit: int | None = SPOOL
    credentialsFile: str | None = None
    profile: str | None = None
    instanceProfile: bool = False
    caFile: str | None = None

    def __post_init__(self) -> None:
        faults = [*self._faults()]
        if faults:
            raise ValueError(f"S3: {'; '.join(faults)}")

    def _faults(self) -> Iterator[str]:
        for name in ("endpoint", "bucket", "prefix"):
            if not isinstance(getattr(self, name), str):
                yield f"{name} is text, not {getattr(self, name)!r}"
        for name in ("region", "credentialsFile", "profile", "caFile"):
            if not isinstance(getattr(self, name), (str, type(None))):
                yield f"{name} is text, or None"
        if isinstance(self.endpoint, str):
            yield from _faultsOf(self.endpoint)
        if isinstance(self.bucket, str) and not self.bucket:
            yield "bucket is the name of a bucket"
        if isinstance(self.prefix, str) and (self.prefix.startswith("/") or "\0" in self.prefix):
            yield "prefix begins without a slash"
        sizes = [("cacheSize", self.cacheSize)]
        if self.spoolLimit is not None:
            sizes.append(("spoolLimit", self.spoolLimit))
        for name, size in sizes:
            if isinstance(size, bool) or not isinstance(size, int) or size < 0:
                yield f"{name} is a number of bytes, 0 or more"
        if find_spec("minio") is None:
            yield "the package minio is missing: install buildbot-classic[s3]"

    @property
    def place(self) -> str:
        """The place of the objects, in words: server, bucket and prefix."""
        return f"{self.endpoint.rstrip('/')}/{self.bucket}/{self.prefix}"

    def open(self) -> Bucket:
        """The bucket. Connects only when it is used."""
        from buildbot.logstorage.client import MinioBucket  # a master without a bucket does not need it

        return MinioBucket(self)


def _faultsOf(endpoint: str) -> Iterator[str]:
    try:
        parts = urlsplit(endpoint)
        isAddress = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/")
        isAddress = isAddress and (parts.port or 1) > 0 and not parts.query and not parts.fragment
    except ValueError:
        isAddress = False
        parts = urlsplit("")
    if parts.username is not None or parts.password is not None:
        yield "endpoint has no user and no password: see credentialsFile"
    elif not isAddress:
        yield "endpoint is an address such as 'https://s3.example.org:9000', without a path"

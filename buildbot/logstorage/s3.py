# -*- test-case-name: tests.unit.logstorage.test_s3 -*-
"""The value of C{c['logStorage']}: a bucket of a server that speaks the protocol S3."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from importlib.util import find_spec
from urllib.parse import urlsplit

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import FLAG, NAME, SIZE, TEXT, isText, orNone, textDetail
from buildbot.config.messages import articled
from buildbot.logstorage.bucket import Bucket, StorageAway, probe
from buildbot.logstorage.credentials import findKeys

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
        if find_spec("minio") is None:
            complain(self, "needs the package minio: install buildbot-classic[s3]")

    @property
    def place(self) -> str:
        """The place of the objects, in words: server, bucket and prefix."""
        return f"{self.endpoint.rstrip('/')}/{self.bucket}/{self.prefix}"

    @property
    def configurationDoubts(self) -> list[str]:
        """Probable mistakes, as far as the files of this machine tell. Blocks."""
        doubts = []
        try:
            findKeys(self, os.environ)
        except StorageAway as why:
            doubts.append(str(why.strerror))
        if self.caFile is not None and not os.access(self.caFile, os.R_OK):
            doubts.append(f"cannot read caFile {os.path.abspath(self.caFile)}")
        return [f"c['logStorage']: {each}" for each in doubts]

    def whyUnusable(self) -> str:
        """Ask the server. Returns why the bucket cannot be used, or an empty text. Blocks."""
        try:
            probe(self.open(), self.prefix)
        except StorageAway as why:
            return f"{why.strerror} ({why.cure})" if why.cure else str(why.strerror)
        return ""

    def absolute(self) -> S3:
        """The same, for a process in another directory: file names are absolute."""
        files = {"credentialsFile": self.credentialsFile, "caFile": self.caFile}
        found = {name: path and os.path.abspath(path) for name, path in files.items()}
        return replace(self, credentialsFile=found["credentialsFile"], caFile=found["caFile"])

    def open(self) -> Bucket:
        """The bucket. Connects only when it is used."""
        from buildbot.logstorage.client import MinioBucket  # a master without a bucket does not need it

        return MinioBucket(self)


def _faultOf(endpoint: object) -> str | None:
    """What is wrong with the address of a server; None: nothing."""
    if not isinstance(endpoint, str):
        return f"not {articled(endpoint)}"
    try:
        parts = urlsplit(endpoint)
        isAddress = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/")
        isAddress = isAddress and (parts.port or 1) > 0 and not parts.query and not parts.fragment
    except ValueError:
        return "this one cannot be read"
    if parts.username is not None or parts.password is not None:
        return "this one has a user or a password: see credentialsFile"
    return None if isAddress else "not this one"


_ENDPOINT = Kind(
    "an address such as 'https://s3.example.org:9000', without a path",
    lambda value: _faultOf(value) is None,
    _faultOf,
    isSecret=True,
    standIn="http://localhost",
)
_PREFIX = Kind(
    "text that does not begin with a slash",
    lambda value: isText(value) and not value.startswith("/") and "\0" not in value,
    textDetail,
    standIn="",
)
_TEXT = orNone(TEXT)
S3.__init__ = arguments(  # type: ignore[method-assign] # it is made by dataclass
    endpoint=_ENDPOINT,
    bucket=NAME,
    prefix=_PREFIX,
    region=_TEXT,
    cacheSize=SIZE,
    spoolLimit=orNone(SIZE, "no limit"),
    credentialsFile=_TEXT,
    profile=_TEXT,
    instanceProfile=FLAG,
    caFile=_TEXT,
)(S3.__init__)

# -*- test-case-name: tests.daemons.test_objects -*-
"""A bucket by way of the package minio, which blocks. It is imported at the first use, in a thread."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from threading import Lock
from typing import Any, TypeVar
from urllib.parse import urlsplit

from buildbot.logstorage.bucket import PART, Held, Server, StorageAway
from buildbot.logstorage.credentials import findKeys

_Result = TypeVar("_Result")

#: Seconds until a connection is made, and between two pieces of an answer.
CONNECT, READ = 5.0, 20.0
_MISSING = ("NoSuchKey", "NoSuchObject", "NotFound")
#: The code of an error -> its cure.
_CURES = {
    "NoSuchBucket": "create the bucket, or correct its name in c['logStorage']",
    "AccessDenied": "give these keys the right to read, write, list and delete in the bucket",
    "InvalidAccessKeyId": "correct the keys: see docs/howto/object-storage",
    "SignatureDoesNotMatch": "correct the secret key: see docs/howto/object-storage",
    "RequestTimeTooSkewed": "set the clock of this machine",
    "ExpiredToken": "give new keys: these have ended",
    **dict.fromkeys(
        ("AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"),
        "correct the region in c['logStorage'], and the endpoint: the bucket is in another one",
    ),
    **dict.fromkeys(("SlowDown", "ServiceUnavailable", "InternalError"), "wait: it is tried again"),
}


class MinioBucket:
    """I am a bucket of a server. See L{buildbot.logstorage.bucket.Bucket}."""

    def __init__(self, setup: Server) -> None:
        self._setup = setup
        self._lock = Lock()
        self._made: Any = None

    def __repr__(self) -> str:
        return f"<MinioBucket {self._setup.place}>"

    def put(self, key: str, path: str) -> None:
        """See L{Bucket}."""

        def put(client: Any, bucket: str) -> None:
            with open(path, "rb") as file:
                size = file.seek(0, 2)
                file.seek(0)
                client.put_object(bucket, key, file, size, part_size=PART, num_parallel_uploads=1)

        self._call(put)

    def get(self, key: str, offset: int, length: int) -> bytes:
        """See L{Bucket}."""

        def get(client: Any, bucket: str) -> bytes:
            answer = client.get_object(bucket, key, offset, length)
            try:
                # A server that ignores ranges would send all of a long object.
                if offset and answer.status != 206:
                    raise StorageAway("the server sends no ranges of objects", "use another server")
                data: bytes = answer.read(length)
            finally:
                answer.close()
                answer.release_conn()
            return data

        return self._call(get)

    def look(self, key: str) -> Held | None:
        """See L{Bucket}."""
        try:
            found = self._call(lambda client, bucket: client.stat_object(bucket, key))
        except (FileNotFoundError, StorageAway) as why:
            try:
                self.get(key, 0, 1)  # an answer to HEAD has no words: even a missing bucket looks like this
            except FileNotFoundError:
                return None
            raise StorageAway(str(why.strerror), getattr(why, "cure", "")) from None
        return _held(found)

    def delete(self, key: str) -> None:
        """See L{Bucket}."""
        try:
            self._call(lambda client, bucket: client.remove_object(bucket, key))
        except FileNotFoundError:
            return

    def list(self, prefix: str, after: str = "") -> Iterator[tuple[str, Held]]:
        """See L{Bucket}."""
        start = after or None
        found = self._call(
            lambda client, bucket: client.list_objects(bucket, prefix, recursive=True, start_after=start)
        )
        while True:
            each = self._call(lambda client, bucket: next(found, None))
            if each is None:
                return
            yield each.object_name, _held(each)

    def _call(self, work: Callable[[Any, str], _Result]) -> _Result:
        """Do some work, and say its errors in words."""
        from xml.etree.ElementTree import ParseError

        from minio.error import MinioException, S3Error
        from urllib3.exceptions import HTTPError

        try:
            return work(self._client(), self._setup.bucket)
        except S3Error as why:
            if why.code in _MISSING:
                raise FileNotFoundError(2, "there is no such object in the object storage") from None
            raise StorageAway(
                f"{self._where}: {why.code}: {why.message}", _CURES.get(str(why.code), "")
            ) from None
        except (MinioException, HTTPError, ParseError) as why:
            raise StorageAway(f"{self._where}: {_words(why)}", "check the server and the network") from None
        except ValueError as why:  # the name of a bucket that cannot be, or no keys of the machine
            raise StorageAway(f"{self._where}: {why}", "see docs/howto/object-storage") from None
        except FileNotFoundError:
            raise
        except StorageAway as why:
            raise StorageAway(f"{self._where}: {why.strerror}", why.cure) from None
        except OSError as why:
            reason = why.strerror or type(why).__name__
            raise StorageAway(f"{self._where}: {reason}", "check the server and the network") from None

    @property
    def _where(self) -> str:
        return f"object storage {self._setup.endpoint}, bucket {self._setup.bucket}"

    def _client(self) -> Any:
        with self._lock:
            if self._made is None:
                self._made = _made(self._setup)
            return self._made


def _made(setup: Server) -> Any:
    """A client, with limits of time, and without attempts of its own."""
    import urllib3
    from minio import Minio

    parts = urlsplit(setup.endpoint)
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT, read=READ),
        maxsize=8,
        cert_reqs="CERT_REQUIRED",
        ca_certs=setup.caFile,
        retries=False,
    )
    return Minio(
        parts.netloc,
        secure=parts.scheme == "https",
        region=setup.region,
        http_client=pool,
        credentials=_credentials(setup, pool),
    )


def _credentials(setup: Server, pool: Any) -> Any:
    """Finds the keys for each request: they may change while the master runs."""
    from minio.credentials import providers
    from minio.credentials.credentials import Credentials

    class Provider(providers.Provider):
        def retrieve(self) -> Any:
            keys = findKeys(setup, os.environ)
            if keys is None:
                return machine.retrieve()
            return Credentials(keys.access, keys.secret, session_token=keys.token)

    machine = providers.IamAwsProvider(http_client=pool)
    return Provider()


def _held(found: Any) -> Held:
    when = found.last_modified.timestamp() if found.last_modified is not None else 0.0
    return Held(found.size or 0, (found.etag or "").strip('"'), when)


def _words(why: Exception) -> str:
    """One line about an error of the connection."""
    words = str(getattr(why, "reason", None) or why).partition(": ")[2] or str(why)
    return " ".join(words.split())[:200] or type(why).__name__

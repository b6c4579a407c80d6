"""A bucket in memory that can be told to fail, to dawdle and to lie, and a reactor without threads."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any, TypeVar

from twisted.internet.task import Clock

from buildbot.logstorage.bucket import PART, Held, StorageAway

_Result = TypeVar("_Result")


class FakeBucket:
    """I am a bucket.

    @ivar objects: the objects, by key.
    @ivar calls: the names of all calls, with their keys.
    @ivar why: why every call fails; empty if they work.
    @ivar during: called with the name of a call in the middle of it.
    @ivar altered: what the bucket makes of the bytes that it takes.
    @ivar when: the time of all uploads.
    @ivar hasOtherSums: True if the ETags are none of MD5.
    """

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.calls: list[tuple[str, str]] = []
        self.why = ""
        self.during: Callable[[str], object] = lambda call: None
        self.altered: Callable[[bytes], bytes] = lambda data: data
        self.hasOtherSums = False
        self.fetched = 0
        self.when = 5.0

    def _called(self, name: str, key: str) -> None:
        self.calls.append((name, key))
        self.during(name)
        if self.why:
            raise StorageAway(self.why, "mend it")

    def put(self, key: str, path: str) -> None:
        with open(path, "rb") as file:
            data = file.read()
        self._called("put", key)
        self.objects[key] = self.altered(data)

    def get(self, key: str, offset: int, length: int) -> bytes:
        self._called("get", key)
        if key not in self.objects:
            raise FileNotFoundError(key)
        if offset < 0:
            raise OSError("a server refuses a range that begins before the object")
        data = self.objects[key][offset : offset + length]
        self.fetched += len(data)
        return data

    def look(self, key: str) -> Held | None:
        self._called("look", key)
        return self._held(key) if key in self.objects else None

    def _held(self, key: str) -> Held:
        data = self.objects[key]
        parts = [hashlib.md5(data[at : at + PART], usedforsecurity=False) for at in range(0, len(data), PART)]
        etag = parts[0].hexdigest() if len(parts) == 1 else ""
        if len(parts) > 1:
            digests = b"".join(each.digest() for each in parts)
            etag = f"{hashlib.md5(digests, usedforsecurity=False).hexdigest()}-{len(parts)}"
        return Held(len(data), "0" * 40 if self.hasOtherSums else etag, self.when)

    def delete(self, key: str) -> None:
        self._called("delete", key)
        self.objects.pop(key, None)

    def list(self, prefix: str, after: str = "") -> Iterator[tuple[str, Held]]:
        self._called("list", prefix)
        for key in sorted(self.objects):
            if key.startswith(prefix) and key > after:
                yield key, self._held(key)

    def count(self, call: str) -> int:
        """How often a call was made."""
        return sum(1 for name, _ in self.calls if name == call)


class FakeReactor(Clock):
    """I am a clock whose threads are none: their work is done at once, or when the test says so.

    @ivar isDawdling: True to keep the work until L{work}.
    """

    def __init__(self) -> None:
        super().__init__()
        self.isDawdling = False
        self.waiting: list[Callable[[], None]] = []

    def inThread(self, work: Callable[[], None]) -> None:
        """Do some work, or keep it."""
        if self.isDawdling:
            self.waiting.append(work)
        else:
            work()

    def work(self) -> None:
        """Do what waits."""
        waiting, self.waiting = self.waiting, []
        for each in waiting:
            each()

    def callFromThread(self, call: Callable[..., Any], *arguments: Any) -> None:
        """Make a call now."""
        call(*arguments)


def inAThread(call: Callable[[], _Result]) -> _Result:
    """Call a function in another thread, and wait for its result."""
    found: list[Any] = []

    def work() -> None:
        try:
            found.append((call(), None))
        except BaseException as why:
            found.append((None, why))

    thread = Thread(target=work)
    thread.start()
    thread.join()
    result, why = found[0]
    if why is not None:
        raise why
    return result  # type: ignore[no-any-return]

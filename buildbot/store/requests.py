# -*- test-case-name: tests.unit.store.test_store -*-
"""The common half of all stores: it turns the calls of L{IStore} into work on a L{Core}.

A L{Core} does the work synchronously, in one thread. Each store decides where and when.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred
from zope.interface import implementer

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, RequestRecord
from buildbot.store.interface import IStore

_T = TypeVar("_T")

#: The key of a build: the builder's name and the build's number.
BuildKey = tuple[str, int]


class Core(Protocol):
    """I do the work of L{IStore} synchronously. Data to store arrives as checked JSON text.

    C{prune} gets the log names that it returned earlier to this process: these files are deleted by now.
    """

    def addChange(self, when: float, text: str) -> int: ...
    def getChange(self, number: int) -> Change | None: ...
    def getChanges(self, count: int, before: int | None) -> list[Change]: ...
    def getChangesAfter(self, number: int, count: int) -> list[Change]: ...
    def addBuildset(
        self, text: str, submitted: float, builders: Sequence[str], state: Mapping[str, str]
    ) -> tuple[BuildsetRecord, list[RequestRecord]]: ...
    def getBuildset(self, id: int) -> BuildsetRecord | None: ...
    def getBuildsetsOf(self, scheduler: str, after: int) -> list[BuildsetRecord]: ...
    def getBuildsOf(self, buildset: int) -> list[BuildRecord]: ...
    def pendingRequests(self) -> list[RequestRecord]: ...
    def startBuild(self, build: BuildRecord, text: str, atLeast: int) -> int: ...
    def saveBuild(self, build: BuildRecord, text: str) -> None: ...
    def finishBuild(
        self, build: BuildRecord, text: str, requeue: bool, counts: bool
    ) -> list[BuildsetRecord]: ...
    def cancelRequests(self, ids: Sequence[int], when: float) -> list[BuildsetRecord]: ...
    def getBuild(self, builder: str, number: int) -> BuildRecord | None: ...
    def getBuilds(self, builder: str | None, count: int, before: float | None) -> list[BuildRecord]: ...
    def interrupted(self, when: float, amend: Callable[[BuildRecord], BuildRecord]) -> list[BuildRecord]: ...
    def giveUp(self, when: float) -> list[BuildsetRecord]: ...
    def getState(self, key: str) -> Any: ...
    def getStates(self, prefix: str) -> dict[str, Any]: ...
    def setState(self, key: str, text: str) -> None: ...
    def prune(self, keep: int, olderThan: float | None, deleted: Sequence[str]) -> list[str]: ...


@implementer(IStore)
class Store(ABC):
    """I am the front of an L{IStore}: I check arguments and convert them to JSON.

    A subclass decides where and when the work runs.
    """

    _pruned: Sequence[str] = ()
    _failed: Callable[[str], object] = staticmethod(lambda reason: None)
    _works: Callable[[], object] = staticmethod(lambda: None)
    _damaged: Callable[[str], object] = staticmethod(lambda reason: None)

    def watch(
        self,
        failed: Callable[[str], object],
        works: Callable[[], object],
        damaged: Callable[[str], object] = lambda reason: None,
    ) -> None:
        """See L{IStore}."""
        self._failed, self._works, self._damaged = failed, works, damaged

    def loss(self) -> str:
        """See L{IStore}."""
        return ""

    @abstractmethod
    def open(self) -> Deferred[None]:
        """See L{IStore}."""

    @abstractmethod
    def close(self) -> Deferred[None]:
        """See L{IStore}."""

    @abstractmethod
    def _read(self, work: Callable[[Core], _T]) -> Deferred[_T]:
        """Run work that only reads, after all earlier calls."""

    @abstractmethod
    def _write(self, work: Callable[[Core], _T], key: object = None, isSpare: bool = False) -> Deferred[_T]:
        """Run work that may write, completely or not at all.

        @param key: the item that this work overwrites as a whole.
        @param isSpare: True if the work may be skipped when the next work overwrites the same C{key}.
        """

    def addChange(self, change: Change, came: float | None = None) -> Deferred[Change]:
        """See L{IStore}."""

        def encoded() -> Deferred[int]:
            text = encode(change.toRecord())
            when = change.when if came is None else came
            return self._write(lambda core: core.addChange(when, text))

        return _asked(encoded).addCallback(change.numbered, came)

    def getChange(self, number: int) -> Deferred[Change | None]:
        """See L{IStore}."""
        return self._read(lambda core: core.getChange(number))

    def getChanges(self, count: int = 20, before: int | None = None) -> Deferred[list[Change]]:
        """See L{IStore}."""
        return self._read(lambda core: core.getChanges(count, before))

    def getChangesAfter(self, number: int, count: int = 1000) -> Deferred[list[Change]]:
        """See L{IStore}."""
        return self._read(lambda core: core.getChangesAfter(number, count))

    def addBuildset(
        self,
        reason: str,
        sourcestamp: Mapping[str, Any],
        builders: Sequence[str],
        properties: Mapping[str, Any],
        externalID: str | None,
        scheduler: str | None,
        submitted: float,
        state: Mapping[str, Any] | None = None,
        mergeable: bool = True,
    ) -> Deferred[tuple[BuildsetRecord, list[RequestRecord]]]:
        """See L{IStore}."""

        def encoded() -> Deferred[tuple[BuildsetRecord, list[RequestRecord]]]:
            if not builders:
                raise ValueError("a buildset without builders would never be complete")
            record = BuildsetRecord(
                *(0, reason, dict(sourcestamp), submitted, dict(properties), externalID, scheduler),
                mergeable=mergeable,
            )
            text = encode(record.toRecord())
            names = [word(each) for each in builders]
            states = {word(key): encode(value) for key, value in (state or {}).items()}
            return self._write(lambda core: core.addBuildset(text, submitted, names, states))

        return _asked(encoded)

    def getBuildset(self, id: int) -> Deferred[BuildsetRecord | None]:
        """See L{IStore}."""
        return self._read(lambda core: core.getBuildset(id))

    def getBuildsetsOf(self, scheduler: str, after: int = 0) -> Deferred[list[BuildsetRecord]]:
        """See L{IStore}."""
        return self._read(lambda core: core.getBuildsetsOf(scheduler, after))

    def getBuildsOf(self, buildset: int) -> Deferred[list[BuildRecord]]:
        """See L{IStore}."""
        return self._read(lambda core: core.getBuildsOf(buildset))

    def pendingRequests(self) -> Deferred[list[RequestRecord]]:
        """See L{IStore}."""
        return self._read(lambda core: core.pendingRequests())

    def startBuild(self, build: BuildRecord, atLeast: int = 0) -> Deferred[BuildRecord]:
        """See L{IStore}."""

        def encoded() -> Deferred[int]:
            if build.number is not None or build.finished is not None:
                raise ValueError(f"build {build.number} of {build.builder} has been started before")
            word(build.builder)
            text = encode(build.toRecord())
            return self._write(lambda core: core.startBuild(build, text, atLeast))

        return _asked(encoded).addCallback(lambda number: build.altered(number=number))

    def saveBuild(self, build: BuildRecord) -> Deferred[None]:
        """See L{IStore}."""

        def encoded() -> Deferred[None]:
            if build.finished is not None:
                raise ValueError(f"build {build.number} of {build.builder} is to be closed by finishBuild")
            key, text = keyOf(build), encode(build.toRecord())
            return self._write(lambda core: core.saveBuild(build, text), key, isSpare=True)

        return _asked(encoded)

    def finishBuild(
        self, build: BuildRecord, requeue: bool = False, counts: bool = True
    ) -> Deferred[list[BuildsetRecord]]:
        """See L{IStore}."""

        def encoded() -> Deferred[list[BuildsetRecord]]:
            if build.finished is None or build.results is None:
                raise ValueError(f"build {build.number} of {build.builder} has no end or no results")
            key, text = keyOf(build), encode(build.toRecord())
            return self._write(lambda core: core.finishBuild(build, text, requeue, counts), key)

        return defer.maybeDeferred(encoded)

    def cancelRequests(self, ids: Sequence[int], when: float) -> Deferred[list[BuildsetRecord]]:
        """See L{IStore}."""
        those = tuple(ids)
        return self._write(lambda core: core.cancelRequests(those, when))

    def getBuild(self, builder: str, number: int) -> Deferred[BuildRecord | None]:
        """See L{IStore}."""
        return self._read(lambda core: core.getBuild(word(builder), number))

    def getBuilds(
        self, builder: str | None = None, count: int = 20, before: float | None = None
    ) -> Deferred[list[BuildRecord]]:
        """See L{IStore}."""
        return self._read(lambda core: core.getBuilds(builder and word(builder), count, before))

    def interrupted(
        self, when: float, amend: Callable[[BuildRecord], BuildRecord] = lambda build: build
    ) -> Deferred[list[BuildRecord]]:
        """See L{IStore}."""
        return self._write(lambda core: core.interrupted(when, amend))

    def giveUp(self, when: float) -> Deferred[list[BuildsetRecord]]:
        """See L{IStore}."""
        return self._write(lambda core: core.giveUp(when))

    def getState(self, key: str, default: Any = None) -> Deferred[Any]:
        """See L{IStore}."""

        def read(core: Core) -> Any:
            value = core.getState(word(key))
            return default if value is None else value

        return self._read(read)

    def getStates(self, prefix: str) -> Deferred[dict[str, Any]]:
        """See L{IStore}."""
        return self._read(lambda core: core.getStates(word(prefix)))

    def setState(self, key: str, value: Any) -> Deferred[None]:
        """See L{IStore}."""

        def encoded() -> Deferred[None]:
            name, text = word(key), encode(value)
            return self._write(lambda core: core.setState(name, text))

        return defer.maybeDeferred(encoded)

    def prune(self, keep: int, olderThan: float | None = None) -> Deferred[list[str]]:
        """See L{IStore}."""

        def checked() -> Deferred[list[str]]:
            if keep < 1:
                raise ValueError(f"at least one build of each builder is kept, not {keep}")
            deleted = self._pruned
            return self._write(lambda core: core.prune(keep, olderThan, deleted)).addCallback(answered)

        def answered(names: list[str]) -> list[str]:
            self._pruned = names
            return names

        return defer.maybeDeferred(checked)


def _asked(ask: Callable[[], Deferred[_T]]) -> Deferred[_T]:
    """Call a function. If it raises, return a failed Deferred."""
    try:
        return ask()
    except Exception:
        return defer.fail()


def encode(value: Any) -> str:
    """The JSON text of a value, in ASCII. Raises TypeError or ValueError if JSON cannot hold it."""
    return _ENCODER.encode(value)


def word(text: str) -> str:
    """Return the text unchanged. Raises UnicodeEncodeError if UTF-8 cannot encode it."""
    text.encode()
    return text


def keyOf(build: BuildRecord) -> BuildKey:
    """The key of a build. Raises ValueError if the build has no number."""
    if build.number is None:
        raise ValueError(f"a build of {build.builder} without a number")
    return build.builder, build.number


_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)

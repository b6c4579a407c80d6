# -*- test-case-name: tests.unit.store.test_store -*-
"""The common half of all stores: it turns the calls of L{IStore} into work on a L{Core}.

A L{Core} does the work synchronously, in one thread. Each store decides where and when.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from twisted.internet import defer
from twisted.internet.defer import Deferred
from zope.interface import implementer

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord, Record, RequestRecord
from buildbot.store.actions import ActionCore, Actions
from buildbot.store.interface import TRIGGERED, Commits, IStore
from buildbot.store.listcalls import Lists
from buildbot.store.lists import ListCore
from buildbot.store.waiting import Unreadable, WaitingCore, WaitingRequests

_T = TypeVar("_T")

#: The key of a build: the builder's name and the build's number.
BuildKey = tuple[str, int]


class Core(Protocol):
    """I do the work of L{IStore} synchronously. A record to store arrives with its JSON text.

    C{prune} and C{dropBuilds} get the log names that either returned last: these files are deleted by now.

    @ivar lists: does the work of L{ILists<buildbot.store.lists.ILists>}.
    @ivar actions: does the work of L{IActions<buildbot.store.actions.IActions>}.
    @ivar waiting: does the work of L{IWaiting<buildbot.store.waiting.IWaiting>}.
    """

    @property
    def lists(self) -> ListCore: ...

    @property
    def actions(self) -> ActionCore: ...

    @property
    def waiting(self) -> WaitingCore: ...

    def addChange(
        self, change: Change, came: float | None, text: str, state: Mapping[str, str]
    ) -> Change: ...
    def getChange(self, number: int) -> Change | None: ...
    def getChanges(self, count: int, before: int | None) -> list[Change]: ...
    def getChangesAfter(self, number: int, count: int) -> list[Change]: ...
    def addBuildset(
        self,
        buildset: BuildsetRecord,
        text: str,
        builders: Sequence[str],
        state: Mapping[str, str],
        keys: Sequence[str],
    ) -> tuple[BuildsetRecord, list[RequestRecord]]: ...
    def getBuildset(self, id: int) -> BuildsetRecord | None: ...
    def getBuildsetsOf(self, scheduler: str, after: int, count: int | None) -> list[BuildsetRecord]: ...
    def getBuildsetOf(self, request: int) -> BuildsetRecord | None: ...
    def getBuildsOf(self, buildset: int) -> list[BuildRecord]: ...
    def pendingRequests(self) -> list[RequestRecord]: ...
    def startBuild(self, build: BuildRecord, text: str, atLeast: int) -> BuildRecord: ...
    def saveBuild(self, key: BuildKey, build: BuildRecord, text: str) -> None: ...
    def finishBuild(
        self, key: BuildKey, build: BuildRecord, text: str, requeue: bool, counts: bool, closer: str
    ) -> list[BuildsetRecord]: ...
    def cancelRequests(self, ids: Sequence[int], when: float) -> list[BuildsetRecord]: ...
    def getBuild(self, builder: str, number: int) -> BuildRecord | None: ...
    def getBuilds(self, builder: str | None, count: int, before: float | None) -> list[BuildRecord]: ...
    def interrupted(self, when: float, amend: Callable[[BuildRecord], BuildRecord]) -> list[BuildRecord]: ...
    def giveUp(self, when: float, unreadable: Sequence[Unreadable]) -> list[BuildsetRecord]: ...
    def getState(self, key: str) -> Any: ...
    def getStates(self, prefix: str) -> dict[str, Any]: ...
    def setState(self, key: str, text: str) -> None: ...
    def prunable(
        self, keep: int, olderThan: float | None, changes: int | None
    ) -> tuple[list[BuildKey], list[int]]: ...
    def prune(
        self, keep: int, olderThan: float | None, changes: int | None, deleted: Sequence[str]
    ) -> list[str]: ...
    def dropBuilds(self, keys: Sequence[BuildKey], deleted: Sequence[str]) -> list[str]: ...
    def forgetLogs(self, keys: Sequence[BuildKey], why: str) -> None: ...


@implementer(IStore)
class Store(Lists, Actions, WaitingRequests, ABC):
    """I am the front of an L{IStore}: I check arguments and convert them to JSON.

    A subclass decides where and when the work runs.
    """

    _pruned: Sequence[str] = ()
    _failed: Callable[[str], object] = staticmethod(lambda reason: None)
    _works: Callable[[], object] = staticmethod(lambda: None)
    _damaged: Callable[[str], object] = staticmethod(lambda reason: None)
    _lapsed: Callable[[str], object] = staticmethod(lambda reason: None)

    def __init__(self, core: Core) -> None:
        self._core = core
        self._lists = core.lists
        self._actions = core.actions
        self._waiting = core.waiting

    def watch(
        self,
        failed: Callable[[str], object],
        works: Callable[[], object],
        damaged: Callable[[str], object] = lambda reason: None,
        lapsed: Callable[[str], object] = lambda reason: None,
    ) -> None:
        """See L{IStore}."""
        self._failed, self._works, self._damaged, self._lapsed = failed, works, damaged, lapsed

    def server(self) -> str:
        """See L{IStore}."""
        return ""

    def risks(self) -> Sequence[str]:
        """See L{IStore}."""
        return ()

    def cut(self) -> None:
        """See L{IStore}. There is nothing to break."""

    def loss(self) -> str:
        """See L{IStore}."""
        return ""

    def commits(self) -> Commits:
        """See L{IStore}."""
        return Commits()

    @abstractmethod
    def open(self) -> Deferred[None]:
        """See L{IStore}."""

    @abstractmethod
    def close(self) -> Deferred[None]:
        """See L{IStore}."""

    @abstractmethod
    def _read(self, work: Callable[[], _T]) -> Deferred[_T]:
        """Run work of my core that only reads, after all earlier calls."""

    @abstractmethod
    def _write(self, work: Callable[[], _T], key: object = None, isReplaceable: bool = False) -> Deferred[_T]:
        """Run work of my core that may write, completely or not at all.

        @param key: the item that this work overwrites as a whole.
        @param isReplaceable: True if the work may be skipped when the next work overwrites the same C{key}.
        """

    def addChange(
        self, change: Change, came: float | None = None, state: Mapping[str, Any] | None = None
    ) -> Deferred[Change]:
        """See L{IStore}."""
        try:
            change = change.bounded()
            text = encode(change.toRecord())
            states = {word(key): encode(value) for key, value in state.items()} if state else {}
        except Exception:
            return defer.fail()
        return self._write(partial(self._core.addChange, change, came, text, states))

    def getChange(self, number: int) -> Deferred[Change | None]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getChange(number))

    def getChanges(self, count: int = 20, before: int | None = None) -> Deferred[list[Change]]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getChanges(count, before))

    def getChangesAfter(self, number: int, count: int = 1000) -> Deferred[list[Change]]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getChangesAfter(number, count))

    def addBuildset(
        self,
        buildset: BuildsetRecord,
        builders: Sequence[str],
        state: Mapping[str, Any] | None = None,
        keys: Sequence[str] = (),
    ) -> Deferred[tuple[BuildsetRecord, list[RequestRecord]]]:
        """See L{IStore}."""
        try:
            if not builders:
                raise ValueError("a buildset without builders would never be complete")
            states = {word(key): encode(value) for key, value in state.items()} if state else {}
            for each in (*builders, *keys):
                word(each)
            text = encode(buildset)
            if buildset.properties:
                buildset = buildset.altered(properties=json.loads(encode(buildset.properties)))
        except Exception:
            return defer.fail()
        named = tuple(builders), states, tuple(keys)
        return self._write(partial(self._core.addBuildset, buildset, text, *named))

    def getBuildset(self, id: int) -> Deferred[BuildsetRecord | None]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getBuildset(id))

    def getBuildsetsOf(
        self, scheduler: str, after: int = 0, count: int | None = None
    ) -> Deferred[list[BuildsetRecord]]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getBuildsetsOf(scheduler, after, count))

    def getBuildsetOf(self, request: int) -> Deferred[BuildsetRecord | None]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getBuildsetOf(request))

    def getBuildsOf(self, buildset: int) -> Deferred[list[BuildRecord]]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getBuildsOf(buildset))

    def pendingRequests(self) -> Deferred[list[RequestRecord]]:
        """See L{IStore}."""
        return self._read(lambda: self._core.pendingRequests())

    def startBuild(self, build: BuildRecord, atLeast: int = 0) -> Deferred[BuildRecord]:
        """See L{IStore}."""
        try:
            if build.number is not None or build.finished is not None:
                raise ValueError(f"build {build.number} of {build.builder} has been started before")
            word(build.builder)
            text = encode(build)
        except Exception:
            return defer.fail()
        return self._write(partial(self._core.startBuild, build, text, atLeast))

    def saveBuild(self, build: BuildRecord) -> Deferred[None]:
        """See L{IStore}."""
        try:
            if build.finished is not None:
                raise ValueError(f"build {build.number} of {build.builder} is to be closed by finishBuild")
            key, text = keyOf(build), encode(build)
        except Exception:
            return defer.fail()
        return self._write(partial(self._core.saveBuild, key, build, text), key, isReplaceable=True)

    def finishBuild(
        self, build: BuildRecord, requeue: bool = False, counts: bool = True, closer: str = ""
    ) -> Deferred[list[BuildsetRecord]]:
        """See L{IStore}."""
        try:
            if build.finished is None or build.results is None:
                raise ValueError(f"build {build.number} of {build.builder} has no end or no results")
            key, text = keyOf(build), encode(build)
            word(closer)
        except Exception:
            return defer.fail()
        return self._write(partial(self._core.finishBuild, key, build, text, requeue, counts, closer), key)

    def cancelRequests(self, ids: Sequence[int], when: float) -> Deferred[list[BuildsetRecord]]:
        """See L{IStore}."""
        return self._write(partial(self._core.cancelRequests, tuple(ids), when))

    def getBuild(self, builder: str, number: int) -> Deferred[BuildRecord | None]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getBuild(word(builder), number))

    def getBuilds(
        self, builder: str | None = None, count: int = 20, before: float | None = None
    ) -> Deferred[list[BuildRecord]]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getBuilds(builder and word(builder), count, before))

    def interrupted(
        self, when: float, amend: Callable[[BuildRecord], BuildRecord] = lambda build: build
    ) -> Deferred[list[BuildRecord]]:
        """See L{IStore}."""
        return self._write(partial(self._core.interrupted, when, amend))

    def giveUp(self, when: float, unreadable: Sequence[Unreadable] = ()) -> Deferred[list[BuildsetRecord]]:
        """See L{IStore}."""
        return self._write(partial(self._core.giveUp, when, tuple(unreadable)))

    def getState(self, key: str, default: Any = None) -> Deferred[Any]:
        """See L{IStore}."""

        def read() -> Any:
            value = self._core.getState(word(key))
            return default if value is None else value

        return self._read(read)

    def getStates(self, prefix: str) -> Deferred[dict[str, Any]]:
        """See L{IStore}."""
        return self._read(lambda: self._core.getStates(word(prefix)))

    def setState(self, key: str, value: Any) -> Deferred[None]:
        """See L{IStore}."""
        try:
            name, text = word(key), encode(value)
        except Exception:
            return defer.fail()
        return self._write(partial(self._core.setState, name, text))

    def prune(
        self, keep: int, olderThan: float | None = None, changes: int | None = None
    ) -> Deferred[list[str]]:
        """See L{IStore}."""
        if keep < 1 or (changes is not None and changes < 1):
            return defer.fail(ValueError(f"at least one build of each builder is kept, not {keep}"))
        pruning = self._write(partial(self._core.prune, keep, olderThan, changes, self._pruned))
        return pruning.addCallback(self._remember)

    def prunable(
        self, keep: int, olderThan: float | None = None, changes: int | None = None
    ) -> Deferred[tuple[list[BuildKey], int]]:
        """See L{IStore}."""

        def count() -> tuple[list[BuildKey], int]:
            builds, numbers = self._core.prunable(keep, olderThan, changes)
            return builds, len(numbers)

        return self._read(count)

    def dropBuilds(self, builds: Sequence[BuildKey]) -> Deferred[list[str]]:
        """See L{IStore}."""
        dropping = self._write(partial(self._core.dropBuilds, tuple(builds), self._pruned))
        return dropping.addCallback(self._remember)

    def forgetLogs(self, builds: Sequence[BuildKey], why: str) -> Deferred[None]:
        """See L{IStore}."""
        return self._write(partial(self._core.forgetLogs, tuple(builds), word(why)))

    def _remember(self, pruned: list[str]) -> list[str]:
        self._pruned = pruned
        return pruned


def _fields(value: object) -> dict[str, Any]:
    """The fields of a record, for JSON. Cheaper than L{Record.toRecord}, as nothing is copied."""
    if isinstance(value, Record):
        return vars(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def encode(value: object) -> str:
    """A value or a record as JSON text, in ASCII. Raises TypeError or ValueError if JSON cannot hold it."""
    try:
        return "".join(_parts(value, 0))
    except RecursionError:
        raise ValueError("it is nested too deep, or contains itself") from None


def _encoder() -> Callable[[Any, int], Iterable[str]]:
    """The function that makes the parts of a JSON text.

    C{JSONEncoder} makes a new one for each text, which takes longer than a short text.
    """
    usual = json.JSONEncoder(separators=(",", ":"), allow_nan=False, default=_fields)
    make = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # another implementation of Python
        return lambda value, level: (usual.encode(value),)
    quote, between = json.encoder.encode_basestring_ascii, (usual.key_separator, usual.item_separator)
    encoder: Callable[[Any, int], Iterable[str]] = make(
        None, _fields, quote, None, *between, False, False, False
    )
    return encoder


_parts = _encoder()


def word(text: str) -> str:
    """Return the text unchanged.

    @raise ValueError: a database cannot hold it: it has a NUL, or UTF-8 cannot encode it.
    """
    text.encode()
    if "\0" in text:
        raise ValueError(f"{text!r} has a NUL character")
    return text


def triggering(key: str) -> int | None:
    """The request whose build has triggered the set of a key under L{TRIGGERED}; None for any other key."""
    _, _, rest = key.partition(TRIGGERED)
    number = rest.partition("/")[0]
    return int(number) if key.startswith(TRIGGERED) and number.isdecimal() else None


def keyOf(build: BuildRecord) -> BuildKey:
    """The key of a build. Raises ValueError if the build has no number."""
    if build.number is None:
        raise ValueError(f"a build of {build.builder} without a number")
    return build.builder, build.number

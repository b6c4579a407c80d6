"""Builders that a slave cannot make do not affect its other builders."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed
from twisted.spread import pb
from twisted.trial import unittest

from buildbot.wire.failure import RemoteFailure
from buildbot.wire.offers import MOST_FAILING, OfferFailed, Offers, Superseded

MANY = [(f"b{n}", f"dir{n}") for n in range(100)]


def remote(words: str) -> RemoteFailure:
    """An error of a slave."""
    made = RemoteFailure.__new__(RemoteFailure)
    made.setCopyableState({b"type": b"exceptions.OSError", b"value": words.encode()})
    return made


def _nothing(path: str, directory: str) -> str:
    return f"[Errno 5] nothing: {path}"


class OldSlave:
    """I make builders like slaves of all generations: in order, up to the first failure.

    @ivar blocked: directories that I cannot make.
    @ivar isNew: True for a worker of a later release, whose error about a half-made builder has less detail.
    @ivar lists: all lists that I was sent.
    @ivar accepted: the directories of the last accepted list.
    """

    def __init__(self, *blocked: str, says: Callable[[str], str] | None = None, isNew: bool = False) -> None:
        self.blocked = set(blocked)
        self.says = says or (lambda directory: f"[Errno 17] File exists: '/home/slave/{directory}'")
        self.isNew = isNew
        self.lists: list[list[tuple[str, str]]] = []
        self.accepted: set[str] = set()
        self._services: set[str] = set()
        self._builders: dict[str, str] = {}

    def send(self, wanted: list[tuple[str, str]]) -> Deferred[Any]:
        """remote_setBuilderList, as in 0.7.12, 0.8.14 and the workers."""
        self.lists.append(wanted)
        for name, directory in wanted:
            if self._builders.get(name) == directory:
                continue
            if name not in self._builders and name in self._services:
                worker = "'WorkerForBuilderPb' object has no attribute 'bot'"
                old = f"cannot have two services with same name '{name}'"
                return fail(remote(worker if self.isNew else old))
            self._services.add(name)
            if name in self._builders:
                self._builders[name] = directory
            if "\0" in directory:
                return fail(remote("must be encoded string without NULL bytes, not str"))
            if directory in self.blocked:
                return fail(remote(self.says(directory)))
            self._builders[name] = directory
        names = {name for name, _ in wanted}
        for name in [name for name in self._builders if name not in names]:
            del self._builders[name]
            self._services.discard(name)
        self.accepted = {directory for _, directory in wanted}
        return succeed(dict(self._builders))


class OffersTests(unittest.SynchronousTestCase):
    """One failing builder costs only itself."""

    def settle(self, slave: OldSlave, builders: list[tuple[str, str]] = MANY) -> Offers:
        """Offer builders for the first time."""
        offers = Offers(slave.send)
        self.answer = self.successResultOf(Deferred.fromCoroutine(offers.settle(builders)))
        return offers

    def test_allWell(self) -> None:
        """A slave that can make all its builders gets one list."""
        slave = OldSlave()
        self.assertEqual(self.settle(slave).failing, {})
        self.assertEqual(slave.lists, [MANY])

    def test_oneFails(self) -> None:
        """F6: a slave gets all builders except the one whose directory it cannot make, and the reason is
        known.
        """
        slave = OldSlave("dir7")
        offers = self.settle(slave)
        self.assertEqual(offers.failing, {"b7": "[Errno 17] File exists: '/home/slave/dir7'"})
        self.assertEqual(slave.accepted, {directory for _, directory in MANY} - {"dir7"})
        self.assertEqual(len(slave.lists), 2)

    def test_several(self) -> None:
        """F6: each of several failing builders is found."""
        slave = OldSlave("dir0", "dir50", "dir99")
        self.assertEqual(list(self.settle(slave).failing), ["b0", "b50", "b99"])
        self.assertEqual(len(slave.accepted), 97)

    def test_spellings(self) -> None:
        """F6: the failing builder is found in all spellings of its directory."""
        for directory, path in (
            ("full", "'C:\\\\slave\\\\full'"),
            ("a/full", "'C:\\\\slave\\\\a\\\\full'"),
            ("bücher", "'/s/b\\xc3\\xbccher'"),
            ("full", '"/o\'s/full"'),
            ("a/full/", "'/s/a/full/'"),
        ):
            slave = OldSlave(directory, says=partial(_nothing, path))
            builders = [("other", "o"), ("one", directory), ("lull", "ull"), ("last", "x")]
            self.assertEqual(list(self.settle(slave, builders).failing), ["one"], directory)
            self.assertEqual(len(slave.lists), 2)

    def test_homeOfTheSlave(self) -> None:
        """F6: a builder named like the slave's own directory is not blamed for another one."""
        slave = OldSlave("quick", says=lambda directory: f"[Errno 13] '/home/full/{directory}'")
        self.assertEqual(list(self.settle(slave, [("f", "full"), ("q", "quick")]).failing), ["q"])

    def test_errorWithoutAName(self) -> None:
        """F6: a failing builder is found even if the error does not name it; the slave then has the
        others.
        """
        for blocked in (["dir0"], ["dir99"], ["dir31", "dir32"]):
            slave = OldSlave(*blocked, says=lambda directory: "'ascii' codec can't encode character")
            self.assertEqual([f"dir{name[1:]}" for name in self.settle(slave).failing], blocked)
            self.assertEqual(len(slave.accepted), 100 - len(blocked))
            self.assertLess(len(slave.lists), 20)

    def test_triedAgain(self) -> None:
        """F6: a builder works when its directory can be made again, although the slave keeps a half-made
        one.
        """
        for slave in (OldSlave("dir7"), OldSlave("dir7", isNew=True)):
            offers = self.settle(slave)
            for _ in range(3):
                self.successResultOf(Deferred.fromCoroutine(offers.settle(MANY)))
                self.assertEqual(list(offers.failing), ["b7"])
            slave.blocked.clear()
            answer = self.successResultOf(Deferred.fromCoroutine(offers.settle(MANY)))
            self.assertEqual(offers.failing, {})
            self.assertIn(offers.nameOf("b7"), answer)
            again = self.settle(slave)  # like after a reconnect
            self.assertEqual(again.failing, {})
            self.assertIn(again.nameOf("b7"), self.answer)

    def test_knownBefore(self) -> None:
        """F6: builders that failed on an earlier connection are retried without a search."""
        for isNew in (False, True):
            slave = OldSlave("dir7", "dir8", isNew=isNew)
            failing = self.settle(slave).failing
            before = len(slave.lists)
            offers = Offers(slave.send, failing)
            self.successResultOf(Deferred.fromCoroutine(offers.settle(MANY)))
            self.assertEqual((list(offers.failing), len(slave.lists) - before), (["b7", "b8"], 3))

    def test_nothingWorks(self) -> None:
        """A slave with very many failing builders, or that refuses an empty list, is refused."""
        slave = OldSlave(*(directory for _, directory in MANY))
        offers = Offers(slave.send)
        why = self.failureResultOf(Deferred.fromCoroutine(offers.settle(MANY)), OfferFailed)
        self.assertIn(f"more than {MOST_FAILING} builders fail", why.getErrorMessage())
        broken = Offers(lambda wanted: fail(remote("no")))
        self.failureResultOf(Deferred.fromCoroutine(broken.settle([("a", "b")])), OfferFailed)

    def test_superseded(self) -> None:
        """A retried list never overtakes a newer one."""
        waiting: list[Deferred[Any]] = []
        sent: list[list[tuple[str, str]]] = []

        def send(wanted: list[tuple[str, str]]) -> Deferred[Any]:
            sent.append(wanted)
            waiting.append(Deferred())
            return waiting[-1]

        offers = Offers(send)
        first = Deferred.fromCoroutine(offers.settle([("a", "x"), ("b", "y")]))
        second = Deferred.fromCoroutine(offers.settle([("a", "x")]))
        waiting[0].errback(remote("No such file or directory: '/s/y'"))
        self.failureResultOf(first, Superseded)
        waiting[1].callback({})
        self.assertEqual(self.successResultOf(second), {})
        self.assertEqual(len(sent), 2)

    def test_lost(self) -> None:
        """A lost connection does not make any builder fail."""
        offers = Offers(lambda wanted: fail(pb.PBConnectionLost()))
        self.failureResultOf(Deferred.fromCoroutine(offers.settle(MANY)), pb.PBConnectionLost)

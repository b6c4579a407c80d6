"""The values that people used last in the forms to force a build."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred, fail
from twisted.trial import unittest

from buildbot.store.interface import StoreFailed
from buildbot.store.memory import MemoryStore
from buildbot.web import lastforced
from buildbot.web.lastforced import LastForced


class LastForcedTests(unittest.TestCase):
    """Values are kept in the store, within limits."""

    def setUp(self) -> None:
        self.store = MemoryStore()
        self.successResultOf(self.store.open())
        self.last = LastForced()

    def keep(self, person: str, **given: list[str]) -> None:
        self.successResultOf(ensureDeferred(self.last.keep(self.store, "full", person, given)))

    def of(self, person: str) -> Any:
        return self.successResultOf(ensureDeferred(self.last.of(self.store, "full", person)))

    def test_restart(self) -> None:
        """The values survive a restart, for each person."""
        self.keep("ann", branch=["a"])
        self.keep("bob", branch=["b"])
        self.last = LastForced()
        self.assertEqual(
            (self.of("ann"), self.of("bob"), self.of("eve")), ({"branch": ["a"]}, {"branch": ["b"]}, {})
        )

    def test_limits(self) -> None:
        """Of very many people, the last ones are kept; so are the first fields of a form."""
        self.patch(lastforced, "PEOPLE", 2)
        for name in ("ann", "bob", "cid"):
            self.keep(name, branch=["x"])
        self.assertEqual((self.of("ann"), self.of("cid")), ({}, {"branch": ["x"]}))
        self.keep("ann", **{f"field{number}": ["x"] for number in range(100)})
        self.assertEqual(len(self.of("ann")), lastforced.FIELDS)

    def test_storeFails(self) -> None:
        """While the store does not work, the form is as it was made, and builds are forced."""

        def broken(*arguments: object) -> Deferred[Any]:
            return fail(StoreFailed("the disk is full"))

        self.patch(self.store, "getState", broken)
        self.patch(self.store, "setState", broken)
        self.assertEqual(self.of("ann"), {})
        self.keep("ann", branch=["a"])

    def test_otherState(self) -> None:
        """A state of another shape counts as none."""
        self.successResultOf(self.store.setState("web/lastforced/full", [1]))
        self.assertEqual(self.of("ann"), {})
        strange = {"ann": [1], "bob": {"branch": 1}, "cid": {"branch": [1]}, "eve": {"branch": ["b"]}}
        self.successResultOf(self.store.setState("web/lastforced/full", strange))
        self.last = LastForced()
        self.assertEqual([self.of(name) for name in strange], [{}, {}, {}, {"branch": ["b"]}])

    def test_readAgain(self) -> None:
        """If the store fails for a while, the values that it has are not lost."""
        self.keep("ann", branch=["a"])
        self.last = LastForced()
        failing = self.patch(self.store, "getState", lambda key: fail(StoreFailed("the disk is full")))
        self.assertEqual(self.of("ann"), {})
        self.keep("bob", branch=["b"])
        failing.restore()
        self.assertEqual(self.of("ann"), {"branch": ["a"]})

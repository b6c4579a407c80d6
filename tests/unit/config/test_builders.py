"""The rules for builders, called with dictionaries; see tests/brokenconfigs.py for whole files."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.config import check
from buildbot.config.builders import MOST_BUILDERS, builders
from buildbot.config.messages import Report
from buildbot.config.model import BuilderConfig, SiteRule
from tests.unit.config.test_check import Factory, errors, raw

FACTORY = Factory()


class Lock:
    """A lock that differs from others only by its name."""

    def __init__(self, name: str) -> None:
        self.name = name


def builder(**changes: Any) -> dict[str, Any]:
    """A valid builder with changed entries; None removes an entry."""
    whole = {"name": "full", "slavename": "b1", "builddir": "full", "factory": FACTORY, **changes}
    return {key: value for key, value in whole.items() if value is not None}


def told(*several: dict[str, Any], bots: tuple[str, ...] = ("b1", "b2")) -> list[str]:
    """The errors of these builders."""
    return errors(bots=[(name, "pw") for name in bots], builders=list(several))


class BuilderTests(unittest.TestCase):
    """One entry of c['builders']."""

    def test_value(self) -> None:
        """A builder with every key becomes a value with all of them; a repeated slave counts once."""
        lock = Lock("db")
        entry = builder(slavenames=["b2", "b1", "b2"], category="nightly", locks=[lock])
        self.assertEqual(told(entry), [])
        self.assertEqual(
            list(builders(raw(builders=[entry]))),
            [BuilderConfig("full", ("b1", "b2"), "full", FACTORY, "nightly", (lock,))],
        )

    def test_functions(self) -> None:
        """The functions that choose builds, and the tags, become values; wrong ones are told."""

        def choose(builder: Any, several: Any) -> Any:
            return several[0]

        entry = builder(nextBuild=choose, nextSlave=choose, canStartBuild=lambda *all: True, tags=["a", "b"])
        self.assertEqual(told(entry), [])
        (value,) = builders(raw(builders=[entry]))
        self.assertEqual((value.nextBuild, value.nextSlave), (SiteRule(choose), SiteRule(choose)))
        self.assertEqual(value.tags, ("a", "b"))
        self.assertEqual(told(builder(nextSlave=lambda builder, slaves, request: None)), [])
        two = "a function of (builder, {}): this one does not take two arguments"
        for key, wrong, words in (
            ("nextBuild", lambda one: one, f"must be {two.format('requests')}"),
            ("nextSlave", lambda one: one, f"must be {two.format('slaves')}"),
            ("canStartBuild", choose, "this one does not take three arguments"),
            ("nextSlave", 5, "must be a function of (builder, slaves), not an int"),
            ("nextBuild", "oldest", "must be a function of (builder, requests), not a str"),
            ("tags", "nightly", "must be a list of texts, not a str"),
            ("tags", [5], "must be a list of texts, not a list"),
            ("nextWorker", choose, "here it is 'nextSlave'"),
        ):
            [error] = told(builder(**{key: wrong}))
            self.assertIn(words, error)
        [error] = told(builder(tags=["a", ""]))
        self.assertIn("has a tag that is empty", error)

    def test_slavenamesAlone(self) -> None:
        """A builder may have its slaves in a list or a tuple."""
        self.assertEqual(told(builder(slavename=None, slavenames=("b1", "b2"))), [])

    def test_noSlaves(self) -> None:
        """A builder without a slave is refused."""
        [error] = told(builder(slavename=None, slavenames=[]))
        self.assertIn("has no slave", error)

    def test_undefinedSlave(self) -> None:
        """The error about an undefined slave suggests the nearest one, and lists all known ones."""
        [error] = told(builder(slavename="full-linux"), bots=("full_linux", "mac"))
        self.assertEqual(
            error,
            "builder 'full' uses undefined slave 'full-linux'; did you mean 'full_linux'?; "
            "known slaves: full_linux, mac",
        )

    def test_manyKnownSlaves(self) -> None:
        """With a thousand bots, the error about an undefined slave is still short."""
        [error] = told(builder(slavename="gone"), bots=tuple(f"b{i}" for i in range(1000)))
        self.assertIn("and 990 more", error)
        self.assertLess(len(error), 200)

    def test_dotName(self) -> None:
        """A name that browsers remove from addresses is an error: its page could not be opened."""
        for name in (".", ".."):
            (error,) = errors(builders=[builder(name=name)])
            self.assertIn("has a name that cannot be a part of a web address", error)
        self.assertEqual(errors(builders=[builder(name="...")]), [])

    def test_longName(self) -> None:
        """F8: an undefined slave with a name of a million characters gives a short error."""
        [error] = told(builder(slavename="x" * 10**6))
        self.assertIn("uses undefined slave 'xxx", error)
        self.assertLess(len(error), 200)

    def test_categories(self) -> None:
        """F7: a category that cannot be shown in a line is refused; a plain or empty one is valid."""
        for good in ("nightly", "", "ünï code", None):
            self.assertEqual(told(builder(category=good)), [], good)
        for bad in ("a\nb", "a\0b", "\ud800", " "):
            [error] = told(builder(category=bad))
            self.assertIn("has a category that", error)

    def test_builddirs(self) -> None:
        """F6, F8: a build directory must be one that a slave can make; it may be absolute, as in 0.7.5."""
        for good in (
            *("full", "a/b", "./full", "with space", "ünï", "a..b", "full/", "/abs", "C:\\abs", "\\abs"),
            *("x" * 255, "/".join(["x" * 200] * 5), "informal", "a/info", "xx:y"),
        ):
            self.assertEqual(told(builder(builddir=good)), [], good)
        for bad in (
            "",
            ".",
            "..",
            "a/../..",
            "/",
            "//",
            "C:",
            "C:\\",
            "C:abs",
            "x" * 256,
            "a/" + "ü" * 128,
            "x/" * 513,
            "info",
            "Twistd.LOG",
            "..\\up",
            "~/x",
            "a\0b",
            "a\nb",
        ):
            self.assertEqual(len(told(builder(builddir=bad))), 1, bad)

    def test_sameBuilddir(self) -> None:
        """Two builders cannot share a directory, in any spelling."""
        for same in ("a/b", "a//b", "./a/b/", "a/x/../b", "a\\b"):
            [error] = told(builder(builddir="a/b"), builder(name="other", builddir=same))
            self.assertIn("reuses builddir", error)

    def test_locks(self) -> None:
        """Two locks with one name must be the same lock, in builders and steps."""
        one, other = Lock("db"), Lock("db")
        self.assertEqual(told(builder(locks=[one]), builder(name="b", builddir="b", locks=[one])), [])
        factory = Factory()
        factory.steps = ((object, {"locks": [other]}),)
        [error] = told(builder(locks=[one]), builder(name="b", builddir="b", factory=factory))
        self.assertIn("two different locks share the name 'db'", error)
        factory.steps = ("odd", (object,), (object, "odd"), object())
        self.assertEqual(told(builder(factory=factory)), [])

    def test_factoryByDuck(self) -> None:
        """Any object that can make builds is a factory, as in 0.7.5."""

        class Own:
            def newBuild(self, request: object) -> object:
                """Make a build."""
                return request

        self.assertEqual(told(builder(factory=Own())), [])
        self.assertEqual(len(told(builder(factory=[]))), 1)

    def test_mostBuilders(self) -> None:
        """A slave can have a thousand builders; one more is refused here, before a slave gets the list
        (A9).
        """
        several = [builder(name=f"n{i}", builddir=f"d{i}") for i in range(MOST_BUILDERS)]
        self.assertEqual(told(*several), [])
        [error] = told(*several, builder())
        self.assertTrue(error.startswith("slave 'b1' has 1001 builders"), error)

    def test_everyError(self) -> None:
        """One builder with five faults has five errors."""
        found = told(
            {"name": 7, "slavenames": "b1", "builddir": None, "category": 1, "locks": 1, "factory": FACTORY}
        )
        self.assertEqual(len(found), 5, found)

    def test_place(self) -> None:
        """An error has the line of its builder."""
        asked: list[tuple[object, ...]] = []
        check.errors(
            raw(builders=[builder(), builder(builddir="/")]), Report("x", lambda *at: asked.append(at))
        )
        self.assertEqual(set(asked), {("builders", 1, "full", 2)})

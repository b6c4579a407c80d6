# -*- test-case-name: tests.unit.test_lanes -*-
"""The processes that share the fast tests: who runs what, and what they say at the end."""

from __future__ import annotations

import io
import os
import sys
from collections import Counter

from twisted.trial import unittest
from twisted.trial.runner import LoggedSuite

from tests.lanes import gathered, lane, modules, put, summary, taken


class ModulesTests(unittest.SynchronousTestCase):
    """Which modules are run."""

    def setUp(self) -> None:
        self.path = [self.mktemp(), self.mktemp()]
        for name in (
            "some/__init__.py",
            "some/test_one.py",
            "some/helping.py",
            "some/inner/__init__.py",
            "some/inner/test_two.py",
            "some/inner/test_words.txt",
            "some/pictures/test_three.py",
        ):
            place = os.path.join(self.path[1], name)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            with open(place, "w"):
                pass

    def test_package(self) -> None:
        """A package stands for the test modules in it and in the packages below it, and for no other file."""
        self.assertEqual(list(modules("some", self.path)), ["some.inner.test_two", "some.test_one"])

    def test_module(self) -> None:
        """A module stands for itself, whatever its name."""
        self.assertEqual(list(modules("some.inner.test_two", self.path)), ["some.inner.test_two"])
        self.assertEqual(list(modules("some.helping", self.path)), ["some.helping"])

    def test_unknown(self) -> None:
        """A name that is wrong is an error, and not a run of nothing."""
        for name in ("some.other", "other", "some.test_one.Tests"):
            self.assertRaises(LookupError, modules, name, self.path)

    def test_all(self) -> None:
        """This very module is among those of the fast tests."""
        self.assertIn(__name__, list(modules("tests.unit", sys.path)))


class QueueTests(unittest.SynchronousTestCase):
    """What the processes take."""

    def test_each(self) -> None:
        """Each name is taken once, whole, in the order in which it was put, by whoever comes first."""
        reading, writing = os.pipe()
        names = ["tests.unit.test_one", "tests." + "long" * 30, "tests.unit.test_three"]
        with open(writing, "wb", buffering=0) as queue:
            put(queue, names)
        with open(reading, "rb", buffering=0) as one, open(os.dup(reading), "rb", buffering=0) as other:
            first, second = taken(one), taken(other)
            got = [next(first), next(second), *first, *second]
        self.assertEqual(got, names)


CASES = """
from twisted.python import log
from twisted.trial import unittest

class Tests(unittest.TestCase):
    def test_good(self): pass
    def test_bad(self): self.fail("the roof")
    def test_error(self): raise ValueError("the floor")
    def test_logs(self): log.err(KeyError("the door"))
    def test_skipped(self): raise unittest.SkipTest("no house")
    def test_todo(self): self.fail("later")
    test_todo.todo = "built next year"
"""


class LaneTests(unittest.SynchronousTestCase):
    """One process, without the process."""

    def run_(self, **sources: str) -> tuple[Counter[str], str]:
        """Run such modules; the counts, and what was said."""
        os.mkdir(directory := self.mktemp())
        self.patch(sys, "path", [directory, *sys.path])
        for name, source in sources.items():
            self.addCleanup(sys.modules.pop, name, None)
            with open(os.path.join(directory, f"{name}.py"), "w") as file:
                file.write(source)
        said = io.StringIO()
        return lane(iter(sources), said, LoggedSuite), said.getvalue()

    def test_kinds(self) -> None:
        """Each kind of result is counted, and what has failed is told as trial tells it."""
        counts, said = self.run_(lanes_kinds=CASES)
        wanted = {"successes": 1, "failures": 1, "errors": 2, "skips": 1, "expectedFailures": 1}
        self.assertEqual({name: count for name, count in counts.items() if count}, wanted)
        self.assertIn("lanes_kinds: 6\n", said)
        for text in ("the roof", "the floor", "the door", "lanes_kinds.Tests.test_bad"):
            self.assertIn(text, said)

    def test_several(self) -> None:
        """The modules are run one after another, and their tests count together."""
        counts, said = self.run_(lanes_one=CASES, lanes_two=CASES)
        self.assertEqual((counts["successes"], counts["errors"]), (2, 4))
        self.assertLess(said.index("lanes_one: 6"), said.index("lanes_two: 6"))

    def test_notImported(self) -> None:
        """A module that cannot be imported is an error; the next one is run."""
        counts, said = self.run_(lanes_broken="import nothing_like_it", lanes_good=CASES)
        self.assertEqual((counts["successes"], counts["errors"]), (1, 3))
        self.assertIn("nothing_like_it", said)


class SummaryTests(unittest.SynchronousTestCase):
    """The last line."""

    def test_words(self) -> None:
        """It is that of trial, which F{.ci/run} reads. No test at all has not passed."""
        for counts, said in (
            ({"successes": 3}, "PASSED (successes=3)"),
            ({"successes": 3, "skips": 1, "errors": 0}, "PASSED (skips=1, successes=3)"),
            ({"successes": 3, "failures": 1}, "FAILED (failures=1, successes=3)"),
            ({"successes": 3, "errors": 2}, "FAILED (errors=2, successes=3)"),
            ({"successes": 3, "unexpectedSuccesses": 1}, "FAILED (unexpectedSuccesses=1, successes=3)"),
            ({}, "FAILED ()"),
        ):
            self.assertEqual(summary(Counter(counts)), said)

    def test_gathered(self) -> None:
        """The counts of all processes are added. A process that died before it could say them is an error."""
        for name in ("0", "1", "2"):
            os.makedirs(os.path.join(base := "gathered", name), exist_ok=True)
        for name in ("0", "2"):
            with open(os.path.join(base, name, "counts.json"), "w") as file:
                file.write('{"successes": 2, "skips": 1}')
        counts = gathered(os.path.join(base, name) for name in ("0", "1", "2"))
        self.assertEqual(counts, {"successes": 4, "skips": 2, "errors": 1})

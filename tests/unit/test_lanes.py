# -*- test-case-name: tests.unit.test_lanes -*-
"""The processes that share the fast tests: who runs what, and what they say at the end."""

from __future__ import annotations

import fcntl
import io
import os
import sys
from collections import Counter

from twisted.trial import unittest
from twisted.trial.runner import LoggedSuite

from tests import lanes
from tests.lanes import gathered, inMemory, lane, modules, put, summary, taken


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


class MemoryTests(unittest.SynchronousTestCase):
    """Where the files of the tests are."""

    def setUp(self) -> None:
        os.mkdir(memory := self.mktemp())
        self.memory = os.path.abspath(memory)
        self.locks: list[int] = []

    def made(self, room: int = 1) -> str:
        """A new directory, in use until its lock is released."""
        found = inMemory(self.memory, room)
        assert found is not None
        directory, lock = found
        self.locks.append(lock)
        self.addCleanup(os.close, lock)
        return directory

    def test_new(self) -> None:
        """Each run has a directory of its own, with a short name."""
        first, second = self.made(), self.made()
        self.assertNotEqual(first, second)
        for each in (first, second):
            self.assertTrue(os.path.isdir(each))
            self.assertLess(len(os.path.relpath(each, self.memory)), 20)

    def test_none(self) -> None:
        """Without such memory, and with too little room, the working directory is used."""
        self.assertIsNone(inMemory(os.path.join(self.memory, "absent")))
        self.assertIsNone(inMemory(self.memory, 1 << 62))
        self.assertEqual(os.listdir(self.memory), [])

    def test_noPrograms(self) -> None:
        """Some tests write programs and start them, which not each machine permits in memory."""
        system = list(os.statvfs(self.memory))
        system[8] |= os.ST_NOEXEC
        self.patch(os, "statvfs", lambda path: os.statvfs_result(system))
        self.assertIsNone(inMemory(self.memory, 1))

    def test_earlier(self) -> None:
        """What a failed run has left is removed, once no process of it lives; nothing else is."""
        earlier = self.made()
        os.makedirs(os.path.join(earlier, "0", "logs"))
        os.mkdir(other := os.path.join(self.memory, "other"))
        os.symlink(other, link := os.path.join(self.memory, "bbtests-link"))
        used = self.made()
        self.assertEqual({earlier, other, link, used}, self.there())
        fcntl.flock(self.locks[0], fcntl.LOCK_UN)
        self.assertEqual({self.made(), other, link, used}, self.there())

    def there(self) -> set[str]:
        """All that is in the memory."""
        return {os.path.join(self.memory, name) for name in os.listdir(self.memory)}


class KeptTests(unittest.SynchronousTestCase):
    """What is left of a run, without its processes."""

    def run_(self, status: int, *arguments: str) -> tuple[set[str], str]:
        """A run that ends so: the directories that it has left in memory, and what it said."""
        os.mkdir(memory := os.path.abspath(self.mktemp()))
        self.patch(lanes, "inMemory", lambda: inMemory(memory, 1))
        self.patch(lanes, "_run", self.runs)
        self.patch(sys, "stderr", said := io.StringIO())
        self.ran: list[str] = []
        self.status = status
        self.assertEqual(lanes.main([*arguments, "tests.unit.test_lanes"]), status)
        return set(os.listdir(memory)), said.getvalue()

    def runs(self, found: list[str], count: int, directory: str, *kept: int) -> int:
        self.ran.append(directory)
        return self.status

    def test_good(self) -> None:
        """Nothing stays in memory, and nothing is said about it."""
        self.assertEqual(self.run_(0), (set(), ""))

    def test_failed(self) -> None:
        """The files stay, and the last line says where."""
        left, said = self.run_(1)
        self.assertEqual(left, {os.path.basename(self.ran[0])})
        self.assertIn(self.ran[0], said)

    def test_named(self) -> None:
        """The directory that a person has named is made anew, and is kept."""
        os.makedirs(os.path.join(mine := self.mktemp(), "earlier"))
        self.assertEqual(self.run_(0, "--temp-directory", mine), (set(), ""))
        self.assertEqual((self.ran, os.listdir(mine)), ([mine], []))


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

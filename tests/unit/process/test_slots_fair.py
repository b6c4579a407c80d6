"""Builders that share slaves with few slots: each gets its turn, in any order of ends."""

from __future__ import annotations

from collections import Counter

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.config.model import BuilderConfig, MasterConfig, SlaveConfig
from tests.examples import THOROUGH
from tests.fakes import FakeCommand
from tests.unit.process.test_builds import BuildCase, shell

#: The slaves of each builder; a slave runs one build at a time.
BUILDERS = {"both": ("a", "b"), "every": ("b", "a"), "left": ("a",), "right": ("b",), "right too": ("b",)}


class Yard(BuildCase):
    """A master whose builders always have requests."""

    def runTest(self) -> None:
        """Start the master of this case."""
        self.use(
            MasterConfig(
                slaves={name: SlaveConfig(name, "sekrit", max_builds=1) for name in "ab"},
                builders={
                    name: BuilderConfig(name, slaves, name, shell("true"))
                    for name, slaves in BUILDERS.items()
                },
            )
        )
        self.running: list[FakeCommand] = []
        self.served: Counter[str] = Counter()
        self.passed: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        for name in "ab":
            self.connect(name=name, onCommand=self.begin)
        for builder in BUILDERS:
            self.more(builder)

    def more(self, builder: str) -> None:
        """Keep one request for each builder, each with its own source."""
        while not self.botmaster.builders[builder].pending:
            self.force(builder, branch=f"branch {sum(self.served.values())} {builder}")

    def begin(self, command: FakeCommand) -> None:
        """A build starts on a slave: count it for all other builders that could have started."""
        self.running.append(command)
        begun = command.builder if isinstance(command.builder, str) else command.builder.decode()
        self.served[begun] += 1
        self.passed[begun] = 0
        for name, slaves in BUILDERS.items():
            if name != begun and command.slave.name in slaves:
                self.passed[name] += 1
                self.most[name] = max(self.most[name], self.passed[name])

    def end(self, which: int) -> None:
        """End one of the builds."""
        self.running.pop(which % len(self.running)).end(0)
        self.settle()
        self.clock.advance(0)
        self.settle()
        for builder in BUILDERS:
            self.more(builder)


class FairTests(unittest.TestCase):
    """Builds end in any order."""

    @given(st.lists(st.integers(0, 1), min_size=60, max_size=60))
    @settings(max_examples=6 if THOROUGH else 2, deadline=None, phases=[Phase.generate])
    def test_eachInTurn(self, order: list[int]) -> None:
        """F9: a builder with a waiting request is passed by each other one at most once on each of its
        slaves.
        """
        engine = Yard("runTest")
        engine.setUp()
        engine.runTest()
        for which in order:
            engine.end(which)
        self.assertEqual(len(engine.running), 2)
        for name, slaves in BUILDERS.items():
            others = [
                other for other in BUILDERS if other != name for slave in slaves if slave in BUILDERS[other]
            ]
            self.assertLessEqual(engine.most[name], len(others) + 1, name)
        for command in list(engine.running):
            command.end(0)
        engine.tearDown()

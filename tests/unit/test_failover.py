"""The audit of the benchmark that breaks two masters, and its figures."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from typing import Any

from twisted.trial import unittest

from buildbot.model import records, results
from tests.benchmarks import failover, failover_audit
from tests.benchmarks.failover_audit import (
    ACKNOWLEDGED,
    ALL_DONE,
    GIVEN_UP,
    INTERRUPTED,
    NONE_OPEN,
    ONCE,
    ONE_BUILD,
    ONE_END,
    ONE_PLACE,
    ONE_SET,
    RETRY,
    UNIQUE,
    Build,
    Event,
    Findings,
    Request,
    Set,
    State,
    Told,
    audit,
    auditEnd,
)
from tests.benchmarks.failover_load import again, secondsAway

TOLD = (Told("change", 1, "load 1"), Told("request", 2, "load 2", "full"))
CUT = (INTERRUPTED,)

#: A change has become request 1, a person has asked for request 2. The first build of 2 was interrupted.
GOOD = State(
    requests={1: Request("full", "done", 0, 0), 2: Request("full", "done", 2, 2, interruptions=1)},
    builds={("full", 0): Build((1,), 0), ("full", 1): Build((2,), 4, CUT), ("full", 2): Build((2,), 2)},
    changes={1: "load 1"},
    sets={1: Set("all", "scheduler", (1,)), 2: Set(None, "forced: load 2")},
    events=(
        Event("build begun", "full", 0, "[1]"),
        Event("request done", "full", 1, "building"),
        Event("build ended", "full", 0, "0 build successful"),
        Event("build begun", "full", 1, "[2]"),
        Event("build ended", "full", 1, f"4 {INTERRUPTED}"),
        Event("build begun", "full", 2, "[2]"),
        Event("build ended", "full", 2, "2 failed"),
        Event("request done", "full", 2, "building"),
    ),
)


class AuditTests(unittest.SynchronousTestCase):
    """Histories in which one promise is broken."""

    def wrong(self, state: State, told: Sequence[Told] = TOLD) -> set[str]:
        """The promises that the audit finds broken."""
        findings = Findings()
        audit(told, state, findings)
        auditEnd(state, ("all",), findings)
        return set(findings.wrong)

    def request(self, **more: Any) -> State:
        """The good history with another request 2."""
        return replace(GOOD, requests={**GOOD.requests, 2: replace(GOOD.requests[2], **more)})

    def build(self, number: int, build: Build) -> State:
        """The good history with another build, or one build more."""
        return replace(GOOD, builds={**GOOD.builds, ("full", number): build})

    def event(self, *events: Event) -> State:
        """The good history with more events."""
        return replace(GOOD, events=(*GOOD.events, *events))

    def test_good(self) -> None:
        """A good history breaks no promise, and its interrupted build is counted."""
        findings = Findings()
        audit(TOLD, GOOD, findings)
        auditEnd(GOOD, ("all",), findings)
        self.assertEqual((findings.wrong, findings.interrupted, findings.givenUp), ({}, 1, 0))
        self.assertEqual(str(findings), "")

    def test_lost(self) -> None:
        """A change or a request that was acknowledged is not there, or is another one."""
        self.assertIn(ACKNOWLEDGED, self.wrong(replace(GOOD, changes={})))
        self.assertIn(ACKNOWLEDGED, self.wrong(replace(GOOD, changes={1: "load 7"})))
        self.assertIn(ACKNOWLEDGED, self.wrong(replace(GOOD, requests={1: GOOD.requests[1]})))
        self.assertIn(ACKNOWLEDGED, self.wrong(self.request(builder="quick")))
        self.assertIn(ACKNOWLEDGED, self.wrong(replace(GOOD, sets={1: GOOD.sets[1]})))

    def test_twice(self) -> None:
        """What was sent once is there twice, under two numbers."""
        twice = {**GOOD.sets, 3: Set("all", "scheduler", (2,))}
        self.assertEqual(self.wrong(replace(GOOD, changes={1: "load 1", 2: "load 1"}, sets=twice)), {ONCE})
        again = replace(GOOD, sets={**GOOD.sets, 3: Set(None, "forced: load 2")})
        self.assertEqual(self.wrong(again), {ONCE})
        other = replace(GOOD, sets={**GOOD.sets, 3: Set(None, "forced: load 22")})
        self.assertEqual(self.wrong(other), set())

    def test_numbers(self) -> None:
        """Two clients were told the same number. One that was told twice is no error."""
        self.assertEqual(self.wrong(GOOD, (*TOLD, TOLD[0])), set())
        self.assertIn(UNIQUE, self.wrong(GOOD, (*TOLD, Told("change", 1, "load 3"))))

    def test_undone(self) -> None:
        """A request is not finished, or its build is open."""
        self.assertIn(ALL_DONE, self.wrong(self.request(state="pending", results=None)))
        self.assertIn(NONE_OPEN, self.wrong(self.build(3, Build((), isOpen=True))))

    def test_built(self) -> None:
        """A request was finished by two builds, by none, by another one, or twice."""
        self.assertEqual(self.wrong(self.build(3, Build((2,), 0))), {ONE_BUILD})
        self.assertEqual(self.wrong(self.build(2, Build((2,), 4, CUT))), {ONE_BUILD})
        self.assertEqual(self.wrong(self.build(2, Build((2,), RETRY))), {ONE_BUILD})
        self.assertEqual(self.wrong(self.request(build=1)), {ONE_BUILD})
        self.assertEqual(self.wrong(self.request(results=0)), {ONE_BUILD})
        self.assertEqual(self.wrong(self.event(Event("request done", "full", 1, "done"))), {ONE_BUILD})

    def test_ends(self) -> None:
        """A build was interrupted and finished, or was opened again."""
        self.assertEqual(self.wrong(self.event(Event("build ended", "full", 1, "0 good"))), {ONE_END})
        self.assertEqual(self.wrong(self.event(Event("build opened again", "full", 1))), {ONE_END})

    def test_places(self) -> None:
        """A build begins for a request that is in another build."""
        begun = [Event("build begun", "full", number, "[9]") for number in (7, 8)]
        self.assertEqual(self.wrong(self.event(*begun)), {ONE_PLACE})
        self.assertEqual(self.wrong(self.event(begun[0], Event("build ended", "full", 7), begun[1])), set())

    def test_sets(self) -> None:
        """A change is in no set of a scheduler, or in two."""
        self.assertEqual(self.wrong(replace(GOOD, sets={2: GOOD.sets[2]})), {ONE_SET})
        for scheduler, wrong in (("all", {ONE_SET}), ("other", set())):
            more = replace(GOOD, sets={**GOOD.sets, 3: Set(scheduler, "scheduler", (1,))})
            self.assertEqual(self.wrong(more), wrong)

    def test_givenUp(self) -> None:
        """A request that was interrupted three times is given up, which breaks no promise."""
        lost = {("full", number): Build((2,), 4, CUT) for number in (1, 2)}
        state = replace(
            self.request(results=4, build=3, interruptions=3),
            builds={("full", 0): Build((1,), 0), **lost, ("full", 3): Build((2,), 4, (f"{GIVEN_UP} 3",))},
        )
        findings = Findings()
        auditEnd(state, ("all",), findings)
        self.assertEqual((findings.wrong, findings.givenUp, findings.interrupted), ({}, 1, 3))
        early = replace(state, builds={("full", 0): Build((1,), 0), **lost})
        auditEnd(early, ("all",), findings)
        self.assertEqual(set(findings.wrong), {ONE_BUILD})
        self.assertIn("request 2 was finished by 0", str(findings))

    def test_words(self) -> None:
        """The audit spells what it looks for as the master does."""
        self.assertEqual((INTERRUPTED, GIVEN_UP), (records.INTERRUPTED, records.GIVEN_UP))
        self.assertEqual(failover_audit.TAKEN_OVER, records.TAKEN_OVER)
        self.assertEqual(failover_audit.MOST_INTERRUPTIONS, records.MOST_INTERRUPTIONS)
        self.assertEqual(RETRY, results.RETRY)

    def test_read(self) -> None:
        """The rows of the tables become values."""
        record = records.BuildRecord("full", 2, "bot", (2,), 1.0, 3.0, results=2)
        stamp = {"changes": [{"number": 1}, {"who": "a change without a number"}]}
        asked = records.BuildsetRecord(1, "scheduler", stamp, 1.0, {}, scheduler="all")
        rows: dict[str, list[Sequence[Any]]] = {
            "requests": [(2, "full", "done", 2, 2, 1)],
            "builds": [
                ("full", 2, 3.0, json.dumps(record.toRecord())),
                ("full", 3, None, json.dumps(record.altered(results=None).toRecord())),
            ],
            "changes": [(1, json.dumps({"comments": "load 1"}))],
            "buildsets": [(1, json.dumps(asked.toRecord()))],
            "witness.events": [("build begun", "full", 2, "[2]")],
        }

        def execute(statement: str) -> Iterator[Sequence[Any]]:
            return iter(rows[statement.split(" FROM ")[1].split()[0]])

        state = State.read(execute)
        self.assertEqual(state.requests, {2: Request("full", "done", 2, 2, 1)})
        self.assertEqual(state.builds["full", 2], Build((2,), 2))
        self.assertEqual(state.builds["full", 3], Build((2,), None, isOpen=True))
        self.assertEqual((state.changes, state.sets), ({1: "load 1"}, {1: Set("all", "scheduler", (1,))}))
        self.assertEqual(state.events, [Event("build begun", "full", 2, "[2]")])


class FigureTests(unittest.SynchronousTestCase):
    """The figures that a run prints."""

    def test_away(self) -> None:
        """The seconds without an active master lie between two times."""
        changes = [(0.0, False), (2.0, True), (5.0, False), (6.5, True), (9.0, False)]
        for since, until, away in ((0.0, 9.0, 3.5), (1.0, 5.5, 1.5), (2.0, 5.0, 0.0), (8.0, 10.0, 1.0)):
            self.assertEqual(secondsAway(changes, since, until), away)

    def test_again(self) -> None:
        """A slave counts from the last fault before its login, once for each fault."""
        logins = [(0.5, "one"), (12.0, "one"), (13.0, "two"), (14.0, "one"), (21.0, "one")]
        self.assertEqual(again(logins, [10.0, 20.0]), [2.0, 3.0, 1.0])
        self.assertEqual(again([], [10.0]), [])

    def test_lines(self) -> None:
        """The lines have faults, seconds, slaves and the verdict; nothing has happened in an empty run."""
        outcome = failover.Outcome({"kill": [4.0, 6.0], "cut": [1.0]}, [2.0], told=Counter(change=3))
        said = "\n".join(outcome.lines())
        for words in (
            "faults: 3 (cut 1, kill 2)",
            "acknowledged: 3 changes",
            "seconds without an active master: median 4.0, worst 6.0",
            "slaves that needed touching: 0",
        ):
            self.assertIn(words, said)
        self.assertIn("seconds none", "\n".join(failover.Outcome().lines()))
        self.assertTrue(outcome.isGood)
        outcome.findings.check(False, ONE_END, "full/1")
        self.assertFalse(outcome.isGood)
        self.assertFalse(failover.Outcome(touched=["bot"]).isGood)


class CommandTests(unittest.SynchronousTestCase):
    """The command line."""

    def test_help(self) -> None:
        """C{--help} tells the options, and runs nothing."""
        with redirect_stdout(io.StringIO()) as said:
            end = self.assertRaises(SystemExit, failover.main, ["--help"])
        self.assertEqual(end.code, 0)
        self.assertIn("usage: python -m tests.benchmarks.failover", said.getvalue())

    def test_wrong(self) -> None:
        """Unknown kinds of faults, weaknesses and schedules are refused with those that there are."""
        for option, known in (
            ("--kinds", "freeze-long"),
            ("--weaken", "sequence"),
            ("--directed", "late-build"),
        ):
            with redirect_stderr(io.StringIO()) as said:
                end = self.assertRaises(SystemExit, failover.main, [option, "flood"])
            self.assertEqual(end.code, 2)
            self.assertIn(known, said.getvalue())

# -*- test-case-name: tests.integration.test_crash -*-
"""A real master killed at random moments under load: no acknowledged work is lost or done twice.

C{tests.benchmarks.crash} kills and audits two hundred times. Here it is short, and the audit itself is
tested.
"""

from __future__ import annotations

import random
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from buildbot.model.records import INTERRUPTED
from tests.benchmarks.crash import Findings, Promised, State, audit, auditEnd, torture

KILLS = 10


class CrashTestCase(SynchronousTestCase):
    """SIGKILL, restart, and again."""

    def test_nothingIsLost(self) -> None:
        """After any kill, every acknowledged change and request is pending, running or done, and after a
        restart no build of an ended master is left unfinished (P1, P2).
        """
        seed = random.randrange(1 << 32)
        outcome = torture(KILLS, seed)
        about = f"seed {seed}: {outcome}"
        self.assertEqual(outcome.findings.wrong, [], about)
        self.assertEqual(outcome.tracebacks, 0, about)
        # there was load, and builds were interrupted
        self.assertGreater(len(outcome.promised.requests), KILLS, about)
        self.assertGreater(len(outcome.promised.changes), KILLS, about)
        self.assertGreater(outcome.findings.interrupted, 0, about)


def build(*requests: int, results: int | None, text: tuple[str, ...] = ()) -> dict[str, object]:
    """The record of a build; one without results is running."""
    return {"requests": requests, "results": results, "open": results is None, "text": text}


GOOD = State(
    requests={1: ("b", "pending", None, None), 2: ("b", "building", None, 1), 3: ("b", "done", 0, 0)},
    builds={("b", 0): build(3, results=0), ("b", 1): build(2, results=None)},
    changes={1: "one", 2: "two", 3: "three"},
    buildsets=[{"scheduler": "all", "sourcestamp": {"changes": [{"number": 1}]}}],
    scheduler={"seen": 2, "trees": [[None, {"changes": [{"number": 2}]}]]},
)
PROMISED = Promised({1: "b", 2: "b", 3: "b"}, {1: "one", 2: "two", 3: "three"})
DONE = replace(GOOD, requests={3: ("b", "done", 0, 0)}, builds={("b", 0): build(3, results=0)})


class AuditTestCase(SynchronousTestCase):
    """The audit of the file detects errors."""

    def wrong(self, state: State, before: State | None = None) -> list[str]:
        """The errors that it finds."""
        findings = Findings()
        audit(PROMISED, state, before, findings)
        return findings.wrong

    def test_good(self) -> None:
        """A correct file has no errors."""
        self.assertEqual(self.wrong(GOOD, GOOD), [])

    def test_lost(self) -> None:
        """A missing acknowledged request or change is detected."""
        self.assertTrue(self.wrong(replace(GOOD, requests={1: GOOD.requests[1], 3: GOOD.requests[3]})))
        self.assertTrue(self.wrong(replace(GOOD, changes={1: "one", 2: "two"})))
        self.assertTrue(self.wrong(replace(GOOD, changes={**GOOD.changes, 3: "another"})))

    def test_inTwoPlaces(self) -> None:
        """A request that is built while it waits, or by no build, or a change built twice, is detected."""
        self.assertTrue(self.wrong(replace(GOOD, requests={**GOOD.requests, 2: ("b", "pending", None, 1)})))
        self.assertTrue(self.wrong(replace(GOOD, builds={("b", 0): GOOD.builds["b", 0]})))
        self.assertTrue(self.wrong(replace(GOOD, buildsets=GOOD.buildsets * 2)))
        self.assertTrue(self.wrong(replace(GOOD, scheduler={"seen": 3, "trees": []})))

    def test_undone(self) -> None:
        """A request that was done and is not any more is detected."""
        again = replace(GOOD, requests={**GOOD.requests, 3: ("b", "pending", None, None)})
        self.assertEqual(len(self.wrong(again, GOOD)), 1)
        self.assertEqual(self.wrong(again), [])

    def test_end(self) -> None:
        """A request done by two builds, or only by an interrupted one, is detected at the end."""
        for builds, count in (
            ({("b", 0): build(3, results=0)}, 0),
            ({("b", 0): build(3, results=4, text=(INTERRUPTED,)), ("b", 1): build(3, results=2)}, 0),
            ({("b", 0): build(3, results=0), ("b", 1): build(3, results=0)}, 1),
            ({("b", 0): build(3, results=4, text=(INTERRUPTED,))}, 1),
        ):
            findings = Findings()
            auditEnd(PROMISED, replace(DONE, builds=builds), findings)
            self.assertEqual(len(findings.wrong), count, builds)

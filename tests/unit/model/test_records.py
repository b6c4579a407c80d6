"""Records are stored and read again, and invalid ones are detected."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from twisted.trial import unittest

from buildbot.model.records import (
    INTERRUPTED,
    BadRecord,
    BuildRecord,
    BuildsetRecord,
    LogRecord,
    PauseRecord,
    RequestRecord,
    StepRecord,
    interrupt,
    overall,
)
from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, SUCCESS

LOG = LogRecord("stdio", "full/0-log-compile-stdio", 7)
STEP = StepRecord("compile", 2.0, 3.5, SUCCESS, ("compile", "done \udcff"), (LOG, LogRecord("x", "y")))
BUILD = BuildRecord("full", 0, "bot1", (4, 5), 1.0, 9.0, FAILURE, ("failed",), "why", {}, {"p": [1]}, (STEP,))
SET = BuildsetRecord(3, "why", {"branch": None}, 1.0, {"p": 1}, "x7", "quick", SUCCESS, 9.0)
RECORDS = (
    *(LOG, STEP, BUILD, SET, RequestRecord.of(SET, 8, "full")),
    *(BuildRecord("full", None, "bot1", (), 1), PauseRecord("bot1", "mary", 5.0, "disk", "draining")),
)


class RecordsTests(unittest.SynchronousTestCase):
    """Each kind of record, through JSON."""

    def test_thereAndBack(self) -> None:
        """Every record is equal after a way through JSON; different records are unequal."""
        for record in RECORDS:
            again = type(record).fromRecord(json.loads(json.dumps(record.toRecord())))
            self.assertEqual(again, record)
            self.assertEqual(repr(again), repr(record))

    def test_defaults(self) -> None:
        """Records of earlier and of later releases can be read."""
        self.assertEqual(
            StepRecord.fromRecord({"name": "a", "started": 1, "mood": "good"}), StepRecord("a", 1)
        )

    def test_bad(self) -> None:
        """Other data raises BadRecord with the reason, and no other error."""
        good = BUILD.toRecord()
        wrong: list[Any] = [None, [], "x", 7, {}, {**good, "started": "now"}, {**good, "steps": {"a": 1}}]
        wrong += [{**good, name: object()} for name in good]
        wrong += [
            {**good, "text": [1]},
            {**good, "steps": [7]},
            {**good, "steps": [{**STEP.toRecord(), "logs": 1}]},
        ]
        wrong += [{name: value for name, value in good.items() if name != "slave"}]
        for record in wrong:
            self.assertIn("Record: ", str(self.assertRaises(BadRecord, BuildRecord.fromRecord, record)))

    def test_request(self) -> None:
        """A new request is pending, and has the values of its set."""
        request = RequestRecord.of(SET, 8, "full")
        self.assertEqual((request.state, request.attempts, request.results), ("pending", 0, None))
        self.assertEqual((request.buildset, request.submitted, request.reason), (3, 1.0, "why"))
        self.assertEqual((request.sourcestamp, request.properties), (SET.sourcestamp, SET.properties))

    def test_logFilenames(self) -> None:
        """A build knows the log files of all its steps."""
        build = replace(BUILD, steps=(STEP, replace(STEP, logs=(replace(LOG, filename="z"),))))
        self.assertEqual(build.logFilenames(), ("full/0-log-compile-stdio", "y", "z"))


class RulesTests(unittest.SynchronousTestCase):
    """Results of builds and sets."""

    def test_interrupt(self) -> None:
        """P1: an interrupted build and its running steps end now; finished steps do not change."""
        running = replace(STEP, started=5.0, finished=None, results=None)
        early = replace(BUILD, finished=None, results=None, steps=(STEP, running))
        closed = interrupt(early, 8.0)
        self.assertEqual((closed.finished, closed.results, closed.text), (8.0, EXCEPTION, (INTERRUPTED,)))
        self.assertEqual(closed.steps[0], STEP)
        self.assertEqual((closed.steps[1].finished, closed.steps[1].results), (8.0, EXCEPTION))
        self.assertEqual(closed.steps[1].text, (*STEP.text, "interrupted"))

    def test_interruptBefore(self) -> None:
        """Row 12: no duration is negative, even if the clock went back."""
        early = replace(BUILD, steps=(replace(STEP, started=5.0, finished=None),), started=3.0)
        closed = interrupt(early, 2.0)
        self.assertEqual((closed.finished, closed.steps[0].finished), (3.0, 5.0))

    def test_overall(self) -> None:
        """A set has the worst result of its requests; one without results has none."""
        self.assertEqual(overall([SUCCESS, FAILURE, None, SUCCESS]), FAILURE)
        self.assertEqual(overall([SUCCESS, CANCELLED]), CANCELLED)
        self.assertIs(overall([None]), None)
        self.assertIs(overall([]), None)

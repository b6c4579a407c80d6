# -*- test-case-name: tests.unit.daemon.test_jsonlines -*-
"""The lines of a log in JSON."""

from __future__ import annotations

import io
import json
from typing import Any

from twisted.logger import Logger, LogPublisher
from twisted.trial.unittest import SynchronousTestCase

from buildbot.daemon import logfile


class JSONTests(SynchronousTestCase):
    """C{logFormat = "json"}."""

    def setUp(self) -> None:
        self.stream = io.StringIO()
        self.log = Logger("part", observer=LogPublisher(logfile.observer(self.stream, asJSON=True)))

    def lines(self) -> list[dict[str, Any]]:
        """What was written; each line is an object."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def test_event(self) -> None:
        """A line has the time, level, module and message of an event, and the simple values in it."""
        self.log.warn(
            "{slave} is gone after {seconds} s: {why!r}", slave="bot1", seconds=5, why=ValueError("x")
        )
        (line,) = self.lines()
        self.assertRegex(line.pop("time"), r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")
        self.assertEqual(
            line,
            {
                "level": "warn",
                "logger": "part",
                "message": "bot1 is gone after 5 s: ValueError('x')",
                "fields": {"slave": "bot1", "seconds": 5},
            },
        )

    def test_failure(self) -> None:
        """A failure has its traceback, on the same line."""
        try:
            raise ValueError("broken")
        except ValueError:
            self.log.failure("cannot go on")
        (line,) = self.lines()
        self.assertEqual((line["level"], line["message"]), ("critical", "cannot go on"))
        self.assertIn("test_jsonlines.py", line["traceback"])
        self.assertIn("ValueError: broken", line["traceback"])

    def test_hostile(self) -> None:
        """Line ends and controls of a slave's text stay in its message; programs can read every line."""
        said = 'x\r\n{"level": "info"}\n\x1b[31m\udcff\u2028'
        self.log.info("it says {said}", said=said)
        (line,) = self.lines()
        self.assertEqual(line["message"], 'it says x\\x0d\n{"level": "info"}\n\\x1b[31m\\xff\\u2028')
        self.assertEqual(len(self.stream.getvalue().splitlines()), 1)

    def test_passwords(self) -> None:
        """The password of a URL is in neither the message nor the fields."""
        self.log.info("fetches {url}", url="https://ann:canary@example.org/")
        self.assertNotIn("canary", self.stream.getvalue())

    def test_odd(self) -> None:
        """Numbers that JSON lacks, and values that no program can use, are in the message alone."""
        self.log.info("{a} {b} {c}", a=float("nan"), b=None, c=[1])
        (line,) = self.lines()
        self.assertEqual(line["message"], "nan None [1]")
        self.assertNotIn("fields", line)

    def test_debug(self) -> None:
        """As in the text log, events of level debug are left out."""
        self.log.debug("detail")
        self.assertEqual(self.lines(), [])

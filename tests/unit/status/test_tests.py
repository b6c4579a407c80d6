"""The results of single tests in the record of a build."""

from __future__ import annotations

import json

from twisted.trial import unittest

from buildbot.model.records import BuildRecord, TestRecord
from buildbot.model.results import FAILURE
from buildbot.status import tests
from buildbot.status.tests import keptTests
from buildbot.steps.trialoutput import TestResult
from buildbot.store.requests import encode


class KeptTests(unittest.TestCase):
    """The record of a build has its test results, within limits."""

    def test_result(self) -> None:
        """Name, result, words and report of a test are kept."""
        (kept,) = keptTests([TestResult(("a", "test_b"), FAILURE, ["failed"], {"log": "Traceback"})])
        self.assertEqual(kept, TestRecord(("a", "test_b"), FAILURE, ("failed",), {"log": "Traceback"}))
        self.assertEqual(kept.getName(), ("a", "test_b"))
        self.assertEqual(kept.getText(), ["failed"])
        self.assertEqual(kept.getResults(), FAILURE)
        self.assertEqual(kept.getLogs(), {"log": "Traceback"})
        self.assertEqual(TestRecord(("a",), FAILURE).getLogs(), {})

    def test_limits(self) -> None:
        """A long report is cut, and of very many results only the first are kept."""
        many = [TestResult((f"test_{number}",), FAILURE, [], {"log": "x" * 5000}) for number in range(1000)]
        kept = keptTests(many)
        self.assertTrue(0 < len(kept) < 1000)
        self.assertEqual(kept[0].name, ("test_0",))
        self.assertEqual(len(kept[0].getLogs()["log"]), tests.LONGEST_REPORT)
        self.assertLess(len(encode(list(kept))), tests.ROOM)

    def test_record(self) -> None:
        """A record with results is the same after a round trip; one without them has no trace of them."""
        build = BuildRecord("b", 1, "s", (), 1.0)
        self.assertNotIn('"tests":', encode(build))
        self.assertNotIn('"sources":', encode(build))
        full = build.altered(
            sources={"a": "slave"}, tests=(TestRecord(("t",), FAILURE, ("failed",)),), moreTests=3
        )
        self.assertEqual(BuildRecord.fromRecord(json.loads(encode(full))), full)
        self.assertIn('"moreTests":3', encode(full))

    def test_sources(self) -> None:
        """A property is of the build itself, unless another source is stored. Old records have none."""
        build = BuildRecord("b", 1, "s", (), 1.0)
        self.assertIsNone(build.sourceOf("a"))
        self.assertEqual(build.altered(sources={}).sourceOf("a"), "build")
        self.assertEqual(build.altered(sources={"a": "slave"}).sourceOf("a"), "slave")

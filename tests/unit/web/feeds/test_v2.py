"""Tests of buildbot.web.feeds.v2."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.model.results import FAILURE
from buildbot.web.feeds import v2
from buildbot.web.feeds.v2 import BadQuery, BuildRow, Query, query

DONE = BuildRow(70, 7, 3, 10.5, 20.5, FAILURE, "failed compile")
RUNNING = BuildRow(80, 8, 3, 30.0, None, None, "building")


def shieldsSays(answer: dict[str, object]) -> object:
    """What shields.io reads. The results must be a number or missing."""
    found = answer["builds"]
    assert isinstance(found, list)
    first = found[0]
    assert isinstance(first["complete"], bool)
    assert isinstance(first.get("results", 0), int)
    return first["results"] if first["complete"] else "building"


class QueryTests(unittest.TestCase):
    """A query never asks for too much."""

    def test_shields(self) -> None:
        """The query of shields.io asks for the newest build."""
        self.assertEqual(query({"limit": ["1"], "order": ["-number"]}), Query(1, 0, True))

    def test_bounded(self) -> None:
        """Without a limit there are 20 builds; a greater limit is cut to 100."""
        self.assertEqual(query({}), Query(20, 0, False))
        self.assertEqual(query({"limit": ["100000"], "complete": ["true"]}), Query(100, 0, False, True))

    def test_wrong(self) -> None:
        """A wrong parameter is refused with the right ones."""
        for parameters in (
            {"limit": ["-1"]},
            {"offset": ["x"]},
            {"limit": ["²"]},
            {"limit": ["9" * 30]},
            {"order": ["results"]},
            {"complete": ["maybe"]},
        ):
            self.assertRaises(BadQuery, query, parameters)


class AnswerTests(unittest.TestCase):
    """Badges of shields.io and dashboards understand the answers (table G, row 59)."""

    def test_shields(self) -> None:
        """The badge of shields.io reads a finished and a running build."""
        self.assertEqual(shieldsSays(v2.builds([DONE])), FAILURE)
        self.assertEqual(shieldsSays(v2.builds([RUNNING, DONE])), "building")

    def test_build(self) -> None:
        """A build has its numbers, its times in whole seconds, and its state in words."""
        self.assertEqual(
            v2.builds([DONE], 9),
            {
                "builds": [
                    {
                        "buildid": 70,
                        "number": 7,
                        "builderid": 3,
                        "masterid": 1,
                        "started_at": 10,
                        "complete": True,
                        "complete_at": 20,
                        "state_string": "failed compile",
                        "properties": {},
                        "results": 2,
                    }
                ],
                "meta": {"total": 9},
            },
        )

    def test_others(self) -> None:
        """Builders and the master have the names of their fields."""
        self.assertEqual(
            v2.builders([v2.builder(3, "linux", tags=["core"])]),
            {
                "builders": [
                    {
                        "builderid": 3,
                        "name": "linux",
                        "description": None,
                        "tags": ["core"],
                        "masterids": [1],
                    }
                ],
                "meta": {"total": 1},
            },
        )
        self.assertEqual(v2.masters("m", 5.5)["meta"], {"total": 1})
        self.assertEqual(v2.error("no builder x"), {"error": "no builder x"})

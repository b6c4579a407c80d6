"""The events of HttpStatusPush as JSON."""

from __future__ import annotations

import json

from twisted.trial import unittest

from buildbot.webhooks.packets import bodies, timeText, withoutEmpty, withoutSecrets, written


class PacketTests(unittest.SynchronousTestCase):
    """See L{buildbot.webhooks.packets}."""

    def test_empty(self) -> None:
        """0.8.14 leaves out the keys of empty values, of False and of 0, but keeps them within lists."""
        step = {"step_number": 0, "results": [0, []], "times": [1.5, None], "eta": None, "hidden": False}
        self.assertEqual(withoutEmpty({"steps": [step], "urls": {}}), {"steps": [{"times": [1.5, None]}]})
        self.assertEqual(withoutEmpty({"results": -1, "a": [2, ["two"]]}), {"results": -1, "a": [2, ["two"]]})

    def test_secrets(self) -> None:
        """Known secrets and the passwords of URLs are struck out, in all depths."""
        said = withoutSecrets({"a": ["x canary-1-long", {"b": "http://me:canary-2@h/"}]}, ["canary-1-long"])
        self.assertNotIn("canary", json.dumps(said))

    def test_bodies(self) -> None:
        """Requests have at most so many events and bytes; an event that is longer alone is sent alone."""
        events: list[dict[str, object]] = [
            {"id": 1, "t": "x" * 300},
            {"id": 2},
            {"id": 3},
            {"id": 4},
            {"id": 5},
        ]
        made = list(bodies(events, 3, 200))
        spread = [[each["id"] for each in json.loads(body)] for body, _ in made]
        self.assertEqual(spread, [[1], [2, 3, 4], [5]])
        self.assertEqual([first for _, first in made], [0, 1, 4])

    def test_written(self) -> None:
        """The JSON is compact, and indented only for debug."""
        self.assertEqual(written([{"id": 1, "event": "start"}]), '[{"event":"start","id":1}]')
        self.assertIn("\n    ", written([{"id": 1}], True))

    def test_time(self) -> None:
        """Times are in UTC, as str() of a datetime of Python 2 was."""
        self.assertEqual(timeText(1234567890.5), "2009-02-13 23:31:30.500000")

"""The alert rules of docs/howto/prometheus use metrics that the master has."""

from __future__ import annotations

import re
from pathlib import Path

from tests.stories.test_webpages import BuildingCase

PAGE = Path(__file__).resolve().parents[2] / "docs" / "howto" / "prometheus.rst"


class AlertRuleTests(BuildingCase):
    """A master whose metrics are read."""

    def test_names(self) -> None:
        """Each metric in the page about Prometheus is among the metrics of a master."""
        told = set(re.findall(r"\b(?:buildbot|process)_[a-z_]+", PAGE.read_text()))
        found = set(re.findall(r"^# TYPE (\w+)", self.ask("/metrics").text, re.MULTILINE))
        self.assertGreater(len(told), 8)
        self.assertEqual({re.sub("_(total|bucket)$", "", each) for each in told} - self.bare(found), set())

    def test_requests(self) -> None:
        """Answered requests are counted by status, without a scrape before them."""
        for path in ("/builders", "/builders/none", "/builders"):
            self.ask(path)
        lines = self.ask("/metrics").text.splitlines()
        self.assertIn('buildbot_http_requests_total{code="200"} 2', lines)
        self.assertIn('buildbot_http_requests_total{code="404"} 1', lines)

    def bare(self, names: set[str]) -> set[str]:
        """The names without the endings of counters."""
        return {name.removesuffix("_total") for name in names}

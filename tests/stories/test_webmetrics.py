"""The alert rules of docs/howto/prometheus use metrics that the master has."""

from __future__ import annotations

import os
import re
from pathlib import Path

from buildbot.model.change import Change
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
        """Answered requests are counted by page and status, without a scrape before them."""
        for path in ("/builders", "/builders/none", "/builders", "/no/such/page/of/ours"):
            self.ask(path)
        lines = self.ask("/metrics").text.splitlines()
        self.assertIn('buildbot_http_requests_total{page="/builders",code="200"} 2', lines)
        self.assertIn('buildbot_http_requests_total{page="/builders/{builder}",code="404"} 1', lines)
        self.assertIn('buildbot_http_requests_total{page="other",code="404"} 1', lines)
        self.assertIn('buildbot_http_request_seconds_count{page="/builders"} 2', lines)

    def test_refusedLogins(self) -> None:
        """A wrong token is counted as a refused login."""
        self.assertEqual(self.ask("/builders", Authorization="Bearer wrong").status, 401)
        self.assertIn('buildbot_logins_refused_total{reason="wrong"} 1', self.ask("/metrics").text)

    def bare(self, names: set[str]) -> set[str]:
        """The names without the endings of counters."""
        return {name.removesuffix("_total") for name in names}

    def test_events(self) -> None:
        """Builds, changes and reconfigs since the first look are counted."""
        self.ask("/metrics")
        self.force()
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)
        self.successResultOf(self.master.addChange(Change("ann", ["a.c"], "fix")))
        self.assertTrue(self.reconfig()["applied"])
        with open(os.path.join(self.basedir, "master.cfg"), "a", encoding="utf-8") as file:
            file.write("1/0\n")
        self.assertFalse(self.reconfig()["applied"])
        self.wait(2)
        self.master.outgoing.sender("mail to localhost")
        text = self.ask("/metrics").text
        for line in (
            r"buildbot_queue_seconds_count 1",
            r"buildbot_log_bytes_total [1-9]\d*",
            r'buildbot_slaves_connected\{generation="[^"]+"\} 1',
            r"buildbot_reactor_delay_seconds_count [1-9]\d*",
            r"buildbot_store_commit_seconds_count \d+",
            r"buildbot_store_failures_total 0",
            r'buildbot_outgoing_waiting\{target="mail to localhost"\} 0',
            r'buildbot_outgoing_dropped_total\{target="mail to localhost"\} 0',
        ):
            self.assertRegex(text, line)
        self.assertRegex(text, r'buildbot_builds_total\{builder="full",result="success"\} 1')
        self.assertRegex(text, r"buildbot_changes_total\S* 1")
        self.assertRegex(text, r"buildbot_config_last_reload_successful 0")

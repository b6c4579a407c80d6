"""The clock of the machine is set forward and back while people look at pages, and act."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from buildbot.web.table import TABLE
from tests.examples import sample
from tests.stories.test_webacts import ActingCase
from tests.stories.test_websight import address

#: The time of the first look, in seconds since the epoch.
BEGIN = 1.7e9
DAY = 86400.0
VALUES = {
    **{"builder": "full", "number": "0", "slave": "bot1", "step": "compile", "log": "stdio", "file": "none"},
    **{"scheduler": "every", "revision": "r1", "badge": "full.svg", "path": "builders/full/builds/0"},
}
MORE = ("/builders/full/builds/1", "/atom?only=all", "/rss?only=all", "/waterfall?show_events=true")


class ClockTests(ActingCase):
    """The clock is a year ahead, or its battery is empty."""

    MORE = """
from buildbot.scheduler import Periodic, Scheduler
from buildbot.schedulers.timed import Nightly
from buildbot.web.accounts.authz import Authz
c['schedulers'] = [Scheduler('every', None, 60, ['full']), Nightly('night', ['full'], hour=3)]
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(default_action='auth', admin='auth'))]
"""

    def setUp(self) -> None:
        self.shift = 0.0
        ActingCase.setUp(self)
        self.master.botmaster.now = lambda: BEGIN + self.reactor.seconds() + self.shift
        self.logIn()

    def addresses(self) -> Iterator[str]:
        """All pages, feeds and answers of the API."""
        for each in TABLE:
            if each.method == "GET" and each.kind != "stream" and each.path != "/api/v1/events":
                yield address(each, VALUES)
        yield from MORE

    def look(self) -> None:
        """Look at all of them: none fails, no duration is negative, and no number is odd."""
        for path in sample(self.addresses(), 25):
            answer = self.get(path)
            self.assertLess(answer.status, 500, path)
            isImage = answer.headers["content-type"] == "image/png"
            text = "" if isImage else answer.body.decode("utf-8", "replace")
            for odd in re.findall(r">\s*-\d+ (?:s|min|h|d)\b[^<]*|\bnan\b|\binf\b|Infinity|NaN", text):
                self.fail(f"{path}: {odd}")
            if answer.headers["content-type"] == "application/json":
                json.loads(answer.body, parse_constant=self.fail)

    def test_jumps(self) -> None:
        """All pages answer, builds go on, and a small jump ends no login."""
        self.force(comments="first")
        self.shift = -0.1 * DAY
        self.look()
        self.shift = 0.1 * DAY
        self.commands[-1].update(stdout="one\nerror: two\n")
        self.end()
        self.assertIn("ann", self.get("/me").text)
        for days in (400.0, -19000.0):  # a year ahead, and before 1972
            self.shift = days * DAY
            self.look()
            self.wait(2)
        self.shift = 0.0
        self.logIn()
        self.force(comments="second")
        self.end()
        builds: list[Any] = self.ask("/api/v1/builders/full/builds").json["builds"]
        self.assertEqual([each["number"] for each in builds], [1, 0])

"""The way from the list of broken builders to the failing line."""

from __future__ import annotations

import os
import re

from buildbot.model.records import BuildRecord
from tests.stories.test_weblog import LogCase


class FailureTests(LogCase):
    """A person sees that a builder is broken, and wants to know why."""

    def target(self) -> str:
        """The address that the first page's link leads to, relative to the link."""
        found = re.search(r'href="(builders/full/builds/0/failure)">log of #0</a>', self.ask("/").text)
        assert found
        answer = self.ask(f"/{found[1]}")
        self.assertEqual(answer.status, 303)
        return answer.headers["location"].rpartition("../")[2]

    def end(self, rc: int = 0) -> None:
        """End both steps."""
        LogCase.end(self, rc)
        self.commands[-1].end(0)
        self.wait(2)

    def test_line(self) -> None:
        """One click leads to the log of the failed step, at its first failing line (row 5)."""
        self.say(stdout="".join(f"line {number}\n" for number in range(1, 1001)))
        self.say(stdout="a.c:7:3: error: no such thing\nmore\n")
        self.end(2)
        self.assertEqual(self.target(), "builders/full/builds/0/steps/compile/logs/stdio?line=1001#L1001")

    def test_noLine(self) -> None:
        """If no line looks like an error, the link leads to the log, which is shown from its end."""
        self.say(stdout="nothing special\n")
        self.end(2)
        self.assertEqual(self.target(), "builders/full/builds/0/steps/compile/logs/stdio")

    def test_lost(self) -> None:
        """If the file of the log was deleted, the page of the log says so."""
        self.say(stdout="error: no\n")
        self.end(2)
        for folder, _, files in os.walk(self.basedir):
            for name in files:
                if "-log-" in name:
                    os.unlink(os.path.join(folder, name))
        self.assertEqual(self.target(), "builders/full/builds/0/steps/compile/logs/stdio")

    def test_noLog(self) -> None:
        """A failed build without a log has nothing more to show: the link leads to the build."""
        record = BuildRecord("full", None, "bot1", (), 5.0)
        number = self.successResultOf(self.store.startBuild(record)).number
        answer = self.ask(f"/builders/full/builds/{number}/failure")
        self.assertTrue(answer.headers["location"].endswith(f"../builders/full/builds/{number}"))

    def test_missing(self) -> None:
        """A build that does not exist has no failing log."""
        self.assertEqual(self.ask("/builders/full/builds/7/failure").status, 404)

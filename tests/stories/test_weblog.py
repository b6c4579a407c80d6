"""The pages of a log, while it grows and afterwards."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import execute

from buildbot.logs.feed import LogFeeds
from buildbot.logs.reading import LogViews
from tests.stories.test_webpages import BuildingCase
from tests.stories.web import Response

LOG = "/builders/full/builds/0/steps/compile/logs/stdio"


class LogCase(BuildingCase):
    """A build whose first step writes a log. Threads are calls."""

    def setUp(self) -> None:
        BuildingCase.setUp(self)
        logs = self.master.botmaster.resources.logs
        logs.views = LogViews(execute)
        logs.feeds = LogFeeds(logs.clock, logs.views)
        self.force()

    @property
    def command(self) -> Any:
        """The command of the step."""
        return self.commands[0]

    def say(self, **updates: Any) -> None:
        """Send output of the slave."""
        self.command.update(**updates)
        self.settle()

    def end(self, rc: int = 0) -> None:
        """End the step."""
        self.command.end(rc)
        self.wait(2)

    def log(self, query: str = "", **headers: Any) -> Response:
        """The page of the log, or something below it."""
        return self.ask(LOG + query, **headers)


class PageTests(LogCase):
    """A person reads a log."""

    def test_page(self) -> None:
        """The page has the lines with numbers that are links, and says how many there are."""
        self.say(stdout="one\n<b>two</b>\n", stderr="three\n")
        page = self.log()
        self.assertEqual(page.status, 200)
        self.assertIn("&lt;b&gt;two&lt;/b&gt;</div>", page.text)
        self.assertIn('<span class="stderr" title="standard error">three</span>', page.text)
        self.assertRegex(page.text, r'<div id="L(\d+)"><a href="\?line=\1#L\1" tabindex="-1">\1</a>one</div>')

    def test_firstScreen(self) -> None:
        """The log of a failed step is shown from its end, that of a successful one from its beginning."""
        self.say(stdout="".join(f"line {number}.\n" for number in range(1, 2001)))
        self.assertIn("line 2000.<", self.log().text)
        self.assertNotIn("line 1000.<", self.log().text)
        self.assertIn("line 1.<", self.log("?first=1").text)
        self.end(2)
        self.assertIn("line 2000.<", self.log().text)

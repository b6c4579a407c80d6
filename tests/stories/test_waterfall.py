"""The waterfall of a master that builds."""

from __future__ import annotations

from tests.stories.test_webpages import BuildingCase


class WaterfallTests(BuildingCase):
    """A person looks at the waterfall."""

    def test_boxes(self) -> None:
        """A build has a box for its start and one for each step; it is filtered by branch and builder."""
        self.assertEqual(self.ask("/waterfall").status, 200)
        self.force()
        self.wait(5)
        page = self.ask("/waterfall").text
        self.assertIn(">Build 0</a>", page)
        self.assertIn('class="BuildStep running"', page)
        self.commands[0].end(2)
        self.wait(2)
        self.commands[1].end(0)
        self.wait(2)
        page = self.ask("/waterfall").text
        self.assertIn('class="BuildStep failure"', page)
        self.assertIn('class="LastBuild box failure"', page)
        self.assertNotIn("Build 0", self.ask("/waterfall?branch=other").text)
        self.assertIn("Build 0", self.ask("/waterfall?branch=trunk&failures_only=1").text)
        self.assertNotIn("Build 0", self.ask("/waterfall?builder=none").text)
        self.assertNotIn("Build 0", self.ask("/waterfall?last_time=5").text)

    def test_reload(self) -> None:
        """A browser without script loads the page again after the seconds of the address, at least 15."""
        self.assertIn('content="15"', self.ask("/waterfall?reload=1").text)
        self.assertNotIn("http-equiv", self.ask("/waterfall").text)

    def test_help(self) -> None:
        """A form makes the address of a waterfall."""
        self.assertIn('value="full"', self.ask("/waterfall/help").text)

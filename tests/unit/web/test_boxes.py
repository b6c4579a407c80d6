"""Tests of buildbot.web.pages.boxes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial import unittest

from buildbot.web.call import Call
from buildbot.web.pages.boxes import Boxes
from tests.unit.web.test_standing import history


class RunsTests(unittest.SynchronousTestCase):
    """A strip of builds in a long list."""

    def test_runs(self) -> None:
        """Successful builds in a row share one link to the first; each other build has its own link."""
        page: Any = Call(SimpleNamespace(), SimpleNamespace())  # type: ignore[arg-type]
        strip = Boxes(page).runs(history("gggrrg-"))
        self.assertIn('href="builders/full/builds/0" title="3 success"', strip)
        self.assertIn('aria-label="3 success">✓\t✓\t✓</a>', strip)
        for number, word in ((3, "failure"), (4, "failure"), (5, "success"), (6, "running")):
            self.assertIn(f'href="builders/full/builds/{number}" title="{word}"', strip)
        self.assertNotIn("builds/1", strip)


class LinksTests(unittest.SynchronousTestCase):
    """The cells of a grid."""

    def test_links(self) -> None:
        """Each build has its result and number in a link to its page; a missing build is an empty cell."""
        page: Any = Call(SimpleNamespace(), SimpleNamespace(), root="../")  # type: ignore[arg-type]
        good, red = history("rg")
        cells = Boxes(page).cells("a/b <c>", [good, None, red])
        self.assertEqual(cells[1], "<td></td>")
        self.assertIn('href="../builders/a%2Fb%20%3Cc%3E/builds/1">#1 success</a>', cells[0])
        self.assertIn('href="../builders/a%2Fb%20%3Cc%3E/builds/0">#0 failure</a>', cells[2])

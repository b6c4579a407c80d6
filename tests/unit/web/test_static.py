"""The files that every page loads."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.static import SCRIPT, STYLE


class SizeTests(unittest.TestCase):
    """A page is small."""

    def test_sizes(self) -> None:
        """The script has at most 20 KB and the style sheet at most 12 KB, before compression."""
        self.assertLessEqual(len(SCRIPT.content), 20 * 1024)
        self.assertLessEqual(len(STYLE.content), 12 * 1024)

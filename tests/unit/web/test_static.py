"""The files that every page loads."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial import unittest

from buildbot.web.static import SCRIPT, STYLE

DOCS = Path(__file__).parents[3] / "docs"


class SizeTests(unittest.TestCase):
    """A page is small."""

    def test_sizes(self) -> None:
        """The script has at most 20 KB and the style sheet at most 12 KB, before compression."""
        self.assertLessEqual(len(SCRIPT.content), 20 * 1024)
        self.assertLessEqual(len(STYLE.content), 12 * 1024)


class DocumentedTests(unittest.TestCase):
    """The page about the web pages tells what is there."""

    def test_keys(self) -> None:
        """Each key that goes to a page is in the documentation, with the name of the page (row 78)."""
        page = (DOCS / "howto" / "web-pages.rst").read_text(encoding="utf-8")
        places = SCRIPT.content.decode().split("const PLACES = ", 1)[1].split(";", 1)[0]
        found = re.findall(r'(\w): \["\w*", "(\w+)"\]', places)
        self.assertGreater(len(found), 4)
        for key, name in found:
            self.assertIn(f"   * - ``g {key}``\n     - {name}\n", page)

    def test_pictures(self) -> None:
        """Each picture is shown, has a text, and is small."""
        page = (DOCS / "howto" / "web-pages.rst").read_text(encoding="utf-8")
        shown = re.findall(r"image:: /_static/pages/(.*)\n   :alt: .+", page)
        files = {path.name: path for path in (DOCS / "_static" / "pages").iterdir()}
        self.assertEqual(sorted(shown), sorted(files))
        for path in files.values():
            self.assertLess(path.stat().st_size, 60_000, path)

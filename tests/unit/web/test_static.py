"""The files that every page loads."""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial import unittest

from buildbot.web.static import SCRIPT, STYLE
from buildbot.web.table import TABLE
from tests.browser.test_pictures import PICTURES

#: A field in the path of a route.
FIELD = re.compile(r"{(\w+)(:int)?}")
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

    def test_pages(self) -> None:
        """Each page that shows something has a picture, or a line in the documentation (row 78)."""
        page = (DOCS / "howto" / "web-pages.rst").read_text(encoding="utf-8")
        acting = {route.path for route in TABLE.routes if route.method == "POST"}
        shown = {route.path for route in TABLE.routes if route.kind == "page" and route.method == "GET"}
        pictured = {path for address, _ in PICTURES.values() for path in shown if isOf(address, path)}
        lines = {path for path in shown if f"``{FIELD.sub(spelled, path)}``" in page}
        self.assertEqual(sorted(shown - acting - pictured - lines), [])


def spelled(field: re.Match[str]) -> str:
    """A field of a path as the documentation has it."""
    return field[1].upper()


def isOf(address: str, path: str) -> bool:
    """True if the address is of this route."""
    pattern = re.sub(r"\\{\w+(:int)?\\}", "[^/]+", re.escape(path))
    return re.fullmatch(pattern, "/" + address.partition("?")[0]) is not None

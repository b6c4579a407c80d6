"""Tests of buildbot.web.feeds.badge."""

from __future__ import annotations

import json
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.web.feeds.badge import COLORS, LABEL_COLOR, UNKNOWN_COLOR, badgeOf, shields, svg, unknownBadge
from buildbot.web.feeds.views import BuilderView, BuildView

SVG = "{http://www.w3.org/2000/svg}"


def builder(results: int | None = FAILURE, state: str = "idle", name: str = "linux") -> BuilderView:
    """A builder whose last build has these results."""
    last = None if results is None else BuildView(name, 7, results, finished=1.0)
    return BuilderView(name, state, None, last, last)


def luminance(color: str) -> float:
    """The relative luminance of a colour such as C{#aabbcc}, by WCAG."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


class BadgeTests(unittest.TestCase):
    """A badge tells the state of a builder (table G, row 60)."""

    def texts(self, image: bytes) -> list[str]:
        return [each.text or "" for each in ElementTree.fromstring(image).iter(SVG + "text")]

    def test_last(self) -> None:
        """A badge shows the last finished build, and a mark while one runs."""
        self.assertEqual(self.texts(svg(badgeOf(builder()))), ["linux", "✗ failure"])
        self.assertEqual(self.texts(svg(badgeOf(builder(state="building")))), ["linux", "✗ failure ▶"])
        self.assertEqual(self.texts(svg(badgeOf(builder(None)))), ["linux", "no build"])

    def test_read(self) -> None:
        """A screen reader reads the state aloud."""
        root = ElementTree.fromstring(svg(badgeOf(builder(state="building"), branch="trunk")))
        self.assertEqual(root.get("role"), "img")
        said = "linux, branch trunk: failure in build 7; a build is running"
        self.assertEqual((root.get("aria-label"), root.findtext(SVG + "title")), (said, said))

    def test_contrast(self) -> None:
        """White text has a contrast of at least 4.5 on every colour."""
        for color in {*COLORS.values(), LABEL_COLOR, UNKNOWN_COLOR}:
            self.assertGreaterEqual(1.05 / (luminance(color) + 0.05), 4.5, color)

    def test_width(self) -> None:
        """A badge is as wide as its texts, with 5 pixels at each side of them."""
        root = ElementTree.fromstring(svg(badgeOf(builder(SUCCESS))))
        one, two = (int(each.get("textLength") or 0) for each in root.iter(SVG + "text"))
        self.assertEqual(int(root.get("width") or 0), one + two + 20)
        self.assertEqual(one, 27)  # "linux" in DejaVu Sans of 11 px

    def test_style(self) -> None:
        """A badge of the style flat-square has no round corners. An unknown style is flat."""
        corners = [b'rx="3"' in svg(badgeOf(builder()), style) for style in ("flat", "flat-square", "<x>")]
        self.assertEqual(corners, [True, False, True])

    def test_label(self) -> None:
        """A label replaces the name; an empty one leaves only the state."""
        self.assertEqual(self.texts(svg(badgeOf(builder(), "build"))), ["build", "✗ failure"])
        self.assertEqual(self.texts(svg(badgeOf(builder(), ""))), ["✗ failure"])

    def test_unknown(self) -> None:
        """The badge of an unknown builder says so."""
        self.assertEqual(self.texts(svg(unknownBadge("x"))), ["x", "unknown builder"])
        self.assertTrue(json.loads(shields(unknownBadge("x")))["isError"])

    @given(st.text(st.characters(codec=None)))
    def test_anyLabel(self, label: str) -> None:
        """Any label makes an image with two texts, without styles, of a bounded width."""
        root = ElementTree.fromstring(svg(badgeOf(builder(), "x" + label)))
        self.assertEqual(len(list(root.iter(SVG + "text"))), 2)
        self.assertLess(int(root.get("width") or 0), 1100)
        self.assertEqual([each for each in root.iter() if "style" in each.attrib], [])

    def test_shields(self) -> None:
        """The values for shields.io have the keys of its endpoint badge."""
        self.assertEqual(
            json.loads(shields(badgeOf(builder()))),
            {"schemaVersion": 1, "label": "linux", "message": "✗ failure", "color": COLORS[FAILURE]},
        )

"""The templates of 0.8 in the directory of a master."""

from __future__ import annotations

import os

from twisted.trial import unittest

from buildbot.web.oldpages.templates import templateDoubts


class TemplatesTests(unittest.SynchronousTestCase):
    """A site comes from 0.8 with templates."""

    def put(self, *names: str) -> str:
        """The directory of a master with these templates."""
        basedir: str = os.path.abspath(self.mktemp())
        os.makedirs(os.path.join(basedir, "templates"))
        for name in names:
            with open(os.path.join(basedir, "templates", name), "w") as file:
                file.write("{{ hello }}")
        return basedir

    def test_none(self) -> None:
        """Without the directory, or with files of other names, there is nothing to say."""
        self.assertEqual(templateDoubts(os.path.abspath(self.mktemp())), [])
        self.assertEqual(templateDoubts(self.put("mine.html", "root.html~")), [])

    def test_advice(self) -> None:
        """Each template without effect is named with what takes its place."""
        others, layout, first = templateDoubts(
            self.put("waterfall.html", "root.html", "layout.html", "build.html")
        )
        self.assertEqual(
            others,
            "templates/build.html, templates/waterfall.html do nothing: pages have no templates;"
            " pages of your own in Python, added with putChild, may replace these pages",
        )
        self.assertIn("templates/layout.html does nothing", layout)
        self.assertIn("public_html/buildbot.css", layout)
        self.assertIn("templates/root.html does nothing", first)
        self.assertIn("public_html/index.html", first)

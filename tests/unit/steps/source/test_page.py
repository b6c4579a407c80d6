"""The page of the source steps."""

from __future__ import annotations

import re

from twisted.trial import unittest

from buildbot.steps import source
from buildbot.steps.source.base import Source
from buildbot.steps.source.github import GitHub
from tests.layers import ROOT


class PageTests(unittest.TestCase):
    """docs/reference/source.rst is complete."""

    def test_arguments(self) -> None:
        """Every step and each of its arguments is in the page."""
        page = (ROOT / "docs" / "reference" / "source.rst").read_text()
        named = [getattr(source, name) for name in source.__all__]
        classes = [each for each in named if issubclass(each, Source)]
        self.assertEqual(len(classes), 12)
        words = set(re.findall(r"\w+", " ".join(re.findall(r"``([^`]+)``", page))))
        for cls in (*classes, GitHub):
            self.assertIn(cls.__name__, words)
            kinds = getattr(vars(cls).get("__init__"), "kinds", {})
            self.assertEqual([name for name in kinds if name not in words], [], cls.__name__)

"""The builders that a reporter follows."""

from __future__ import annotations

from dataclasses import dataclass

from twisted.trial import unittest

from buildbot.reporters.choice import isChosen


@dataclass
class FakeBuilder:
    """A builder's status, as far as a choice looks at it."""

    category: str | None = None
    tags: tuple[str, ...] = ()

    def getName(self) -> str:
        """Its name."""
        return "full"

    def getTags(self) -> tuple[str, ...]:
        """Its tags."""
        return self.tags


class ChoiceTests(unittest.TestCase):
    """A reporter follows all builders, those with some names, or those with some categories or tags."""

    def test_all(self) -> None:
        """Without a choice, a reporter follows every builder."""
        self.assertTrue(isChosen(FakeBuilder(), None, None))

    def test_names(self) -> None:
        """A list of names chooses these builders; an empty list chooses none."""
        self.assertTrue(isChosen(FakeBuilder(), ["full"], None))
        self.assertFalse(isChosen(FakeBuilder(), ["quick"], None))
        self.assertFalse(isChosen(FakeBuilder(), [], None))

    def test_categories(self) -> None:
        """A category is found in the category of a builder, and in its tags."""
        self.assertTrue(isChosen(FakeBuilder("linux"), None, ["linux"]))
        self.assertTrue(isChosen(FakeBuilder(None, ("fast", "linux")), None, ["linux"]))
        self.assertFalse(isChosen(FakeBuilder("mac", ("fast",)), None, ["linux"]))

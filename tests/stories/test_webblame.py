"""The page of a broken builder: since when, and by which changes."""

from __future__ import annotations

from tests.stories.test_websearch import HistoryCase


class BlameTests(HistoryCase):
    """A person asks who broke the build."""

    def setUp(self) -> None:
        HistoryCase.setUp(self)
        for number in range(1, 11):
            self.change(f"rev{number:02d}", who=f"dev{number}")

    def page(self) -> str:
        return self.ask("/builders/full").text.partition("broken-title")[2]

    def test_between(self) -> None:
        """Of ten changes and three builds, those between the last good and the first bad one are listed."""
        self.build("rev03")
        self.build("rev07", 2)
        self.build("rev10", 2)
        page = self.page()
        self.assertIn('href="../builders/full/builds/0"', page)
        self.assertIn('href="../builders/full/builds/1"', page)
        for number in range(1, 11):
            wanted = self.assertIn if 4 <= number <= 7 else self.assertNotIn
            wanted(f">dev{number}<", page)
        self.assertNotIn("Build the middle", page)  # nobody may force a build here
        self.edit("http_port=8010", "http_port=8010, allowForce=True")
        self.assertTrue(self.reconfig()["applied"])
        page = self.page()
        self.assertIn("Build the middle of them: rev05", page)
        self.assertIn('href="../builders/full/force?revision=rev05&amp;branch="', page)

    def test_numbers(self) -> None:
        """A build that has no revision is known by its changes."""
        self.build("", 0, "full", 1, 2)
        self.build("", 2, "full", 3)
        page = self.page()
        self.assertIn(">dev3<", page)
        self.assertNotIn(">dev2<", page)
        self.assertNotIn("the middle", page)

    def test_neverGood(self) -> None:
        """Of a builder that was never good, the changes of its first bad build are listed."""
        self.build("", 2, "full", 5, 6)
        page = self.page()
        self.assertIn("never", page)
        self.assertIn(">dev5<", page)
        self.assertNotIn(">dev4<", page)

    def test_unknown(self) -> None:
        """Builds of revisions without a change say that the changes are not known."""
        self.build("other1")
        self.build("other2", 2)
        self.assertIn("The changes between them are not known.", self.page())

    def test_good(self) -> None:
        """A good builder shows no blame, but its last builds and its standing."""
        self.build("rev01", 2)
        self.build("rev02")
        self.build("rev03")
        page = self.ask("/builders/full").text
        self.assertNotIn("broken-title", page)
        self.assertIn("good for 2 builds", page)
        self.assertIn('title="#0"', page)

    def test_tags(self) -> None:
        """The category and the tags lead to their builders."""
        self.edit("'factory': f}", "'factory': f, 'category': 'a b'}")
        self.reconfig()
        self.assertIn('<a href="../builders?tag=a+b">a b</a>', self.ask("/builders/full").text)

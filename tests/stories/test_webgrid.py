"""The grids and the console."""

from __future__ import annotations

from tests.stories.test_websearch import FIRST, SECOND, HistoryCase


class GridCase(HistoryCase):
    """A master with two builders in different categories, and two revisions."""

    def setUp(self) -> None:
        HistoryCase.setUp(self)
        self.edit(
            "c['builders'] = [",
            "c['builders'] = [{'name': 'docs', 'slavename': 'bot1', 'builddir': 'd', 'factory': f,"
            " 'category': 'prose'}, ",
        )
        self.assertEqual(self.reconfig()["errors"], [])
        self.change(FIRST, "ann", "<first>")
        self.change(SECOND, "eve", "second")
        self.build(FIRST, 2)
        self.build(SECOND)
        self.build(SECOND, 0, "docs")


class GridTests(GridCase):
    """A person compares revisions."""

    def test_grid(self) -> None:
        """A row for each builder, a column for each revision, and the build of both in their cell."""
        page = self.ask("/grid").text
        self.assertLess(page.index(f"revision/{FIRST}"), page.index(f"revision/{SECOND}"))
        for build in ("full/builds/0", "full/builds/1", "docs/builds/0"):
            self.assertEqual(page.count(f'href="builders/{build}"'), 1, build)
        self.assertEqual(page.count("<td></td>"), 1)

    def test_turned(self) -> None:
        """Each grid has a link to the other way round, which keeps the parameters."""
        self.assertIn('href="tgrid?width=3">The other way round', self.ask("/grid?width=3").text)
        self.assertIn('href="grid?category=prose">', self.ask("/tgrid?category=prose&rev_order=asc").text)

    def test_summary(self) -> None:
        """Each builder has its last result before those of the revisions (row 15)."""
        for path in ("/grid", "/tgrid"):
            page = self.ask(path).text
            self.assertIn('<a class="success" href="builders/full" title="full"', page)
            self.assertIn('<a class="success" href="builders/docs" title="docs"', page)

    def test_mixed(self) -> None:
        """Builders of one category stand together, below one heading, in whatever order the file has them."""
        for name, category in (("a", "prose"), ("b", "music"), ("c", "prose")):
            self.edit(
                "c['builders'] = [",
                f"c['builders'] = [{{'name': '{name}', 'slavename': 'bot1', 'builddir': '{name}',"
                f" 'factory': f, 'category': '{category}'}}, ",
            )
        self.assertEqual(self.reconfig()["errors"], [])
        page = self.ask("/grid").text
        places = [page.index(f'href="builders/{name}"') for name in ("c", "a", "docs", "b", "full")]
        self.assertEqual(places, sorted(places))
        for path in ("/grid", "/tgrid"):
            self.assertEqual(self.ask(path).text.count('aria-label="fold prose"'), 1, path)

    def test_fold(self) -> None:
        """A folded category has numbers instead of its builders, and a link that unfolds it (row 15)."""
        for path in ("grid", "tgrid"):
            page = self.ask(f"/{path}").text
            self.assertIn(f'href="{path}?fold=prose" aria-label="fold prose"', page)
            page = self.ask(f"/{path}?fold=prose&fold=no+category&width=2").text
            self.assertNotIn("/builds/", page)
            self.assertEqual(
                page.count("<td>1 success</td>"), 4
            )  # the last builds, and those of two revisions
            self.assertEqual(page.count("<td>1 failure</td>"), 1)
            self.assertIn(f'href="{path}?width=2&amp;fold=no+category" aria-label="unfold prose"', page)
            self.assertNotIn("fold</a>", self.ask(f"/{path}?category=prose").text)

    def test_width(self) -> None:
        """The width reduces the revisions to the newest, the category reduces the builders."""
        page = self.ask("/grid?width=1").text
        self.assertNotIn(FIRST, page)
        self.assertNotIn(FIRST, self.ask("/tgrid?length=1").text)
        self.assertNotIn("full", self.ask("/grid?category=prose").text)
        self.assertNotIn("full", self.ask("/tgrid?tag=prose").text)
        self.assertIn("No build meets these conditions.", self.ask("/grid?branch=dev").text)
        self.assertIn(FIRST, self.ask("/grid?branch=trunk").text)

    def test_order(self) -> None:
        """The other way round, the newest revision is on top, or at the bottom if asked so."""
        page = self.ask("/tgrid").text
        self.assertLess(page.index(f"revision/{SECOND}"), page.index(f"revision/{FIRST}"))
        page = self.ask("/tgrid?rev_order=asc").text
        self.assertLess(page.index(f"revision/{FIRST}"), page.index(f"revision/{SECOND}"))

    def test_reload(self) -> None:
        """A browser without script reloads the page if asked so, not more often than each 15 seconds."""
        for path in ("/grid", "/tgrid", "/console"):
            self.assertIn('<meta http-equiv="refresh" content="15">', self.ask(f"{path}?reload=2").text)
            self.assertNotIn("refresh", self.ask(path).text)


class ConsoleTests(GridCase):
    """A person looks who broke what."""

    def test_rows(self) -> None:
        """Each revision has its author, its comment and the result of each builder that built it."""
        page = self.ask("/console").text
        first = page.index(f"revision/{FIRST}")
        self.assertLess(page.index(f"revision/{SECOND}"), first)
        self.assertGreater(page.index('<a class="failure" href="builders/full/builds/0"'), first)
        self.assertIn("ann", page)
        self.assertIn("&lt;first&gt;", page)

    def test_author(self) -> None:
        """The name of an author is shown without the address, which would be broken into pieces."""
        self.change("r9", "Eve <eve@example.org>", "words")
        self.assertIn(
            '<td class="who" title="Eve &lt;eve@example.org&gt;">Eve</td>', self.ask("/console").text
        )

    def test_summary(self) -> None:
        """The summary row has the last result of each builder, by category."""
        summary = self.ask("/console").text.partition("Last builds")[2].partition("</thead>")[0]
        self.assertIn('<a class="success" href="builders/full"', summary)
        self.assertIn('<a class="success" href="builders/docs"', summary)

    def test_fold(self) -> None:
        """A folded category shows numbers, and a link that unfolds it."""
        page = self.ask("/console?fold=prose&revs=9").text
        self.assertIn("1 success", page)
        self.assertNotIn("builders/docs", page)
        self.assertIn('<a href="console?revs=9" aria-label="unfold prose">unfold</a>', page)
        self.assertIn('href="console?fold=prose"', self.ask("/console").text)

    def test_chosen(self) -> None:
        """Each parameter reduces the console."""
        self.assertNotIn(FIRST, self.ask("/console?revs=1").text)
        self.assertNotIn(FIRST, self.ask("/console?name=eve").text)
        self.assertIn(FIRST, self.ask("/console?name=eve&name=ann").text)
        self.assertNotIn("builders/full", self.ask("/console?category=prose").text)
        self.assertNotIn("builders/docs", self.ask("/console?builder=full").text)
        for nothing in ("branch=dev", "project=other", "repository=svn%3A"):
            self.assertIn("No change meets these conditions.", self.ask(f"/console?{nothing}").text)
        self.assertIn(FIRST, self.ask("/console?branch=trunk").text)

    def test_empty(self) -> None:
        """A builder without a build of a revision has a dot."""
        row = self.ask("/console").text.partition(f"revision/{FIRST}")[2]
        self.assertIn('<span title="docs">·</span>', row)

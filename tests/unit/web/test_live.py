"""Tests of buildbot.web.live."""

from __future__ import annotations

import json

from twisted.trial import unittest

from buildbot.web.call import Page, Part
from buildbot.web.live import changes, shown
from buildbot.web.markup import Markup
from buildbot.web.pages.pieces import table


def page(*rows: str, note: str = "") -> Page:
    """A page with a table and a note."""
    lines = table("Names", ("Name",), [[each] for each in rows], "name")
    return Page("Names", [Part("names", lines), Part("note", Markup(note))])


def told(before: Page, after: Page) -> dict[str, dict[str, str]]:
    """The events between two states of a page: name -> what it exchanges."""
    said = changes(shown(before), shown(after)).decode()
    events = [each.split("\n") for each in said.split("\n\n") if each]
    return {name.removeprefix("event: "): json.loads(data.removeprefix("data: ")) for name, data in events}


class ChangesTests(unittest.SynchronousTestCase):
    """What is sent to an open page."""

    def test_nothing(self) -> None:
        """A page that is the same has no event."""
        self.assertEqual(changes(shown(page("a")), shown(page("a"))), b"")

    def test_row(self) -> None:
        """A changed row is sent alone."""
        self.assertEqual(
            told(page("a", "b"), page("a", "c")), {"rows": {"name-1": '<td data-label="Name">c</td>'}}
        )

    def test_part(self) -> None:
        """With another number of rows the whole part is sent; other parts are not."""
        self.assertEqual(list(told(page("a"), page("a", "b"))["parts"]), ["names"])
        self.assertEqual(told(page("a"), page("a", note="x")), {"parts": {"note": "x"}})

    def test_otherParts(self) -> None:
        """A page with other parts is loaded again."""
        self.assertEqual(told(page("a"), Page("Names", [])), {"reload": {}})

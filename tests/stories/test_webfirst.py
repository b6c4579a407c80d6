"""A web server at which nobody has looked yet."""

from __future__ import annotations

from tests.stories.web import WebWorld


class FirstTests(WebWorld):
    """Show 9: a web server costs the master little until somebody looks."""

    def test_first(self) -> None:
        """The routes are made at the first request, and the second request finds the same ones."""
        self.start()
        dispatcher = self.web.dispatcher
        self.assertNotIn("_tables", vars(dispatcher))
        self.assertEqual(self.ask("/").status, 200)
        made = dispatcher.table
        self.assertEqual(self.ask("/builders").status, 200)
        self.assertIs(dispatcher.table, made)

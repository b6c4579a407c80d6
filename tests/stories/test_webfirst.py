"""A web server at which nobody has looked yet."""

from __future__ import annotations

from typing import Any

from buildbot.web import running
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

    def test_asleep(self) -> None:
        """The web server itself is made at the first connection, and the second one finds the same."""
        made: list[Any] = []
        real = running.serving

        def serving(*args: Any) -> Any:
            made.append(real(*args))
            return made[-1]

        self.patch(running, "serving", serving)
        self.start()
        self.assertEqual(made, [])
        for _ in range(2):
            self.assertEqual(self.ask("/livez").status, 200)
            self.assertEqual(len(made), 1)

    def test_looking(self) -> None:
        """People look at pages. A program that asks for figures, an unknown page or a stop is nobody."""
        self.start()
        lookers = self.master.botmaster.resources.logs.lookers
        for path in ("/metrics", "/health", "/nowhere", "/api/v1/builders"):
            self.ask(path)
            self.assertEqual(len(lookers), 0, path)
        for _ in range(2):
            self.assertEqual(self.ask("/builders").status, 200)
            self.assertEqual(len(lookers), 1)
        self.edit("c['status'] = [html.WebStatus(http_port=8010, allowForce=False)]", "")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(len(lookers), 0)

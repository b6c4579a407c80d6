"""The pages of docs about the web server are true."""

from __future__ import annotations

import inspect

from twisted.trial import unittest

from buildbot.web.service import WebStatus
from buildbot.web.waterfall import Waterfall
from tests.routespage import PAGE, page
from tests.unit.test_docs import literals, pages, tableRows


class WebPageTests(unittest.SynchronousTestCase):
    """docs/reference/web.rst and web-routes.rst."""

    def test_arguments(self) -> None:
        """The tables have each argument of both classes, with its default."""
        for name, cls in (("webstatus-arguments", WebStatus), ("waterfall-arguments", Waterfall)):
            said: dict[str, str] = {}
            for names, defaults, _meaning in tableRows(pages()["reference/web"], name):
                every = literals(defaults)
                for number, each in enumerate(literals(names)):
                    said[each] = every[min(number, len(every) - 1)].replace('"', "'")
            parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
            self.assertEqual(said, {each.name: repr(each.default) for each in parameters})

    def test_routes(self) -> None:
        """The page has each URL. C{python -m tests.routespage} writes it again."""
        self.assertEqual(PAGE.read_text(encoding="utf-8"), page(), "run python -m tests.routespage")

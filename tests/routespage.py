"""The page of docs with all routes of the web server. C{python -m tests.routespage} writes it again."""

from __future__ import annotations

from pathlib import Path

from buildbot.web.pages.oldurls import OLD
from buildbot.web.routes import Route
from buildbot.web.table import TABLE

PAGE = Path(__file__).parent.parent / "docs/reference/web-routes.rst"
_HEAD = """===============
URLs on the web
===============

All URLs of the web server, below ``buildbotURL``. An action needs POST; the same URL with GET shows its form.
The parameters of pages are in the forms that make them, those of the API in ``/api/v1/openapi.json``.

.. A test compares the tables with the routes; python -m tests.routespage writes this page.
"""
_TABLE = """
{title}
{line}

.. list-table::
   :header-rows: 1
   :widths: 50 50
   :name: {name}

   * - URL
     - what
"""


def row(route: Route) -> str:
    """The row of a route."""
    path = route.path.replace(":int}", "}").replace(":rest}", "}")
    about = route.about.replace("`", "``").replace("*", r"\\*")
    return f"   * - ``{route.method} {path}``\n     - {about}\n"


def page() -> str:
    """The text of the page."""
    parts = [_HEAD]
    new = [each for each in TABLE if each.kind != "old"]
    kinds = {
        "Pages, files and feeds": [each for each in new if each.kind not in ("json", "action")],
        "Actions": [each for each in new if each.kind == "action"],
        "API": [each for each in new if each.kind == "json"],
        "Old URLs, which lead to the pages": [*(each for each in TABLE if each.kind == "old"), *OLD],
    }
    for number, (title, routes) in enumerate(kinds.items()):
        forms = {each.path for each in kinds["Actions"]}
        shown = [each for each in routes if not (number == 0 and each.path in forms)]
        parts.append(_TABLE.format(title=title, line="=" * len(title), name=f"routes-{number}"))
        parts += map(row, shown)
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

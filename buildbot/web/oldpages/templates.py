# -*- test-case-name: tests.unit.web.test_oldtemplates -*-
"""The Jinja templates of 0.8. Pages here have none, so I say what takes the place of each template."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

#: The directory in that of the master where 0.8 looks for a site's own templates.
DIRECTORY = "templates"
#: What takes the place of a template.
INSTEAD = {
    "root.html": "write the first page as public_html/index.html",
    "layout.html": "head_elements of a subclass and public_html/buildbot.css change all pages",
    "footer.html": "head_elements of a subclass and public_html/buildbot.css change all pages",
}
#: What takes the place of all others.
OTHERS = "pages of your own in Python, added with putChild, may replace these pages"
#: The templates of 0.8 for pages. Other files may belong to programs of the site.
NAMES = frozenset(INSTEAD) | {
    f"{name}.html"
    for name in (
        "about authfail authzfail box_macros build build_line builder builders buildslave buildslaves"
        " buildstatus buildstep change change_macros change_sources console directory empty feed_description"
        " feed_sources feed_summary forms grid grid_macros grid_transposed jsonhelp logs onelineperbuild"
        " onelineperbuildonebuilder revmacros testresult user users waterfall waterfallhelp"
    ).split()
}
#: For a page of one's own that asks the web server for a template.
NO_TEMPLATES = (
    "the web server has no Jinja template but empty.html: install jinja2, and make the page's own"
    ' Environment, such as jinja2.Environment(loader=jinja2.FileSystemLoader("templates"), autoescape=True)'
)


class NoTemplates(RuntimeError):
    """A page of 0.8 asks for a template that the web server has not."""


class Templates:
    """I have the one template of 0.8 that pages of one's own need: C{empty.html} shows their content."""

    def get_template(self, name: str) -> Templates:
        """The template. Raises L{NoTemplates} for all others; its text says what to do."""
        if name != "empty.html":
            raise NoTemplates(NO_TEMPLATES)
        return self

    def render(self, *args: Mapping[str, Any], **context: Any) -> str:
        """The content of a page; L{buildbot.web.oldpages.html.HtmlResource} puts the rest round it."""
        content = dict(*args, **context).get("content", "")
        return content.decode("utf-8", "replace") if isinstance(content, bytes) else str(content)


def templateDoubts(basedir: str) -> list[str]:
    """A sentence for each template of 0.8 in the master's directory that has no effect.

    Templates with the same replacement share a sentence.
    """
    try:
        found = sorted(NAMES.intersection(os.listdir(os.path.join(basedir, DIRECTORY))))
    except OSError:
        return []
    byAdvice: dict[str, list[str]] = {}
    for name in found:
        byAdvice.setdefault(INSTEAD.get(name, OTHERS), []).append(f"{DIRECTORY}/{name}")
    return [
        f"{', '.join(names)} {'does' if len(names) == 1 else 'do'} nothing: pages have no templates; {advice}"
        for advice, names in byAdvice.items()
    ]

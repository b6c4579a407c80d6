# -*- test-case-name: tests.unit.web.test_service -*-
"""C{Waterfall} of 0.7.5: a web server whose first page is the waterfall."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from buildbot.config.arguments import arguments, remember
from buildbot.config.kinds import FLAG, NAMES, TEXT, orNone
from buildbot.events.onuse import onUse
from buildbot.web.argumentkinds import ANY, PORT
from buildbot.web.service import WebStatus

if TYPE_CHECKING:
    from twisted.web import static

    from buildbot.web.world import Settings
else:
    static = onUse("twisted.web.static")


class Waterfall(WebStatus):
    """I am the web server of 0.7.5. The root of my site is the waterfall."""

    compare_attrs = (*WebStatus.compare_attrs, "categories", "css", "favicon", "robots_txt")

    @arguments(
        http_port=PORT,
        distrib_port=ANY,
        allowForce=orNone(FLAG),
        categories=orNone(NAMES),
        css=orNone(TEXT),
        favicon=orNone(TEXT),
        robots_txt=orNone(TEXT),
    )
    def __init__(
        self,
        http_port: int | str | None = None,
        distrib_port: int | str | None = None,
        allowForce: bool | None = None,
        categories: Sequence[str] | None = None,
        css: str | None = None,
        favicon: str | None = None,
        robots_txt: str | None = None,
    ) -> None:
        """@param allowForce: True to allow all actions to everybody, which was the default of 0.7.5.
        @param categories: only builders of these categories are in the waterfall.
        @param css: the path of an own style sheet, served beside ours as C{/buildbot.css}.
        @param favicon: the path of an own icon.
        @param robots_txt: the path of a C{robots.txt}.
        """
        WebStatus.__init__(self, http_port, distrib_port, allowForce)
        remember(self)
        self.categories = None if categories is None else list(categories)
        self.css = css
        self.favicon = favicon
        self.robots_txt = robots_txt
        for name, path in (("buildbot.css", css), ("favicon.ico", favicon), ("robots.txt", robots_txt)):
            if path is not None:
                self.putChild(name, static.File(path))

    def settings(self) -> Settings:
        """My arguments, for the pages."""
        categories = None if self.categories is None else tuple(self.categories)
        return replace(WebStatus.settings(self), isWaterfall=True, categories=categories)

# -*- test-case-name: tests.stories.test_ownpages -*-
"""Our pages as resources under the class names of 0.7.6 to 0.8, to be put at further addresses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.web import resource

from buildbot.web.call import Call, Problem
from buildbot.web.incoming import incomingOf
from buildbot.web.oldpages.request import text
from buildbot.web.routes import BadQuery


class OurPage(resource.Resource):
    """I serve one of our pages, perhaps for some categories of builders only.

    @cvar path: the path of the page.
    """

    isLeaf = True
    path = "/waterfall"

    def __init__(self, categories: Sequence[str] | None = None, **others: object) -> None:
        """@param others: arguments of old releases; they do nothing."""
        resource.Resource.__init__(self)
        self.categories = None if categories is None else tuple(categories)

    def render(self, request: Any) -> Any:
        """Answer by the rules for all pages."""
        incoming = incomingOf(request)
        dispatcher = request.site.buildbot_service.dispatcher
        route = dispatcher.table.find(self.path.strip("/").split("/")).routes["GET"]

        async def make(call: Call) -> Any:
            try:
                query = route.read(call.given)
            except BadQuery as why:
                raise Problem(400, "A parameter is wrong", str(why)) from None
            options = replace(call.world.options, categories=self.categories or call.world.options.categories)
            made = route.handler(replace(call, query=query, world=replace(call.world, options=options)))
            page = made if not hasattr(made, "__await__") else await made
            return replace(page, topics=())

        segments = [text(each) for each in request.prepath]
        own = replace(route, handler=make, parameters=(), kind="own")
        work = ensureDeferred(dispatcher.answer(incoming, segments, own))
        return dispatcher.deliver(work, request, incoming)


class WaterfallStatusResource(OurPage):
    """I am the waterfall."""


class ConsoleStatusResource(OurPage):
    """I am the console."""

    path = "/console"


class GridStatusResource(OurPage):
    """I am the grid."""

    path = "/grid"


class TransposedGridStatusResource(OurPage):
    """I am the grid with builders as columns."""

    path = "/tgrid"


class OneLinePerBuild(OurPage):
    """I am the list of the last builds."""

    path = "/one_line_per_build"


class OneBoxPerBuilder(OurPage):
    """I am the list of builders."""

    path = "/builders"

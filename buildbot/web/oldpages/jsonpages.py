# -*- test-case-name: tests.stories.test_ownjson -*-
"""JSON of people's own: C{JsonResource} of 0.8, and C{JsonStatusResource}, our own JSON in another place.

A resource overrides C{asDict}. The parameters C{as_text}, C{compact}, C{filter} and C{select} work as for
C{/json}.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from buildbot.web.call import Answer, Call, Problem
from buildbot.web.dispatch import RouteResource
from buildbot.web.feeds import json08
from buildbot.web.incoming import Incoming
from buildbot.web.oldpages.html import HtmlResource
from buildbot.web.oldpages.request import OldRequest, text


def FilterOut(data: object) -> object:
    """The data without null, false and empty values, as in 0.8. Numbers stay."""
    return json08.filtered(data)


class JsonResource(HtmlResource):
    """I am JSON of people's own.

    @ivar status: the status of the master.
    """

    contentType = json08.JSON_TYPE.decode()

    def __init__(self, status: Any) -> None:
        HtmlResource.__init__(self)
        self.status = status

    def asDict(self, request: Any) -> Any:
        """The value, or a Deferred or coroutine of it: a page overrides this.

        By default it is the values of the resources below, by name.
        """
        return _below(self, request)

    def getChild(self, path: Any, request: Any) -> Any:
        """The resource itself with a slash at the end; else there is no resource."""
        if path == "" and not request.postpath:
            return self
        return HtmlResource.getChild(self, path, request)

    async def _page(self, call: Call, request: Any, incoming: Incoming) -> Answer:
        """See L{HtmlResource}."""
        try:
            flags = json08.flags(call.given)
        except json08.BadFlag as why:
            raise Problem(400, "A parameter is wrong", str(why)) from None
        value = self.asDict(OldRequest(request, incoming, call.who.detail))
        if inspect.isawaitable(value):
            value = await value
        if flags.select:
            value = json08.selected((path, _part(value, path)) for path in flags.select)
        return Answer(json08.written(value, flags), flags.contentType.decode(), status=request.code)


async def _below(page: JsonResource, request: Any) -> dict[str, Any]:
    found = {}
    for name, child in page.children.items():
        if hasattr(child, "asDict"):
            value = child.asDict(request)
            found[text(name)] = await value if inspect.isawaitable(value) else value
    return found


def _part(value: Any, path: str) -> object:
    """A part of a value, by its keys with slashes between them."""
    for name in filter(None, path.split("/")):
        if not isinstance(value, Mapping) or name not in value:
            return dict(json08.MISSING)
        value = value[name]
    return value


class JsonStatusResource(JsonResource):
    """I am all that C{/json} tells, in another place. Resources of people's own may stand below me."""

    def getChildWithDefault(self, path: bytes, request: Any) -> Any:
        """A resource of people's own, else what C{/json} has."""
        if path in self.children:
            return self.children[path]
        rest = [text(each) for each in (path, *request.postpath)]
        return RouteResource(request.site.buildbot_service.dispatcher, ["json", *rest])

    def render(self, request: Any) -> Any:
        """All of C{/json}."""
        return RouteResource(request.site.buildbot_service.dispatcher, ["json"]).render(request)

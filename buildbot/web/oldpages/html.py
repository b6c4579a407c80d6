# -*- test-case-name: tests.stories.test_ownpages -*-
"""Pages of people's own, in Python: C{HtmlResource} of 0.7.6 to 0.8.

A page overrides C{body} (0.7) or C{content} (0.8). It returns HTML, which the layout of all pages frames; a
whole document is sent as it is. It may also return a Deferred or a coroutine of that. The author escapes
the text.
"""

from __future__ import annotations

import inspect
import time
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.web import resource
from twisted.web.util import Redirect

from buildbot import version
from buildbot.web.call import Answer, Call, Page
from buildbot.web.dispatch import RouteResource
from buildbot.web.incoming import Incoming, incomingOf
from buildbot.web.markup import foreign
from buildbot.web.oldpages.paths import path_to_root
from buildbot.web.oldpages.request import OldRequest, raw, text
from buildbot.web.root import POLICY
from buildbot.web.routes import Route

_WHOLE = ("<!doctype", "<html", "<?xml")


class HtmlResource(resource.Resource):
    """I am a page of people's own.

    @ivar title: the title of a page for 0.7.
    @ivar pageTitle: the title of a page for 0.8; "" to take C{title}.
    @ivar addSlash: True if the address ends in "/", so that there are pages below.
    """

    contentType = "text/html; charset=utf-8"
    title = "Buildbot"
    pageTitle = ""
    addSlash = False

    # what a page overrides

    def getTitle(self, request: Any) -> str:
        """The title of a page for 0.7."""
        return self.title

    def getPageTitle(self, request: Any) -> str:
        """The title of a page for 0.8."""
        return self.pageTitle

    def head(self, request: Any) -> str:
        """HTML for the head of the document."""
        return ""

    def body(self, request: Any) -> Any:
        """The HTML of a page for 0.7."""
        return ""

    def content(self, request: Any, cxt: dict[str, Any] | None = None) -> Any:
        """The HTML of a page for 0.8. By default it is C{body}."""
        return self.body(request)

    # what a page asks

    def getStatus(self, request: Any) -> Any:
        """The status of the master, without builders that the visitor may not see."""
        return getattr(request, "seenStatus", None) or request.site.buildbot_service.getStatus()

    def getControl(self, request: Any) -> Any:
        """The control of the master, or None if the configuration does not allow it."""
        return request.site.buildbot_service.getControl()

    def getAuthz(self, request: Any) -> Any:
        """The C{Authz} of the configuration, or None."""
        return request.site.buildbot_service.authz

    def getBuildmaster(self, request: Any) -> Any:
        """The master."""
        return request.site.buildbot_service.master

    def getChangemaster(self, request: Any) -> Any:
        """The master; it had the changes in 0.7."""
        return request.site.buildbot_service.getChangeSvc()

    def path_to_root(self, request: Any) -> str:
        """The relative address of the first page."""
        return path_to_root(request)

    def getContext(self, request: Any) -> dict[str, Any]:
        """The values that C{content} gets as C{cxt}."""
        status = self.getStatus(request)
        root = path_to_root(request)
        return {
            "title": status.getTitle(),
            "title_url": status.getTitleURL(),
            "project_name": status.getProjectName(),
            "project_url": status.getProjectURL(),
            "pageTitle": self.getPageTitle(request),
            "path_to_root": root,
            "stylesheet": f"{root}buildbot.css",
            "welcomeurl": root or "./",
            "version": version,
            "time": time.strftime("%a %d %b %Y %H:%M:%S", time.localtime()),
            "tz": time.strftime("%Z"),
            "metatags": [],
            "alert_msg": "",
            "authz": self.getAuthz(request),
            "request": request,
        }

    # twisted.web

    def putChild(self, path: str | bytes, child: Any) -> None:
        """Serve another resource below this page."""
        resource.Resource.putChild(self, raw(path), child)

    def getChildWithDefault(self, path: bytes, request: Any) -> Any:
        """The resource below this page; its name is text for C{getChild} of a page."""
        if path in self.children:
            return self.children[path]
        found = self.getChild(text(path), OldRequest(request, incomingOf(request)))
        if isinstance(found, Redirect) and isinstance(found.url, str):
            found.url = raw(found.url)  # a page from Python 2 code returns text
        return found

    def getChild(self, path: Any, request: Any) -> Any:
        """No page, unless a page overrides this."""
        if self.addSlash and path == "" and not request.postpath:
            return self
        segments = [*request.prepath, *request.postpath]
        return RouteResource(request.site.buildbot_service.dispatcher, [*segments[:-1], segments[-1]])

    def render(self, request: Any) -> Any:
        """Answer a request, by the rules for all pages: who may come in, headers, errors."""
        if self.addSlash and request.prepath[-1] != b"":
            return Redirect(quote(request.prepath[-1]).encode("ascii") + b"/").render(request)
        incoming = incomingOf(request)
        request.setHeader(b"content-security-policy", POLICY)

        async def make(call: Call) -> Page | Answer:
            return await self._page(call, request, incoming)

        route = Route("/" + "/".join(map(text, request.prepath)), make, "An own page.", kind="own")
        service = request.site.buildbot_service
        answered = service.dispatcher.answer(incoming, [text(each) for each in request.prepath], route)
        work = ensureDeferred(answered)
        return service.dispatcher.deliver(work, request, incoming)

    async def _page(self, call: Call, request: Any, incoming: Incoming) -> Page | Answer:
        """The page for someone who may see it."""
        asked = OldRequest(request, incoming, call.who.detail)
        found = self._content(asked)
        if inspect.isawaitable(found):
            found = await found
        if not isinstance(found, (str, bytes)):
            raise TypeError(f"the page {type(self).__name__} must return text, not {type(found).__name__}")
        html = text(found)
        if html.lstrip()[:20].lower().startswith(_WHOLE) or not text(self.contentType).startswith(
            "text/html"
        ):
            return Answer(html.encode("utf-8", "replace"), text(self.contentType), status=request.code)
        title = self.getPageTitle(asked) or self.getTitle(asked)
        return Page(title, [foreign(html)], status=request.code, head=foreign(self.head(asked)))

    def _content(self, asked: OldRequest) -> Any:
        """The result of the method that the page overrides. C{content} of 0.7 takes no context."""
        names = list(inspect.signature(self.content).parameters.values())
        takesContext = len([each for each in names if each.kind is not each.KEYWORD_ONLY]) > 1
        return self.content(asked, self.getContext(asked)) if takesContext else self.content(asked)


class ActionResource(resource.Resource):
    """I do something for a request, then send the client to a page: see C{performAction}."""

    def performAction(self, request: Any) -> Any:
        """Do it.

        @return: the address of the next page, or a pair of that and a message; or a Deferred of one.
        """
        raise NotImplementedError(f"{type(self).__name__} must override performAction")

    def render(self, request: Any) -> Any:
        """Act for visitors with the right to it; only by POST."""
        incoming = incomingOf(request)

        async def act(call: Call) -> Answer:
            found = self.performAction(OldRequest(request, incoming, call.who.detail))
            if inspect.isawaitable(found):
                found = await found
            to = found[0] if isinstance(found, tuple) else found
            return Answer(b"", "text/plain", 303, (("Location", text(to)),), cache="no-store")

        route = Route("/", act, "An own action.", kind="own", method="POST")
        service = request.site.buildbot_service
        segments = [text(each) for each in request.prepath]
        work: Deferred[Any] = ensureDeferred(service.dispatcher.answer(incoming, segments, route))
        return service.dispatcher.deliver(work, request, incoming)

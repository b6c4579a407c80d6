"""JSON of people's own, written in Python 2 for 0.8, is served after the migration."""

from __future__ import annotations

import json
from typing import Any

from tests.stories import ownpages
from tests.stories.test_ownpages import OwnCase

SITE = (
    ownpages.MASTER
    + """
from twisted.internet import defer
from buildbot.status.web.base import HtmlResource
from buildbot.status.web.status_json import FilterOut, JsonResource, JsonStatusResource

class Tree(JsonResource):
    help = "The builders and their last results."
    pageTitle = "Tree"

    def __init__(self, status):
        JsonResource.__init__(self, status)
        self.putChild("project", Project(status))

    def getChild(self, path, request):
        if path in self.status.getBuilderNames():
            return Builder(self.status, path)
        return JsonResource.getChild(self, path, request)

class Project(JsonResource):
    def asDict(self, request):
        return {"name": self.status.getProjectName(), "empty": "", "number": 0}

class Builder(JsonResource):
    def __init__(self, status, name):
        JsonResource.__init__(self, status)
        self.name = name

    @defer.inlineCallbacks
    def asDict(self, request):
        builder = self.status.getBuilder(self.name)
        waiting = yield builder.getPendingBuildRequestStatuses()
        last = builder.getLastFinishedBuild()
        if last is None:
            request.setResponseCode(404)
            defer.returnValue({"error": "no build of %s" % self.name})
        defer.returnValue(FilterOut({
            "waiting": len(waiting), "results": last.getResults(), "nothing": None,
            "branches": request.args.get("branch", [])}))

class Site(html.WebStatus):
    def setServiceParent(self, parent):
        html.WebStatus.setServiceParent(self, parent)
        everything = JsonStatusResource(self.getStatus())
        everything.putChild("tree", Tree(self.getStatus()))
        self.putChild("everything", everything)

c['status'] = [Site(http_port=8010)]
"""
)


class JsonTests(OwnCase):
    """C{/everything} has all of C{/json}, and C{tree} below it."""

    CONFIG = SITE

    def read(self, path: str, status: int = 200) -> Any:
        """An answer."""
        page = self.ask(path)
        self.assertEqual((page.status, page.headers["content-type"]), (status, "application/json"), page.text)
        return json.loads(page.text)

    def test_own(self) -> None:
        """A resource answers with its dictionary, at once or later, and may set the status."""
        self.assertEqual(self.read("/everything/tree/full"), {"waiting": 0, "results": 0})
        self.assertEqual(
            self.read("/everything/tree/full?branch=a&branch=b"),
            {"waiting": 0, "results": 0, "branches": ["a", "b"]},
        )
        self.assertEqual(
            self.read("/everything/tree/my%20%3Cbuilder%3E", 404), {"error": "no build of my <builder>"}
        )

    def test_below(self) -> None:
        """Without asDict, a resource has the values of those below it. A slash at the end does not matter."""
        project = {"name": "Fish", "empty": "", "number": 0}
        for path in ("/everything/tree", "/everything/tree/"):
            self.assertEqual(self.read(path), {"project": project})
        self.assertEqual(self.read("/everything/tree/project"), project)
        self.assertEqual(self.ask("/everything/tree/nothing").status, 404)

    def test_parameters(self) -> None:
        """The parameters of /json work."""
        page = self.ask("/everything/tree/project?as_text=1")
        self.assertEqual(page.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(page.text, '{\n  "name": "Fish",\n  "number": 0\n}\n')
        self.assertEqual(self.read("/everything/tree/project?filter=1"), {"name": "Fish", "number": 0})
        self.assertEqual(
            self.read("/everything/tree?select=project/name&select=project/else"),
            {"project": {"name": "Fish", "else": {"error": "Not available"}}},
        )
        self.assertEqual(self.ask("/everything/tree?callback=f").status, 400)

    def test_everything(self) -> None:
        """The other addresses below are those of /json."""
        for path in ("", "/project", "/builders/full", "/slaves/bot1"):
            self.assertEqual(self.read(f"/everything{path}"), self.read(f"/json{path}"), path)
        self.assertEqual(self.ask("/everything/nothing").status, 404)


class ClosedTests(OwnCase):
    """The pages are for those who log in."""

    CONFIG = SITE.replace(
        "Site(http_port=8010)",
        "Site(http_port=8010, authz=Authz(auth=BasicAuth([('ann', 'pw')]), view='auth'))",
    ).replace(
        "class Tree",
        "from buildbot.status.web.authz import Authz\n"
        "from buildbot.status.web.auth import BasicAuth\nclass Tree",
    )

    def test_closed(self) -> None:
        """JSON of people's own asks for the login that our pages ask for."""
        for path in ("/json", "/everything", "/everything/builders", "/everything/tree/full"):
            self.assertEqual(self.ask(path).status, 401, path)

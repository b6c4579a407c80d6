"""Rights by builder and branch apply to all that an action affects, in every form of request (row 46)."""

from __future__ import annotations

import json
from typing import Any

from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from tests.stories.test_webacts import ActingCase
from tests.stories.web import Response

RULES = """
c['builders'].append({'name': 'other', 'slavename': 'bot1', 'builddir': 'other', 'factory': f})
from buildbot.schedulers.forcesched import *
c['schedulers'] = [
    ForceScheduler('full', ['full'], codebases=[
        CodebaseParameter('', branch=StringParameter('line', default='main'))]),
    ForceScheduler('fixed', ['full'], codebases=[
        CodebaseParameter('', branch=FixedParameter('b', default='release'))])]
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.rights import Rule
ALL = ['forceBuild', 'rebuild', 'stopBuild', 'cancelRequest', 'stopChange']
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(default_action='auth', rules=[
    Rule(ALL, 'role:admin', branches='release'), Rule(ALL, 'role:admin', builders='other')]))]
"""


class ReachTests(ActingCase):
    """Only administrators act on the branch release, and on the builder other."""

    MORE = RULES

    def setUp(self) -> None:
        ActingCase.setUp(self)
        self.logIn("bob")

    def api(self, path: str, **body: Any) -> Response:
        """Ask the API to act."""
        data = json.dumps(body).encode()
        answer = self.ask(
            f"/api/v1{path}",
            "POST",
            data,
            Content_Type="application/json",
            Cookie=self.cookie,
            Sec_Fetch_Site="same-origin",
        )
        self.settle()
        return answer

    def submit(self, builders: list[str], source: SourceStamp) -> None:
        """Let somebody else request builds."""
        self.successResultOf(self.master.submitBuildSet(BuildSet(builders, source, "because")))
        self.reactor.advance(0)
        self.settle()

    def test_force(self) -> None:
        """A ForceScheduler that builds the branch needs the right to it, by form and by API."""
        for path, fields in (
            ("/builders/full/force", {"forcescheduler": "full", "line": "release"}),
            ("/builders/full/force", {"forcescheduler": "fixed"}),
            ("/builders/_selected/forceselected", {"selected": "full", "forcescheduler": "fixed"}),
            ("/builders/_selected/forceselected", {"selected": "other", "branch": "release"}),
        ):
            self.assertIn(self.post(path, **fields).status, (303, 403), fields)
            for builder in self.master.botmaster.builders.values():
                self.assertEqual([*builder.building, *builder.pending], [], fields)
        for body in (
            {"branch": "release"},
            {"scheduler": "full", "params": {"line": "release"}},
            {"scheduler": "full", "params": {"line": [" release "]}},
            {"scheduler": "full", "branch": "release"},
            {"scheduler": "full", "properties": {"line": "release"}},
            {"scheduler": "fixed"},
            {"scheduler": "fixed", "params": {}},
        ):
            refused = self.api("/builders/full/force", **body)
            self.assertIn(refused.status, (403, 409), (body, refused.text))
            self.assertEqual(self.master.botmaster.builders["full"].building, [])
        self.assertEqual(self.api("/builders/full/force", scheduler="full", params={"line": "x"}).status, 202)
        self.end()
        self.logIn()
        self.assertEqual(self.api("/builders/full/force", scheduler="fixed").status, 202)

    def test_otherBuilder(self) -> None:
        """A ForceScheduler of one builder forces no other one."""
        self.logIn()
        refused = self.api("/builders/other/force", scheduler="full")
        self.assertEqual(refused.status, 409)
        self.assertEqual(self.post("/builders/other/force", forcescheduler="full").status, 303)
        build = self.master.botmaster.builders["other"].building[0].build_status
        self.assertIsNone(build.source.branch)

    def test_builds(self) -> None:
        """A build of the branch is stopped and rebuilt by administrators alone; so are its requests."""
        self.submit(["full"], SourceStamp("release"))
        self.submit(["full"], SourceStamp("release", "2"))
        (request,) = self.master.botmaster.builders["full"].pending
        for path, fields in (
            ("/builders/full/builds/0/stop", {}),
            ("/builders/_selected/stopselected", {"selected": "full"}),
            ("/builders/full/cancelbuild", {"id": request.id}),
            ("/builders/full/cancelbuild", {"id": "all"}),
            ("/builders/_all/cancelpendingall", {}),
        ):
            self.assertEqual(self.post(path, **fields).status, 403, path)
        for path in ("/builders/full/builds/0/stop", "/builders/full/stop", f"/requests/{request.id}/cancel"):
            self.assertEqual(self.api(path).status, 403, path)
        self.logIn()
        self.assertEqual(self.api(f"/requests/{request.id}/cancel").status, 202)
        self.end()
        self.logIn("bob")
        self.assertEqual(self.post("/builders/full/builds/0/rebuild").status, 403)
        self.assertEqual(self.api("/builders/full/builds/0/rebuild").status, 403)
        self.logIn()
        self.assertEqual(self.api("/builders/full/builds/0/rebuild").status, 202)

    def test_codebases(self) -> None:
        """The branch of any codebase counts: of a running build, of a waiting request, and for a rebuild."""
        change = self.successResultOf(self.master.addChange(Change("eve", ["a.c"], "", codebase="lib")))
        for app in (SourceStamp("main"), SourceStamp("main", "2"), SourceStamp(changes=[change])):
            self.submit(["full"], SourceStamp.together([app, SourceStamp("release", codebase="lib")]))
        waiting, _ = self.master.botmaster.builders["full"].pending
        paths = ("/builders/full/builds/0/stop", f"/requests/{waiting.id}/cancel", "/builders/full/stop")
        for path in (*paths, f"/changes/{change.number}/stop"):
            self.assertEqual(self.api(path).status, 403, path)
        for path, fields in (
            ("/builders/full/cancelbuild", {"id": "all"}),
            ("/builders/_all/cancelpendingall", {}),
        ):
            self.assertEqual(self.post(path, **fields).status, 403, path)
        self.end()
        self.assertEqual(self.api("/builders/full/builds/0/rebuild").status, 403)

    def test_change(self) -> None:
        """A change is stopped everywhere only by somebody with the right to all builders that build it."""
        change = self.successResultOf(self.master.addChange(Change("eve", ["a.c"], "text")))
        self.submit(["full", "other"], SourceStamp(changes=[change]))
        self.assertEqual(self.api(f"/changes/{change.number}/stop").status, 403)
        self.assertEqual(self.post("/builders/_all/stopchangeall", change=str(change.number)).status, 403)
        self.logIn()
        self.assertEqual(self.api(f"/changes/{change.number}/stop").status, 202)


class HiddenTests(ActingCase):
    """Bob sees one of two builders."""

    MORE = """
c['builders'].append({'name': 'zzhidden', 'slavename': 'bot1', 'builddir': 'other', 'factory': f})
from buildbot.schedulers.forcesched import *
c['schedulers'] = [ForceScheduler('one', ['zzhidden']), ForceScheduler('two', ['full'])]
from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.rights import Rule
c['status'] = [html.WebStatus(http_port=8010, authz=Authz(default_action='auth', rules=[
    Rule('view', 'role:admin', builders='zzhidden')]))]
"""

    def test_refusal(self) -> None:
        """The refusal of an action names no builder that the visitor does not see."""
        for name, isTold in (("bob", False), ("ann", True)):
            self.logIn(name)
            body = json.dumps({"scheduler": "one"}).encode()
            refused = self.ask(
                "/api/v1/builders/full/force",
                "POST",
                body,
                Content_Type="application/json",
                Cookie=self.cookie,
                Sec_Fetch_Site="same-origin",
            )
            self.assertEqual(refused.status, 409)
            self.assertEqual("zzhidden" in refused.text, isTold, refused.text)

    def test_unknown(self) -> None:
        """Other refusals are told to all."""
        self.logIn("bob")
        refused = self.post("/builders/full/cancelbuild", id="77")
        self.assertIn(
            "request 77 of full does not wait", self.follow("/builders/full/cancelbuild", refused).text
        )

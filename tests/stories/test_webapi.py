"""The JSON API of a master that builds: shapes, lists in parts, ETags, events."""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.control.remote import questionOf
from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.builder import Builder
from buildbot.process.buildset import BuildSet
from buildbot.web.api import events as eventstreams
from tests.jsonschemas import errors
from tests.stories.test_webpages import BuildingCase
from tests.stories.web import Response
from tests.stories.world import World

API = "/api/v1"


class APICase(BuildingCase):
    """A master with one builder and its slave."""

    #: What follows in master.cfg.
    MORE = ""

    def write(self, text: str) -> None:
        """Write master.cfg."""
        BuildingCase.write(self, text + self.MORE)

    def get(self, path: str, **headers: Any) -> Response:
        """The answer to a question, checked against its schema."""
        answer = self.ask(API + path, **headers)
        if answer.status == 200:
            self.assertEqual(answer.headers["content-type"], "application/json", path)
            self.assertEqual(self.wrong(path, answer.json), [])
        elif answer.status != 304:
            self.assertEqual(answer.headers["content-type"], "application/problem+json", path)
        return answer

    def wrong(self, path: str, value: Any, method: str = "GET") -> list[str]:
        """What does not fit the schema of a path."""
        schemas = self.ask(f"{API}/openapi.json").json["components"]["schemas"]
        table = self.web.site.resource._dispatcher.table
        route = table.find((API + path).partition("?")[0].strip("/").split("/")).routes[method]
        if "fields=" in path:
            return []
        return list(errors(value, {"$ref": f"#/{route.schema}"}, schemas))

    def finish(self, rc: int = 0) -> None:
        """End the running build."""
        self.commands[-1].end(rc)
        self.wait(2)
        self.commands[-1].end(0)
        self.wait(2)


class ReadingTests(APICase):
    """A program reads."""

    def test_shapes(self) -> None:
        """Every answer has the shape of its schema: before, during and after a build."""
        paths = [
            *("/master", "/builders", "/builders/full", "/builders/full/builds", "/builds"),
            *("/slaves", "/slaves/bot1", "/changes", "/requests", "/schedulers", "/openapi.json"),
        ]
        for path in paths:
            self.assertEqual(self.get(path).status, 200, path)
        self.force()
        self.force()
        paths += ["/builders/full/builds/0", "/builders/full/builds/-1"]
        requests = self.get("/requests").json["requests"]
        self.assertEqual([each["builder"] for each in requests], ["full"])
        for path in (*paths, f"/requests/{requests[0]['id']}", "/builds?times=iso", "/master?times=iso"):
            self.assertEqual(self.get(path).status, 200, path)
        self.finish(2)
        for path in paths:
            self.assertEqual(self.get(path).status, 200, path)

    def test_wholeBuild(self) -> None:
        """One answer has a build with its steps, their logs and results."""
        self.force()
        self.finish(2)
        build = self.get("/builders/full/builds/0").json
        self.assertEqual((build["result"], build["reason"]), ("failure", "forced by ann: because <b>"))
        self.assertEqual([step["result"] for step in build["steps"]], ["failure", "success"])
        self.assertEqual([log["name"] for log in build["steps"][0]["logs"]], ["stdio"])

    def test_parts(self) -> None:
        """A long list comes in parts: each names the next one, in its body and in the header Link."""
        for _ in range(3):
            self.force()
            self.finish()
        first = self.get("/builds?limit=2")
        self.assertEqual([each["number"] for each in first.json["builds"]], [2, 1])
        self.assertIn('rel="next"', first.headers["link"])
        target = first.headers["link"].partition(">")[0].lstrip("<")
        self.assertIn("limit=2", target)
        last = self.get(f"/builds{target}")
        self.assertEqual([each["number"] for each in last.json["builds"]], [0])
        self.assertIsNone(last.json["next"])
        self.assertEqual(self.get("/builds?cursor=odd").status, 400)

    def test_filters(self) -> None:
        """Builds can be chosen by builder, slave, branch, result and state."""
        self.force()
        self.finish(2)
        self.force()
        for query, numbers in (
            ("state=running", [1]),
            ("state=finished", [0]),
            ("result=failure&result=exception", [0]),
            ("result=success", []),
            ("builder=full", [1, 0]),
            ("builder=other", []),
            ("category=other", []),
            ("slave=bot2", []),
            ("branch=", [1, 0]),
            ("branch=stable", []),
        ):
            found = self.get(f"/builds?{query}").json["builds"]
            self.assertEqual([each["number"] for each in found], numbers, query)

    def test_limit(self) -> None:
        """A list has at most 50 items, and at most 1,000 if the client asks for more."""
        description = self.get("/openapi.json").json
        parameters = {
            each["name"]: each["schema"] for each in description["paths"]["/builds"]["get"]["parameters"]
        }
        self.assertEqual((parameters["limit"]["default"], parameters["limit"]["maximum"]), (50, 1000))
        self.assertEqual(self.get("/builds?limit=9999").status, 200)
        self.assertEqual(self.get("/builds?limit=0").status, 400)

    def test_shape(self) -> None:
        """A client can ask for some fields, and for times as text."""
        self.force()
        (build,) = self.get("/builds?fields=number,started&times=iso").json["builds"]
        self.assertEqual(set(build), {"number", "started"})
        self.assertRegex(build["started"], r"^\d{4}-\d\d-\d\dT[\d:.]+Z$")
        self.assertIn("the fields are", self.get("/builds?fields=color").json["detail"])

    def test_problems(self) -> None:
        """An error says what is wrong, and what to do; an unknown parameter is an error."""
        missing = self.get("/builders/ful")
        self.assertEqual((missing.status, missing.json["hint"]), (404, "Did you mean full?"))
        unknown = self.get("/builds?color=red")
        self.assertEqual(unknown.status, 400)
        self.assertIn("unknown parameter 'color'", unknown.json["detail"])
        for path in ("/slaves/bot9", "/changes/9", "/requests/9", "/builders/full/builds/9", "/nothing"):
            self.assertEqual(self.get(path).status, 404, path)

    def test_unchanged(self) -> None:
        """An answer is sent again only when something that it shows has changed."""
        paths = ("/builders", "/builds", "/builders/full", "/slaves", "/requests")
        etags = {path: self.get(path).headers["etag"] for path in paths}
        for path, etag in etags.items():
            again = self.get(path, If_None_Match=etag)
            self.assertEqual((again.status, again.body), (304, b""), path)
        self.force()
        for path, etag in etags.items():
            self.assertEqual(self.get(path, If_None_Match=etag).status, 200, path)

    def test_firstChange(self) -> None:
        """A request that comes right after the very first question changes the answer, too."""
        self.force()
        etag = self.get("/builders/full").headers["etag"]
        self.force()
        self.wait(1)
        again = self.get("/builders/full", If_None_Match=etag)
        self.assertEqual((again.status, again.json["pending"]), (200, 1))

    def test_private(self) -> None:
        """A visitor who may not administer the master sees no process, no addresses, no refused logins."""
        self.assertFalse({"pid", "basedir", "refused", "ports"} & set(self.get("/master").json))
        self.assertNotIn("address", self.get("/slaves/bot1").json)


class ActionsTests(APICase):
    """A program acts on a master where everybody may act."""

    MORE = "\nc['status'] = [html.WebStatus(http_port=8010, allowForce=True)]\n"

    def post(self, path: str, /, **values: Any) -> Response:
        """The answer to an action, checked against its schema."""
        return self.send(path, values)

    def send(self, path: str, values: dict[str, Any], **headers: Any) -> Response:
        """Send an action with these headers."""
        body = json.dumps(values).encode() if values else b""
        answer = self.ask(API + path, "POST", body, Content_Type="application/json", **headers)
        if answer.status == 202:
            self.assertEqual(self.wrong(path, answer.json, "POST"), [])
        else:
            self.assertEqual(answer.headers["content-type"], "application/problem+json", path)
        return answer

    def test_force(self) -> None:
        """A forced build is named, with its address; it is recorded."""
        answer = self.post("/builders/full/force", reason="try it", branch="stable")
        self.assertEqual((answer.status, answer.json["build"]), (202, 0))
        self.assertTrue(answer.headers["location"].endswith("api/v1/builders/full/builds/0"))
        self.assertEqual(self.get("/builders/full/builds/0").json["branch"], "stable")
        (entry,) = self.actions()
        self.assertEqual((entry.action, entry.subject), ("forceBuild", "builder/full"))

    def test_waiting(self) -> None:
        """A request that waits is named, with the reason why it waits; it can be cancelled."""
        self.force()
        answer = self.post("/builders/full/force")
        self.assertIsNone(answer.json["build"])
        self.assertTrue(answer.json["why"])
        number = answer.json["request"]
        self.assertTrue(answer.headers["location"].endswith(f"api/v1/requests/{number}"))
        self.assertEqual(self.post(f"/requests/{number}/cancel").json["cancelled"], [number])
        self.assertEqual(self.post(f"/requests/{number}/cancel").status, 404)

    def test_repeated(self) -> None:
        """A request that is sent twice with one key acts once; with other values it is an error."""
        first = self.send("/builders/full/force", {"reason": "once"}, Idempotency_Key="k1")
        again = self.send("/builders/full/force", {"reason": "once"}, Idempotency_Key="k1")
        self.assertEqual(first.json, again.json)
        self.assertEqual(len(self.get("/builds").json["builds"]), 1)
        other = self.send("/builders/full/force", {"reason": "twice"}, Idempotency_Key="k1")
        self.assertEqual(other.status, 422)

    def test_stop(self) -> None:
        """A running build is stopped; one that does not run is an error that says so."""
        self.force()
        self.assertEqual(self.post("/builders/full/builds/0/stop", reason="enough").json["stopped"], [0])
        wrong = self.post("/builders/full/builds/7/stop")
        self.assertEqual(wrong.status, 409)
        self.assertIn("build 7 of full is not running", wrong.json["detail"])
        self.assertEqual(self.post("/builders/full/stop").status, 202)

    def test_rebuild(self) -> None:
        """A finished build is built again."""
        self.force()
        self.assertEqual(self.post("/builders/full/builds/0/rebuild").status, 409)
        self.finish()
        self.assertEqual(self.post("/builders/full/builds/0/rebuild").json["build"], 1)

    def test_sendChange(self) -> None:
        """A change is stored once for each key, given to the schedulers, and recorded with its sender."""
        said = {"who": "ann", "files": ["a.c"], "comments": "why", "branch": "stable", "revision": "r1"}
        first = self.send("/changes", said, Idempotency_Key="k1")
        self.assertEqual(first.status, 202)
        self.assertEqual(self.send("/changes", said, Idempotency_Key="k1").json, first.json)
        number = first.json["change"]
        self.assertTrue(first.headers["location"].endswith(f"api/v1/changes/{number}"))
        found = self.get(f"/changes/{number}").json
        self.assertEqual((found["who"], found["branch"], found["revision"]), ("ann", "stable", "r1"))
        self.assertEqual(self.send("/changes", said).json["change"], number + 1)
        entries = [(each.action, each.subject, each.detail) for each in self.actions()]
        self.assertEqual(entries, [("sendChange", "master", "by ann, revision r1, on stable")] * 2)

    def test_wrongChange(self) -> None:
        """A change that can never be taken is refused with the reason; a large one is taken."""
        good = {"who": "ann", "files": ["a.c"], "comments": "why"}
        for wrong, why in (
            ({"files": 5}, "files must be a list of texts"),
            ({"who": None}, "who must be text"),
            ({"branch": "x" * 5000}, "branch has more than 4096 characters"),
            ({"colour": "red"}, "unknown parameter 'colour'"),
            ({"when": -1}, "when must be a number of seconds"),
            ({"properties": {"p": "x" * 70_000}}, "properties has more than 65536 characters"),
        ):
            answer = self.send("/changes", {**good, **wrong})
            self.assertEqual(answer.status, 400, wrong)
            self.assertIn(why, answer.json["detail"])
        self.assertEqual(self.send("/changes", {"who": "ann"}).status, 400)
        self.assertEqual(self.actions(), [])
        many = [f"src/{number}/file.c" for number in range(10_000)]
        self.assertEqual(self.send("/changes", {**good, "files": many}).status, 202)

    def test_slaves(self) -> None:
        """A slave is paused and unpaused."""
        self.assertEqual(self.post("/slaves/bot1/pause", why="new disk").json["why"], "new disk")
        self.assertEqual(self.get("/slaves/bot1").json["paused"]["why"], "new disk")
        self.assertTrue(self.post("/slaves/bot1/unpause").json["unpaused"])
        self.assertEqual(self.post("/slaves/bot9/pause").status, 404)

    def test_wrongBody(self) -> None:
        """A body that is no JSON object, or has unknown keys, is refused."""
        path = f"{API}/builders/full/force"
        self.assertEqual(self.ask(path, "POST", b"[]", Content_Type="application/json").status, 400)
        self.assertEqual(self.ask(path, "POST", b"reason=x", Content_Type="text/plain").status, 415)
        self.assertIn(
            "unknown parameter 'color'", self.post("/builders/full/force", color="red").json["detail"]
        )
        self.assertEqual(self.get("/builds").json["builds"], [])

    def test_foreign(self) -> None:
        """A page of another site cannot act."""
        answer = self.send("/builders/full/force", {}, Sec_Fetch_Site="cross-site")
        self.assertEqual(answer.status, 403)
        self.assertEqual(self.get("/builds").json["builds"], [])


class CommandLineTests(APICase):
    """The command line on another machine asks the same questions as on the master's."""

    MORE = "\nc['status'] = [html.WebStatus(http_port=8010, allowForce=True)]\n"

    def test_questions(self) -> None:
        """The answers are those of the control socket; the whole status is for those who administer."""
        self.force()
        self.assertEqual(self.get("/overview?builder=full").json["running"][0]["number"], 0)
        self.assertEqual(self.get("/builders/full/parameters").json["schedulers"], [])
        self.assertEqual(self.get("/overview?builder=ful").status, 404)
        self.assertEqual(self.get("/status?slave=bot1").status, 403)

    def test_commands(self) -> None:
        """Each command line's request has a route."""
        table = self.web.site.resource._dispatcher.table
        params = {"builder": "full", "number": 1}
        for command in ("status", "builds", "parameters", "force", "stopbuild"):
            question = questionOf(command, params)
            found = table.find(f"api/v1/{question.path}".split("/"))
            self.assertIn("GET" if question.body is None else "POST", found.routes, command)


class RefusedTests(APICase):
    """A program acts where nobody may act."""

    MORE = "\nc['status'] = [html.WebStatus(http_port=8010, allowForce=False)]\n"

    def test_refused(self) -> None:
        """An action without the right to it is refused, and recorded."""
        answer = self.ask(f"{API}/builders/full/force", "POST")
        self.assertEqual(answer.status, 403)
        (entry,) = self.actions()
        self.assertEqual((entry.action, entry.outcome), ("forceBuild", "refused"))

    def test_sendChange(self) -> None:
        """A change is taken with a token for sendChange; with another token, or with none, it is refused."""
        body = json.dumps({"who": "ann", "files": [], "comments": ""}).encode()

        def send(**headers: str) -> int:
            return self.ask(f"{API}/changes", "POST", body, Content_Type="application/json", **headers).status

        self.assertEqual(send(), 403)
        for actions, status in ((["sendChange"], 202), (["forceBuild"], 403), (["view"], 403)):
            made = ensureDeferred(self.master.logins.tokens.add("ci", actions, self.master.botmaster.now()))
            secret = self.successResultOf(made)[0]
            self.assertEqual(send(Authorization=f"Bearer {secret}"), status, actions)
            self.successResultOf(ensureDeferred(self.master.logins.tokens.revoke("ci")))
        outcomes = [each.outcome for each in self.actions() if each.action == "sendChange"]
        self.assertEqual(outcomes, ["refused", "refused", "done", "refused"])


class EventsTests(APICase):
    """A program listens."""

    def listen(self, query: str = "", *headers: str) -> Any:
        """An open stream."""
        connection = self.dial()
        lines = (f"GET {API}/events{query} HTTP/1.1", "Host: 127.0.0.1", *headers)
        connection.send("\r\n".join(lines).encode() + b"\r\n\r\n")
        self.settle()
        return connection

    def test_events(self) -> None:
        """A build is told as events of its topics, each with an ID."""
        stream = self.listen("?topics=builds,build/full/0")
        self.assertIn(b"retry: 3000", stream.received())
        self.force()
        self.wait(2)
        self.assertIn(b"event: buildStarted", stream.received())
        self.assertIn(b'"builder":"full"', stream.received())
        stream.close()
        self.assertEqual(self.master.status.topics.count(), 0)

    def test_replay(self) -> None:
        """A client that comes back gets the events since its last one; if some are lost, a reset."""
        last = self.master.status.topics.lastId()
        self.force()
        self.wait(2)
        stream = self.listen("", f"Last-Event-ID: {last}")
        self.wait(1)
        self.assertIn(b"event: buildStarted", stream.received())
        lost = self.listen("", "Last-Event-ID: another-7")
        self.wait(1)
        self.assertIn(b"event: reset", lost.received())

    def test_alive(self) -> None:
        """A silent stream shows a sign of life, so that proxies keep it open."""
        stream = self.listen()
        self.wait(16)
        self.assertIn(b": alive", stream.received())

    def test_unknownTopic(self) -> None:
        """An unknown topic is an error that lists the topics."""
        answer = self.get("/events?topics=odd")
        self.assertEqual(answer.status, 400)
        self.assertIn("builder/NAME", answer.json["hint"])

    def test_slow(self) -> None:
        """A client that reads slowly gets its events later, and no sign of life meanwhile."""
        stream = self.listen("?topics=builds")
        stream.protocol.pauseProducing()
        self.force()
        self.wait(16)
        self.assertNotIn(b": alive", stream.received())
        stream.protocol.resumeProducing()
        self.wait(16)
        self.assertIn(b"event: buildStarted", stream.received())
        self.assertIn(b": alive", stream.received())

    def test_limits(self) -> None:
        """Too many streams or topics are refused."""
        self.assertEqual(self.get("/events?topics=" + ",".join(["builds"] * 500)).status, 400)
        self.patch(eventstreams, "MOST", 0)
        refused = self.get("/events")
        self.assertEqual((refused.status, refused.headers["retry-after"]), (503, "60"))

    def test_stops(self) -> None:
        """The streams end when the master stops."""
        stream = self.listen()
        World.stop(self)
        self.assertTrue(stream.transport.disconnecting)


class MissingTests(APICase):
    """A program asks for what is not there."""

    MORE = "c['builders'].append({**c['builders'][0], 'name': 'other', 'builddir': 'other'})\n"

    def test_missing(self) -> None:
        """Each missing thing is a 404 with a hint."""
        for path in ("/requests/99", "/changes/99", "/slaves/x", "/builders/full/builds/99"):
            self.assertEqual(self.get(path).status, 404, path)
        self.assertEqual(self.get("/overview?builder=ful").status, 404)

    def test_requests(self) -> None:
        """Waiting requests are listed for all builders, or for some; each can be asked for."""
        self.force()
        self.force()
        (waiting,) = self.get("/requests?builder=full").json["requests"]
        self.assertEqual(self.get(f"/requests/{waiting['id']}").json["builder"], "full")
        self.assertEqual(self.get("/requests?builder=other").json["requests"], [])

    def test_reasons(self) -> None:
        """The reason why requests wait is found once for each builder of an answer, for no others."""
        asked: list[str] = []
        whyWaiting = Builder.whyWaiting

        def counting(builder: Builder) -> str:
            asked.append(builder.name)
            return whyWaiting(builder)

        self.patch(Builder, "whyWaiting", counting)
        for builder in ("full", "full", "full", "other", "other"):  # the first build of each runs
            self.successResultOf(self.master.submitBuildSet(BuildSet([builder], SourceStamp(), "try")))
        self.settle()
        del asked[:]
        first = self.get("/requests?limit=2").json
        self.assertEqual([each["builder"] for each in first["requests"]], ["full", "full"])
        self.assertEqual(asked, ["full"])
        rest = self.get(f"/requests?limit=2&cursor={first['next']}").json
        self.assertEqual([each["builder"] for each in rest["requests"]], ["other"])
        self.assertIsNone(rest["next"])
        self.assertEqual(asked, ["full", "other"])

    def test_change(self) -> None:
        """A change has its files and who made it."""
        self.successResultOf(self.master.addChange(Change("ann", ["a.c"], "fix", revision="r1")))
        self.assertEqual(self.get("/changes/1").json["files"], ["a.c"])

"""Row 57: every route of the API answers as its description says, in good cases and in bad ones."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from twisted.internet.defer import ensureDeferred, execute

from buildbot.model.change import Change
from tests.jsonschemas import errors
from tests.stories.test_remotecommands import CONFIG_OF_ALL
from tests.stories.test_webpages import CONFIG, BuildingCase
from tests.stories.web import Response

API = "/api/v1"
JSON = "application/json"
#: The bodies of actions that need one.
BODIES = {"/changes": b'{"who": "ann", "files": ["a.c"], "comments": "mend it"}'}
#: The most bytes of an answer.
LARGEST = 1_000_000


class DescribedCase(BuildingCase):
    """A master with a finished build, a running one, a waiting request and changes."""

    def setUp(self) -> None:
        super().setUp()
        self.write(CONFIG_OF_ALL + CONFIG.replace("http_port=8010", "http_port=8010, authz=everything"))
        self.reconfig()
        self.patch(self.master.botmaster.retention.logs, "inThread", execute)
        for number in range(3):
            self.successResultOf(self.master.addChange(Change(f"dev{number}", ["a.c"], "fix")))
        self.force()
        for _ in range(2):
            self.commands[-1].end(0)
            self.wait(2)
        self.force()
        ensureDeferred(self.master.commands["force"]("full", reason="later", who="ann"))
        self.settle()
        self.document = self.ask(f"{API}/openapi.json").json
        (self.waiting,) = self.ask(f"{API}/requests").json["requests"]

    def operations(self, method: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """The paths of all operations of a method that answer JSON, with their descriptions."""
        for path, methods in self.document["paths"].items():
            if method in methods and self.schemaOf(methods[method]) is not None:
                yield path, methods[method]

    def schemaOf(self, operation: dict[str, Any]) -> Any:
        """The schema of the good answer of an operation; None if it is a stream."""
        good = "200" if "200" in operation["responses"] else "202"
        content = operation["responses"][good]["content"]
        return content[JSON]["schema"] if JSON in content else None

    def filled(self, path: str, isThere: bool = True) -> str:
        """A path with names and numbers of existing or of missing things."""
        numbers = {"/requests/": self.waiting["id"], "/changes/": 1}
        number = next((each for part, each in numbers.items() if part in path), 0)
        names = {"builder": "full", "slave": "bot1", "number": number if isThere else 987654}
        if not isThere:
            names = {**names, "builder": "nosuch", "slave": "nosuch"}
        return API + re.sub(r"\{(\w+)\}", lambda match: str(names[match[1]]), path)

    def assertFits(self, answer: Response, schema: dict[str, Any], about: object) -> None:
        """The answer has the shape of a schema, and is not too large."""
        schemas = self.document["components"]["schemas"]
        self.assertEqual(list(errors(answer.json, schema, schemas)), [], about)
        self.assertLess(len(answer.body), LARGEST, about)

    def assertProblem(self, answer: Response, about: object, *statuses: int) -> None:
        """The answer is a problem of RFC 9457 with one of these statuses."""
        self.assertIn(answer.status, statuses, (about, answer.text[:300]))
        self.assertEqual(answer.headers["content-type"], "application/problem+json", about)
        self.assertFits(answer, {"$ref": "#/components/schemas/Problem"}, about)
        self.assertEqual(answer.json["status"], answer.status, about)


class QuestionTests(DescribedCase):
    """Every question."""

    def test_good(self) -> None:
        """Every answer has its shape; a repeated question with its ETag is answered 304."""
        asked = []
        for path, operation in self.operations("get"):
            answer = self.ask(self.filled(path))
            self.assertEqual((answer.status, answer.headers["content-type"]), (200, JSON), path)
            self.assertFits(answer, self.schemaOf(operation), path)
            if "no-store" not in answer.headers["cache-control"]:
                again = self.ask(self.filled(path), If_None_Match=answer.headers["etag"])
                self.assertEqual((again.status, again.body), (304, b""), path)
            asked.append(path)
        self.assertGreater(len(asked), 15)

    def test_notThere(self) -> None:
        """A missing builder, slave, build, request or change is a problem 404."""
        for path, _ in self.operations("get"):
            if "{" in path:
                self.assertProblem(self.ask(self.filled(path, isThere=False)), path, 404)

    def test_wrong(self) -> None:
        """An unknown parameter, and another method, are problems on every path."""
        for path, _ in self.operations("get"):
            address = self.filled(path)
            self.assertProblem(self.ask(f"{address}?nosuch=1"), path, 400)
            self.assertProblem(self.ask(address, "PATCH"), path, 405, 501)

    def test_lists(self) -> None:
        """Every list is bounded, and its parts follow each other; a wrong limit or cursor is a problem."""
        lists = 0
        for path, operation in self.operations("get"):
            parameters = {each["name"]: each["schema"] for each in operation["parameters"]}
            if "limit" not in parameters:
                continue
            lists += 1
            address = self.filled(path)
            self.assertLessEqual(parameters["limit"]["maximum"], 1000, path)
            first = self.ask(f"{address}?limit=1").json
            (items,) = (value for value in first.values() if isinstance(value, list))
            self.assertEqual(len(items), 1, path)
            if first["next"] is not None:
                second = self.ask(f"{address}?limit=1&cursor={first['next']}").json
                (others,) = (value for value in second.values() if isinstance(value, list))
                self.assertNotEqual(items, others, path)
            self.assertEqual(self.ask(f"{address}?limit=5000").status, 200, path)  # reduced to the most
            for query in ("limit=0", "limit=x", "cursor=x"):
                self.assertProblem(self.ask(f"{address}?{query}"), (path, query), 400)
        self.assertGreater(lists, 4)

    def test_shapes(self) -> None:
        """Times can be text, and only some fields can be asked for; unknown fields are a problem."""
        for path, operation in self.operations("get"):
            if "fields" in {each["name"] for each in operation["parameters"]}:
                address = self.filled(path)
                self.assertEqual(self.ask(f"{address}?times=iso").status, 200, path)
                self.assertProblem(self.ask(f"{address}?fields=nosuch"), path, 400)


class ActionTests(DescribedCase):
    """Every action."""

    def test_good(self) -> None:
        """Every action is done and answers in its shape, or is a problem that says why not."""
        done = []
        last = ("/shutdown", "/reconfig", "/disconnect")  # the others need the slave and the builder
        paths = sorted(self.operations("post"), key=lambda each: each[0].endswith(last))
        for path, operation in paths:
            answer = self.ask(self.filled(path), "POST", BODIES.get(path, b""), Content_Type=JSON)
            if answer.status == 202:
                self.assertFits(answer, self.schemaOf(operation), path)
                done.append(path)
            else:
                self.assertProblem(answer, path, 404, 409)
        self.assertGreater(len(done), 10, done)

    def test_wrong(self) -> None:
        """A body that is no object, has an unknown key or another type is a problem on every path."""
        for path, _ in self.operations("post"):
            for body, type, status in (
                (b"[]", JSON, 400),
                (b"{", JSON, 400),
                (b'{"nosuch": 1}', JSON, 400),
                (b"reason=x", "application/x-www-form-urlencoded", 415),
                (b"{}", "text/plain", 415),
            ):
                answer = self.ask(self.filled(path), "POST", body, Content_Type=type)
                self.assertProblem(answer, (path, body), status)
            if "get" not in self.document["paths"][path]:
                self.assertProblem(self.ask(self.filled(path)), path, 405)

    def test_notThere(self) -> None:
        """An action on a missing thing is a problem."""
        for path, _ in self.operations("post"):
            if "{" in path:
                self.assertProblem(self.ask(self.filled(path, isThere=False), "POST"), path, 404, 409)

    def test_bodies(self) -> None:
        """Each key of a body that the description has is known; none is missing in the description."""
        for path, operation in self.operations("post"):
            answer = self.ask(self.filled(path), "POST", b'{"nosuch": 1}', Content_Type=JSON)
            known = re.search(r"\(known: ([^)]*)\)", answer.json["detail"])
            names = set(known[1].split(", ")) if known else set()
            ofPath = {"builder", "number", "slave", "request", "who"}
            if path.startswith("/changes/"):
                ofPath = {"change", "who"}
            if path == "/changes":
                ofPath = set()
            content = operation.get("requestBody", {}).get("content", {})
            ref = content[JSON]["schema"]["$ref"].rpartition("/")[2] if content else ""
            described = set(self.document["components"]["schemas"][ref]["properties"]) if ref else set()
            self.assertEqual(names - ofPath, described, path)


class RightsTests(BuildingCase):
    """A master whose visitors may only look."""

    def test_refused(self) -> None:
        """Every action of an anonymous visitor is a problem, and changes nothing."""
        document = self.ask(f"{API}/openapi.json").json
        paths = [path for path, methods in document["paths"].items() if "post" in methods]
        names = {"builder": "full", "slave": "bot1", "number": "1"}
        before = self.status()
        for path in paths:
            to = API + re.sub(r"\{(\w+)\}", lambda match: names[match[1]], path)
            answer = self.ask(to, "POST", BODIES.get(path, b""), Content_Type=JSON)
            self.assertIn(answer.status, (401, 403, 404), path)
            self.assertEqual(answer.headers["content-type"], "application/problem+json")
        after = self.status()
        self.assertEqual(
            [(each["connected"], each["paused"]) for each in before["slaves"]],
            [(each["connected"], each["paused"]) for each in after["slaves"]],
        )
        self.assertEqual(before["master"]["generation"], after["master"]["generation"])
        self.assertIsNone(after["master"]["shutdown"])

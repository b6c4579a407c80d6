"""Nothing that a request, a file or a log says becomes markup, breaks a document, or splits a header."""

from __future__ import annotations

import json
import re
import xmlrpc.client
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree import ElementTree

from buildbot.web.accounts.guard import Guard
from buildbot.web.routes import Route
from buildbot.web.static import ICON
from buildbot.web.table import TABLE
from tests.examples import sample
from tests.stories.test_ownpages import FilesCase
from tests.stories.test_webhostile import CONFIG, EVIL, VALUES, Elements, HostileCase
from tests.stories.web import Response, parsed

#: Texts that have opened holes elsewhere: tags, attributes, schemes, ends of scripts and comments, header
#: splits, templates, bytes that are no UTF-8, and characters that XML cannot have.
CORPUS = (
    EVIL,
    '" onfocus=e() autofocus x="',
    "' onmouseover='e()",
    "</title><script>e()</script>",
    "--><img src=x onerror=e()>",
    "]]><evil/>",
    "javascript:e()",
    "jAvAsCrIpT\t:e()",
    "data:text/html,<script>e()</script>",
    "//evil.example.org/",
    "\\\\evil.example.org",
    "a\r\nSet-Cookie: evil=1\r\n\r\n<script>e()</script>",
    "{{7*7}}${7*7}%(evil)s%s",
    "\x00\x01\x07\x1b[31m\x7f\x85",
    "\u202egnp.exe\u2066\ufeff\ufffe",
    "\udc80\ud800",
    "%00%0d%0aSet-Cookie:evil=1",
    "../../../../etc/passwd",
    "x" * 1001,
    "&#60;script&#62;",
)


#: The other kinds of answers: no browser takes one for a page.
KINDS = ("text/plain", "image/png", "text/css", "text/javascript", "text/event-stream")


class CorpusTests(HostileCase):
    """People send texts to each address."""

    def examine(self, path: str, answer: Response) -> None:
        """The answer is a whole document of its kind, with our own markup only."""
        kind = answer.headers.get("content-type", "")
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff", path)
        self.assertNotIn("evil=1", answer.headers.get("set-cookie", ""), path)
        self.assertNotRegex(answer.headers.get("location", ""), r"^(//|\\|[a-z]+:)(?!/127)", path)
        if answer.headers.get("content-encoding") or not answer.body:
            return
        if kind.startswith("text/html"):
            self.examineHTML(path, answer)
        elif "json" in kind:
            json.loads(answer.body)
        elif "xml" in kind:
            for element in ElementTree.fromstring(answer.body).iter():
                self.assertNotIn("evil", element.tag, path)
                self.assertNotIn("script", element.tag, path)
                self.assertFalse([each for each in element.attrib if each.startswith("on")], path)
        else:
            self.assertIn(kind.partition(";")[0], KINDS, path)

    def examineHTML(self, path: str, answer: Response) -> None:
        """The page has only its own elements, and no address with a scheme that runs a script."""
        for tag, attributes in Elements(answer.text).found:
            self.assertNotIn(tag, ("evil", "iframe", "object", "embed", "base"), path)
            self.assertFalse([each for each in attributes if each.startswith("on")], path)
            self.assertNotIn("style", attributes, path)
            if tag in ("script", "img"):
                self.assertIn("static/", attributes.get("src") or "", path)
            if (tag, attributes.get("href")) == ("link", ICON.dataUrl):
                continue  # the icon of all pages, which nobody else can change
            for each in ("href", "src", "action", "formaction"):
                to = "".join((attributes.get(each) or "").lower().split())
                self.assertFalse(to.startswith(("javascript:", "data:", "//", "\\")), f"{path} {to}")

    def address(self, route: Route) -> str:
        """The address of this route; what follows a C{rest} is a name, too."""
        values = {**VALUES, "badge": f"{EVIL}.svg", "file": EVIL, "path": EVIL}
        return re.sub(
            r"\{(\w+)(:\w+)?\}",
            lambda match: "1" if match.group(2) == ":int" else quote(values[match.group(1)], safe=""),
            route.path,
        )

    def test_parameters(self) -> None:
        """Each parameter of each address takes each of these texts, or refuses it in a whole document."""
        for number, route in sample(enumerate(TABLE), 25):
            if route.method != "GET" or route.kind == "stream" or route.path.endswith("/events"):
                continue
            names = [each.name for each in route.parameters] or ["q"]
            kinds = {each.name: each for each in route.parameters}
            for text in (CORPUS[0], CORPUS[1 + number % (len(CORPUS) - 1)]):
                plain = [name for name in names if name not in kinds or kinds[name].kind == "text"]
                for said in ({name: text for name in names}, {name: text for name in plain}):
                    query = urlencode(said, errors="surrogatepass")
                    path = f"{self.address(route)}?{query}"
                    answer = self.ask(path)
                    self.assertLess(answer.status, 500, path)
                    self.examine(path, answer)

    def test_whole(self) -> None:
        """The search, the lists and the feeds take all of these texts."""
        for text in sample(CORPUS, 6):
            said = quote(text, safe="", errors="surrogatepass")
            for path in (
                *(f"/search?q={said}", f"/login?next={said}", f"/console?branch={said}", f"/revision/{said}"),
                *(f"/builders/{said}", f"/live?page={said}", f"/badge/{said}.svg", f"/json/{said}"),
                *(
                    f"/badge/x.svg?label={said}",
                    f"/atom?committer={said}&only=all",
                    f"/{said}",
                    f"/static/{said}",
                ),
                *(f"/api/v1/builds?branch={said}", f"/grid?{said}={said}", f"/buildslaves/{said}/pause"),
            ):
                answer = self.ask(path)
                self.assertLess(answer.status, 500, path)
                self.examine(path, answer)

    def post(self, path: str, body: bytes) -> Response:
        """The answer to a form, which may wait for a build to begin."""
        connection = self.dial()
        head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:8010\r\nOrigin: http://127.0.0.1:8010\r\n"
        kind = "Content-Type: application/x-www-form-urlencoded\r\n"
        connection.send(f"{head}{kind}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.settle()
        for _ in range(30):
            if connection.received():
                break
            self.wait(1)
        self.assertTrue(connection.received(), path)
        return parsed(connection.received())

    def test_forms(self) -> None:
        """Each form takes these texts in its fields; the page after it has no foreign markup."""
        names = (
            *(
                "username",
                "comments",
                "reason",
                "branch",
                "revision",
                "property1name",
                "property1value",
                "name",
            ),
            *("next", "id", "change", "selected", "days", "actions", "forcescheduler", "why"),
        )
        for number, route in sample(enumerate(TABLE), 60):
            if route.method != "POST" or route.path == "/login":  # a thread checks its password
                continue
            for text in (EVIL, CORPUS[number % len(CORPUS)]):
                body = urlencode({name: text for name in names}, errors="surrogatepass").encode()
                path = self.address(route)
                answer = self.post(path, body)
                self.assertNotEqual(answer.status, 500, path)
                self.examine(path, answer)
        for path in ("/", "/audit", "/queue", f"/builders/{quote(EVIL, safe='')}", "/buildslaves"):
            self.examine(path, self.ask(path))

    def test_headers(self) -> None:
        """Each header of a request may say anything."""
        self.patch(Guard, "may", everything)
        names = (
            *("Referer", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Range"),
            *("If-None-Match", "Last-Event-ID", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"),
            *("Forwarded", "X-Remote-User", "Authorization", "Origin", "Sec-Fetch-Site"),
        )
        for text in sample(CORPUS, 5):
            if "\n" in text or "\r" in text or "\x00" in text or "\ud800" in text:
                continue
            for name in names:
                said: dict[str, Any] = {name: text}
                answer = self.ask("/about/proxy", **said)
                self.assertLess(answer.status, 500, f"{name} {text}")
                self.examine(name, answer)

    def test_plainErrors(self) -> None:
        """An error for programs is plain text or JSON, never HTML."""
        path = f"/builders/{quote(EVIL, safe='')}x"
        for accept, kind in (
            ("text/plain", "text/plain"),
            ("application/problem+json", "application/problem+json"),
        ):
            answer = self.ask(path, Accept=accept)
            self.assertEqual((answer.status, answer.headers["content-type"].partition(";")[0]), (404, kind))

    def test_metrics(self) -> None:
        """A name cannot end a label or a line of the metrics."""
        line = re.compile(r'#.*|\w+(\{(\w+="([^"\\\n]|\\["\\n])*",?)*\})? [^ ]+')
        for accept in ("text/plain", "application/openmetrics-text"):
            text = self.ask("/metrics", Accept=accept).text
            self.assertIn("evil", text)
            for each in text.splitlines():
                self.assertRegex(each, rf"\A(?:{line.pattern})\Z")

    def test_rpc(self) -> None:
        """Names come through XML-RPC as they are."""
        body = xmlrpc.client.dumps((), "getAllBuilders").encode()
        answer = self.ask("/xmlrpc", "POST", body, Content_Type="text/xml")
        self.assertEqual(xmlrpc.client.loads(answer.text)[0], ([EVIL],))
        for text in CORPUS[:-1]:
            if "\x00" not in text and not any(
                "\ud800" <= each <= "\udfff" or each == "\ufffe" for each in text
            ):
                question = xmlrpc.client.dumps((text, 1), "getBuild").encode("utf-8", "replace")
                said = self.ask("/xmlrpc", "POST", question, Content_Type="text/xml")
                self.examine(text, said)


async def everything(self: Guard, who: object, action: str, builder: str | None = None) -> bool:
    """Permission for everything."""
    return True


class FileTests(FilesCase):
    """The site has files with such names."""

    STATUS = ""

    def test_listing(self) -> None:
        """The list of a directory of own files is escaped, and each file has the policy for own files."""
        self.write(CONFIG)
        name = EVIL.replace("/", "")
        self.put(name, "<p>mine</p>")
        self.put(f"{name}.svg", "<svg xmlns='http://www.w3.org/2000/svg'><script>e()</script></svg>")
        self.successResultOf(self.start())
        for path in (
            f"/{quote(name)}",
            f"/{quote(name)}.svg",
            "/%2e%2e/master.cfg",
            "/..%2fmaster.cfg",
            "/.ht",
        ):
            connection = self.dial()
            connection.send(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            self.settle()
            self.reactor.advance(1)
            data = connection.received()
            self.assertIn(b"script-src 'self'", data)
            self.assertNotIn(b"slavePortnum", data)

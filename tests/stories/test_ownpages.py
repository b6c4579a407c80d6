"""People's own pages, written in Python 2 for 0.7.12 and 0.8, are served after the migration (row 26)."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from twisted.internet import _producer_helpers
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import Cooperator
from twisted.web.resource import Resource
from twisted.web.static import Data

from buildbot.config.migrate import migrate
from buildbot.web.oldpages.html import HtmlResource
from buildbot.web.oldpages.templates import NoTemplates
from tests.stories import ownpages
from tests.stories.web import WebWorld


class FilesCase(WebWorld):
    """A site with files of its own, which are sent in the time of the test."""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        soon = Cooperator(scheduler=lambda call: self.reactor.callLater(0, call))
        self.patch(_producer_helpers, "cooperate", soon.cooperate)

    def put(self, name: str, text: str) -> None:
        """Write a file of C{public_html}."""
        directory = os.path.join(self.basedir, "public_html")
        os.makedirs(directory, exist_ok=True)
        with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
            file.write(text)


@cache
def converted(text: str) -> str:
    """A file in Python 2, for this Python."""
    return migrate(text.encode("utf-8")).after


class OwnCase(FilesCase):
    """A master with an own page, and a finished build."""

    STATUS = ""
    CONFIG = ownpages.SUMMARY

    def setUp(self) -> None:
        FilesCase.setUp(self)
        self.write(converted(self.CONFIG))
        self.prepare()
        self.successResultOf(self.start())
        self.connect(onCommand=self.answer)
        ensureDeferred(self.master.commands["force"]("full", reason="try", who="ann"))
        self.wait(3)

    def prepare(self) -> None:
        """Make what the configuration needs."""

    def answer(self, command: Any) -> None:
        """The slave runs a command."""
        command.end(0)


class SummaryTests(OwnCase):
    """A page for 0.7.12: the last builds of each builder."""

    def test_framed(self) -> None:
        """The page stands in our layout; its links lead to the pages of builders and builds."""
        page = self.ask("/summary/")
        self.assertEqual(page.status, 200)
        self.assertIn("<h1>Summary of Fish</h1>", page.text)
        self.assertIn('<a href="../builders/full">full</a>', page.text)
        self.assertIn('<a href="../builders/full/builds/0">#0</a>', page.text)
        self.assertIn('class="LastBuild box success"', page.text)
        self.assertIn('class="Activity idle"', page.text)
        self.assertIn("my &lt;builder&gt;", page.text)
        self.assertIn("<p>success: 1</p>", page.text)
        self.assertIn('<link href="../summary.css" rel="stylesheet"', page.text)
        self.assertIn('href="../waterfall"', page.text)

    def test_addSlash(self) -> None:
        """The address without a slash leads to the one with it."""
        answer = self.ask("/summary")
        self.assertEqual((answer.status, answer.headers["location"]), (302, "summary/"))

    def test_parameters(self) -> None:
        """The page reads parameters and the names of pages below it as text."""
        self.assertNotIn(">full<", self.ask("/summary/?builder=my%20%3Cbuilder%3E").text)
        self.assertIn("<p>test: ", self.ask("/summary/full").text)
        self.assertIn("<h1>Builder my &lt;builder&gt;</h1>", self.ask("/summary/my%20%3Cbuilder%3E").text)
        self.assertEqual(self.ask("/summary/nobody").status, 404)

    def test_broken(self) -> None:
        """An error in the page is told as in our pages, without the text of the error."""
        answer = self.ask("/summary/?builder=nobody")
        self.assertEqual(answer.status, 500)
        self.assertNotIn("KeyError", answer.text)
        self.assertEqual(len(self.flushLoggedErrors(KeyError)), 1)

    def test_templates(self) -> None:
        """A page of 0.8 that asks for a template fails; the error in the log says what to write instead."""
        asked = "service = request.site.buildbot_service; service.templates.get_template('x.html')"
        self.edit("    def body(self, request):\n", f"    def body(self, request):\n        {asked}\n")
        self.assertTrue(self.reconfig()["applied"])
        self.assertEqual(self.ask("/summary/").status, 500)
        (failure,) = self.flushLoggedErrors(NoTemplates)
        self.assertIn("jinja2.Environment(", failure.getErrorMessage())

    def test_emptyTemplate(self) -> None:
        """A page of 0.8 may put its content into the template empty.html: it looks like our pages."""
        self.edit(
            "    def body(self, request):\n",
            """    def content(self, request, cxt):
        cxt['content'] = '<h2>My boxes</h2>'
        return request.site.buildbot_service.templates.get_template('empty.html').render(**cxt)

    def body(self, request):
""",
        )
        self.assertTrue(self.reconfig()["applied"])
        answer = self.ask("/summary/")
        self.assertEqual(answer.status, 200)
        self.assertIn("<h2>My boxes</h2>", answer.text)
        self.assertIn("<!DOCTYPE html>", answer.text)

    def test_reconfigs(self) -> None:
        """A reconfig keeps the web server with its page; a changed page is served after the next one."""
        before = self.web
        self.edit("c['projectName'] = 'Fish'", "c['projectName'] = 'Cod'")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIs(self.web, before)
        self.assertIn("<h1>Summary of Cod</h1>", self.ask("/summary/").text)
        self.edit('"Summary of %s"', '"Overview of %s"')
        self.assertTrue(self.reconfig()["applied"])
        self.assertIsNot(self.web, before)
        self.assertIn("<h1>Overview of Cod</h1>", self.ask("/summary/").text)

    def test_ownStaticFile(self) -> None:
        """A file of Twisted at a path of its own keeps the web server over a reconfig, too."""
        text = (
            "from twisted.web import static\nc['status'][-1].putChild('mine.txt', static.File('mine.txt'))\n"
        )
        self.write(f"{migrate(self.CONFIG.encode()).after}\n{text}")
        self.assertTrue(self.reconfig()["applied"])
        before = self.web
        self.edit("c['projectName'] = 'Fish'", "c['projectName'] = 'Cod'")
        self.assertTrue(self.reconfig()["applied"])
        self.assertIs(self.web, before)

    def test_ownFiles(self) -> None:
        """index.html takes the place of the first page; other files are at the root; dot files are hidden."""
        self.assertIn("No builder is broken.", self.ask("/").text)
        self.assertIn("Disallow: /builders/", self.ask("/robots.txt").text)
        for name in ("index.html", "robots.txt", ".secret", "full"):
            self.put(name, f"mine: {name}")
        self.assertEqual(self.ask("/").text, "mine: index.html")
        self.assertEqual(self.ask("/robots.txt").text, "mine: robots.txt")
        self.assertEqual(self.ask("/full").text, "mine: full")
        self.assertEqual(self.ask("/.secret").status, 404)


class SlavesTests(OwnCase):
    """A page for 0.8: a table of slaves, added by a subclass of WebStatus."""

    CONFIG = ownpages.SLAVES

    def test_framed(self) -> None:
        """The page waits for its values, then stands in our layout with its title."""
        page = self.ask("/slavetable")
        self.assertEqual((page.status, page.headers["x-table"]), (200, "yes"))
        self.assertIn("<h1>Slaves &amp; hosts</h1>", page.text)
        self.assertIn("<a href='buildslaves/bot1'>bot1</a></td><td>connected, 2 builders", page.text)
        self.assertIn("Fish, version ", page.text)
        self.assertIn("waiting: 0, force: True", page.text)
        self.assertNotIn("bot&lt;2>", self.ask("/slavetable?only=connected").text)

    def test_subclass(self) -> None:
        """The subclass adds to the head of each page, and has a second waterfall with other builders."""
        page = self.ask("/builders")
        self.assertIn('<meta name="fish" content="red">', page.text)
        policy = page.headers["content-security-policy"]
        self.assertIn("script-src 'self'", policy)
        self.assertNotIn("trusted-types", policy)  # scripts of people's own may use innerHTML
        self.assertIn('class="waterfall"', self.ask("/full-waterfall").text)
        self.assertNotIn('href="builders/full"', self.ask("/full-waterfall").text)


class RevisionsTests(OwnCase):
    """A page with the imports and calls of PyPy's page of failed tests, for 0.8."""

    CONFIG = ownpages.REVISIONS

    def test_revisions(self) -> None:
        """The page reads builds, properties, steps and logs; its links lead to our pages."""
        page = self.ask("/revisions")
        self.assertEqual(page.status, 200, page.text)
        self.assertIn("<h1>Fish: last 5 revisions</h1>", page.text)
        self.assertIn("<h2>- &lt;trunk></h2>", page.text)
        self.assertIn('<a href="/builders/full/builds/0">full</a>', page.text)
        self.assertIn('href="/revisions/detail?builder=full&amp;build=0"', page.text)
        self.assertIn("of test</p>", page.text)

    def test_child(self) -> None:
        """The page below it shows the failures, read from the steps and their logs."""
        page = self.ask("/revisions/detail?builder=full&build=0")
        self.assertEqual(page.status, 200, page.text)
        self.assertIn("<h1>full #0</h1>", page.text)
        self.assertIn("<pre>'make test' failed\ntest_b</pre>", page.text)
        self.assertEqual(self.ask("/revisions/detail?builder=full&build=0&build=1").status, 200)

    def answer(self, command: Any) -> None:
        """The tests fail."""
        command.update(stdout=". test_a\nF test_b\n")
        command.end(1)


class ModulesTests(OwnCase):
    """A site of own pages with the imports and calls of GNOME's, for 0.7.12."""

    CONFIG = ownpages.MODULES

    def prepare(self) -> None:
        """The site reads its template at the start, and exchanges the method that makes all own pages."""
        self.patch(HtmlResource, "content", HtmlResource.content)
        with open(os.path.join(self.basedir, "template.html"), "w", encoding="utf-8") as file:
            file.write("<html><title>@TITLE@</title><body>@BODY@</body></html>")

    def test_home(self) -> None:
        """The own first page takes the place of ours, in the own template."""
        page = self.ask("/")
        self.assertEqual(page.status, 200, page.text)
        self.assertIn("<title>Fish</title>", page.text)
        self.assertIn('<td class="success">build successful</td><td>idle</td>', page.text)
        self.assertEqual(self.ask("/builders/full").status, 200)

    def test_children(self) -> None:
        """The pages of its slaves are found by name; its waterfalls are ours with fewer builders."""
        self.assertIn("<dd>bot1</dd>", self.ask("/bots/bot1").text)
        self.assertEqual(self.ask("/bots/bot9").status, 404)
        self.assertEqual(self.ask("/bots/").status, 302)
        self.assertIn('class="waterfall"', self.ask("/full-falls").text)


class ClosedTests(OwnCase):
    """The pages are for those who log in."""

    CONFIG = ownpages.SLAVES.replace("forceBuild='auth'", "view='auth'")

    def test_closed(self) -> None:
        """An own page asks for the login that our pages ask for."""
        self.assertEqual(self.ask("/builders").status, 401)
        self.assertEqual(self.ask("/slavetable").status, 401)
        self.assertEqual(self.ask("/full-waterfall").status, 401)

    def test_files(self) -> None:
        """A file of public_html asks for that login, too; the style sheet and the icon are for all."""
        for name in ("index.html", "report.txt", "buildbot.css", "favicon.ico", "robots.txt"):
            self.put(name, f"mine: {name}")
        for path in ("/", "/report.txt"):
            self.assertEqual(self.ask(path).status, 401, path)
            self.assertEqual(self.ask(path, "HEAD").status, 401, path)
            self.assertNotIn("mine", self.ask(path).text)
            own = self.ask(path, Authorization="Basic YW5uOnB3")
            self.assertEqual((own.status, own.headers["cache-control"]), (200, "private, no-cache"))
            self.assertIn("mine: ", own.text)
        for path in ("/buildbot.css", "/favicon.ico", "/robots.txt"):
            self.assertEqual(self.ask(path).text, f"mine: {path[1:]}")

    def test_resources(self) -> None:
        """A resource of putChild asks for that login, with all below it; one that checks itself does not."""
        below, public = Resource(), Data(b"taken", "text/plain")
        below.putChild(b"data", Data(b"secret", "text/plain"))
        public.isPublic = True  # type: ignore[attr-defined]
        self.web.putChild("below", below)
        self.web.putChild("taker", public)
        for path in ("/below", "/below/data", "/below/none"):
            self.assertEqual(self.ask(path).status, 401, path)
        own = self.ask("/below/data", Authorization="Basic YW5uOnB3")
        self.assertEqual((own.status, own.text), (200, "secret"))
        self.assertEqual(self.ask("/below/none", Authorization="Basic YW5uOnB3").status, 404)
        self.assertEqual(self.ask("/taker", Host="forge.example", Authorization="Basic eDp5").text, "taken")

    def test_gone(self) -> None:
        """A visitor who goes away while the door asks gets no answer, and no error is logged."""
        door: Deferred[Any] = Deferred()

        async def waits(*args: object) -> Any:
            return await door

        self.put("report.txt", "mine")
        self.web.dispatcher.refusal = waits
        connection = self.dial()
        connection.send(b"GET /report.txt HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        connection.close()
        self.assertEqual(connection.received(), b"")
        self.assertTrue(door.called)


class HostTests(FilesCase):
    """The pages are open to all who know the name of the site."""

    def setUp(self) -> None:
        FilesCase.setUp(self)
        for name in ("index.html", "report.txt", "buildbot.css"):
            self.put(name, "mine")
        self.successResultOf(self.start())
        self.web.putChild("data", Data(b"mine", "text/plain"))

    def test_host(self) -> None:
        """Own files and resources refuse the host names that our pages refuse."""
        for path in ("/", "/report.txt", "/buildbot.css", "/data", "/builders"):
            self.assertEqual(self.ask(path).status, 200, path)
            refused = self.ask(path, Host="evil.example")
            self.assertEqual(refused.status, 421, path)
            self.assertNotIn("mine", refused.text)
        self.assertEqual(self.ask("/data", "POST", Origin="http://evil.example").status, 403)

    def test_hostilePaths(self) -> None:
        """Paths out of the directory, hidden ones and those with a zero byte find nothing."""
        for path in (
            *("/../state.sqlite", "/%2e%2e/state.sqlite", "/..%2fstate.sqlite", "/%2e%2e%2fstate.sqlite"),
            *(
                "/a%00.txt",
                "/report.txt%00",
                "/report.txt/",
                "/report.txt/x",
                "//report.txt",
                "/.%2freport.txt",
            ),
            *("/%2fetc%2fpasswd", "//etc/passwd", "/%5c..%5cstate.sqlite", "/./.secret"),
        ):
            found = self.ask(path)
            self.assertNotEqual(found.body, b"mine", path)
            self.assertIn(found.status, (301, 303, 308, 404), path)
            self.assertTrue(found.headers.get("location", "./").startswith((".", "/report")), path)


class StyleTests(FilesCase):
    """A site has a style sheet and an icon of its own."""

    def test_style(self) -> None:
        """Each page uses both besides ours."""
        for name in ("buildbot.css", "favicon.ico"):
            self.put(name, name)
        self.successResultOf(self.start())
        text = self.ask("/builders/full").text
        self.assertIn('<link rel="stylesheet" href="../buildbot.css">', text)
        self.assertIn('<link rel="icon" href="../favicon.ico">', text)
        self.assertEqual(self.ask("/buildbot.css").text, "buildbot.css")

"""The pages of a master that builds."""

from __future__ import annotations

import os
import re
from typing import Any
from urllib.parse import urljoin

from twisted.internet.defer import Deferred, ensureDeferred

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.web.lastrows import LastRows
from tests.stories.web import WebWorld

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit')]
c['slavePortnum'] = 9989
f = BuildFactory()
f.addStep(ShellCommand, name='compile', command=['make'])
f.addStep(ShellCommand, name='test', command=['make', 'test'])
c['builders'] = [{'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f}]
from buildbot.status import html
c['status'] = [html.WebStatus(http_port=8010)]
"""


class BuildingCase(WebWorld):
    """A master with one builder and its slave."""

    STATUS = ""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.write(CONFIG)
        self.successResultOf(self.start())
        self.commands: list[Any] = []
        self.connect(onCommand=self.commands.append)

    def force(self, reason: str = "because <b>") -> None:
        """Force a build."""
        ensureDeferred(self.master.commands["force"]("full", reason=reason, who="ann"))
        self.settle()
        self.reactor.advance(0)
        self.settle()


class PagesTests(BuildingCase):
    """A person looks at builds."""

    def test_build(self) -> None:
        """A running build is shown with its step, then with its result; its reason is escaped."""
        self.force()
        page = self.ask("/builders/full/builds/0")
        self.assertEqual(page.status, 200)
        self.assertIn("because &lt;b&gt;", page.text)
        self.assertIn("compile", page.text)
        self.assertIn("running", page.text)
        self.commands[0].end(2)
        self.wait(2)
        page = self.ask("/builders/full/builds/0")
        self.assertIn("failed", page.text)
        for path in ("", "/stop?comments=a%26b", "/steps/compile/logs/stdio?line=1"):
            moved = self.ask(f"/builders/full/builds/-1{path}")
            target = urljoin(f"/builders/full/builds/-1{path}", moved.headers["location"])
            self.assertEqual((moved.status, target), (302, f"/builders/full/builds/0{path}"))
        home = self.ask("/").text
        self.assertIn('href="builders/full/builds/0"', home)
        self.assertIn("#0", self.ask("/builders/full").text)

    def test_step(self) -> None:
        """A step has a page, found by its name or position; its logs are links."""
        self.force()
        page = self.ask("/builders/full/builds/0/steps/compile")
        self.assertIn('href="../../../../../builders/full/builds/0/steps/compile/logs/stdio"', page.text)
        self.assertEqual(self.ask("/builders/full/builds/0/steps/0").status, 200)

    def test_sizeOfLog(self) -> None:
        """The size beside a finished log is that of its file, which has more than the text, and says so."""
        self.force()
        self.commands[0].end(2)
        self.wait(2)
        build = self.master.status.getBuilder("full").getBuild(0)
        assert build is not None
        log = build.getSteps()[0].getLogs()[0]
        size = os.path.getsize(log.getFilename())
        self.assertIn(f"stdio</a> ({size} bytes on disk)", self.ask("/builders/full/builds/0").text)

    def test_next(self) -> None:
        """A finished build has a link to the next one, as soon as there is a next one."""
        self.force()
        self.commands[0].end(2)
        self.wait(2)
        self.commands[1].end(0)
        self.wait(2)
        self.assertNotIn("Build 1</a>", self.ask("/builders/full/builds/0").text)
        self.force()
        self.wait(2)
        self.assertIn(">Build 1</a>", self.ask("/builders/full/builds/0").text)
        self.assertEqual(self.ask("/builders/full/builds/1").status, 200)

    def test_missing(self) -> None:
        """What does not exist is told, with a guess."""
        self.assertIn("Did you mean full?", self.ask("/builders/ful").text)
        half = "/builders/%ED%A0%80"  # half of a character
        for path in ("/builders/full/builds/7", "/builders/full/builds/-1", "/changes/9", half):
            self.assertEqual(self.ask(path).status, 404, path)
        self.assertIn("It has no builds.", self.ask("/builders/full/builds/0").text)
        self.force()
        self.assertIn("Its newest build is 0.", self.ask("/builders/full/builds/7").text)

    def test_kept(self) -> None:
        """A page is made again when something that it shows has changed."""
        before = self.ask("/builders").text
        self.assertEqual(self.ask("/builders").text, before)
        self.force()
        self.assertIn("building", self.ask("/builders").text)

    def test_live(self) -> None:
        """An open page gets its changed parts as events; after the last reader the page is forgotten."""
        connection = self.dial()
        connection.send(b"GET /live?page=%2Fbuilders HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.settle()
        self.assertIn(b"event: parts", connection.received())
        self.assertNotIn(b"building", connection.received())
        self.force()
        self.wait(2)
        self.assertIn(b"building", connection.received())
        connection.close()
        self.assertEqual(self.master.status.topics.count(), 0)

    def test_newParts(self) -> None:
        """An open page shows a failure without being loaded again, which would lose what somebody types."""
        self.force()
        streams = []
        for page in ("%2Fbuilders%2Ffull", "%2Fbuilders%2Ffull%2Fbuilds%2F0"):
            streams.append(self.dial())
            streams[-1].send(f"GET /live?page={page} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
            self.settle()
        self.commands[0].update(stdout="a.c:1: error: no\n")
        for _ in range(2):
            self.commands[-1].end(2)
            self.wait(2)
        for stream, title in zip(streams, (b"broken-title", b"failed-title"), strict=True):
            self.assertIn(title, stream.received())
            self.assertNotIn(b"event: reload", stream.received())
            stream.close()

    def test_renewed(self) -> None:
        """An open page shows the time left as it is now, though nothing happens meanwhile."""
        for _ in range(2):
            self.force()
            for _ in range(2):
                self.wait(100)
                self.commands[-1].end(0)
            self.wait(2)
        self.force()
        stream = self.dial()
        stream.send(b"GET /live?page=%2F HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.settle()
        for left in (b"3 min 5 s", b"2 min 50 s"):
            self.wait(16)
            self.assertIn(left[:5], stream.received())
        stream.close()
        self.wait(1)

    def test_waiting(self) -> None:
        """The time for which a request waits goes on while the page is open, as that of a running build."""
        self.force()
        self.force("once more")
        for path, part in (("/", "waiting-title"), ("/builders/full", "queue-title")):
            section = self.ask(path).text.split(f'id="{part}"')[1].split("</section>")[0]
            self.assertIn('<td data-label="For"><time data-since=', section)


class LogNameTests(BuildingCase):
    """Logs by name and by position."""

    def test_names(self) -> None:
        """A log is found by its name or its position; else the names of the step's logs are told."""
        self.force()
        path = "/builders/full/builds/0/steps/compile/logs"
        for name, status in (("stdio", 200), ("0", 200), ("9", 404), ("odd", 404)):
            self.assertEqual(self.ask(f"{path}/{name}").status, status, name)
        self.assertIn("It has stdio.", self.ask(f"{path}/odd").text)

    def test_running(self) -> None:
        """The log of a running step is read while it grows, after another step has ended."""
        self.force()
        self.commands[0].end(0)
        self.wait(2)
        self.assertEqual(self.ask("/builders/full/builds/0/steps/test/logs/stdio").status, 200)


class MeanwhileTests(BuildingCase):
    """Something happens while a page is being made."""

    def slowly(self) -> Deferred[None]:
        """Let the next list of builds wait; returns what it waits for."""
        gate: Deferred[None] = Deferred()
        read = self.store.getLastRows

        def wait(*args: Any) -> Any:
            self.store.getLastRows = read  # type: ignore[method-assign]
            return gate.addCallback(lambda _: read(*args))

        self.store.getLastRows = wait  # type: ignore[method-assign, assignment]
        return gate

    def begin(self) -> Any:
        """Ask for the builders."""
        connection = self.dial()
        connection.send(b"GET /builders HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        self.settle()
        return connection

    def test_changed(self) -> None:
        """A page that was begun before a change is not given to those who ask after it."""
        self.ask("/builders")
        gate = self.slowly()
        self.master.status.topics.touch("builders")
        early = self.begin()
        self.master.status.topics.touch("builders")
        self.force()
        gate.callback(None)
        self.settle()
        self.assertIn(b" 200 ", early.received())
        self.assertIn("#0", self.ask("/builders").text)

    def test_slow(self) -> None:
        """If a page takes long, it is made for one visitor; the others get the last one, but not after an
        action."""
        self.edit("http_port=8010", "http_port=8010, allowForce=True")
        self.assertTrue(self.reconfig()["applied"])
        gate = self.slowly()
        first = self.begin()
        self.wait(8)
        gate.callback(None)
        self.settle()
        self.assertIn(b" 200 ", first.received())
        self.patch(LastRows, "of", lambda *args: Deferred())
        self.master.status.topics.touch("builders")
        self.assertEqual([self.begin().received() != b"" for _ in range(3)], [False, True, True])
        own = {"Origin": "http://127.0.0.1:8010", "Sec_Fetch_Site": "same-origin"}
        self.assertEqual(self.ask("/builders/full/force", "POST", b"", **own).status, 303)
        self.assertEqual(self.begin().received(), b"")

    def test_removed(self) -> None:
        """A builder that is removed meanwhile is left out."""
        gate = self.slowly()
        early = self.begin()
        self.edit("'full'", "'other'")
        self.assertTrue(self.reconfig()["applied"])
        gate.callback(None)
        self.settle()
        self.assertIn(b" 200 ", early.received())
        self.assertNotIn(b"builders/full", early.received())


class OlderTests(BuildingCase):
    """Long lists have several parts."""

    def test_parameters(self) -> None:
        """The link to older builds keeps the other parameters; an unknown builder has no builds."""
        for _ in range(3):
            self.force()
            for _ in range(2):
                self.commands[-1].end(0)
                self.wait(2)
        page = self.ask("/one_line_per_build?numbuilds=2&builder=full").text
        (query,) = re.findall(r'one_line_per_build\?([^"]*)">Older', page)
        self.assertIn("numbuilds=2", query)
        self.assertIn("builder=full", query)
        older = self.ask(f"/one_line_per_build?{query.replace('&amp;', '&')}").text
        self.assertIn("builds/0", older)
        self.assertNotIn("builds/2", older)
        self.assertIn("There are no builds.", self.ask("/one_line_per_build/none").text)

    def test_ends(self) -> None:
        """A page with the oldest lines has no link to older ones, but one to the newest ones."""
        for number in range(2):
            self.force()
            for _ in range(2):
                self.commands[-1].end(0)
                self.wait(2)
            self.successResultOf(self.master.addChange(Change("ann", ["a.c"], "work", revision=f"r{number}")))
        for path, count, place in (
            ("/builders/full", "numbuilds", "before"),
            ("/one_line_per_build", "numbuilds", "cursor"),
            ("/buildslaves/bot1", "numbuilds", "cursor"),
            ("/changes", "numchanges", "before"),
        ):
            for query in (f"{count}=2", ""):
                page = self.ask(f"{path}?{query}").text
                self.assertNotIn(">Older ", page, path)
                self.assertNotIn(">Newest ", page, path)
            (older,) = re.findall(r'\?([^"]*)">Older', self.ask(f"{path}?{count}=1&done=x").text)
            self.assertNotIn("done=", older)
            page = self.ask(f"{path}?{older.replace('&amp;', '&')}").text
            self.assertNotIn(">Older ", page, path)
            (newest,) = re.findall(r'\?([^"]*)">Newest', page)
            self.assertEqual(newest, f"{count}=1")
            self.assertIn(f"{place}=", older)
        self.assertIn("There are no older builds.", self.ask("/builders/full?before=0").text)

    def test_branch(self) -> None:
        """The builds of some branches fill the page: those of other branches take no place."""
        for number, branch in enumerate(("dev", None, "trunk", None, "other", "other")):
            source: dict[str, Any] = {"branch": branch, "revision": None, "changes": []}
            record = BuildRecord("full", None, "bot1", (), float(number), sourcestamp=source)
            self.successResultOf(self.store.startBuild(record))
        for query, numbers in (
            ("branch=trunk", [3, 2]),
            ("branch=dev", [0]),
            ("branch=dev&branch=trunk", [3, 2]),
            ("branch=gone", []),
        ):
            page = self.ask(f"/one_line_per_build?numbuilds=2&{query}").text
            self.assertEqual([int(each) for each in re.findall(r">#(\d+) ", page)], numbers, query)

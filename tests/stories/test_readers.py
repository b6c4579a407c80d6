# -*- test-case-name: tests.stories.test_readers -*-
"""A process that only serves pages, beside a whole master. Both run in this process, on one clock."""

from __future__ import annotations

import json
import os
import re
from typing import Any, cast

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, ensureDeferred, execute, fail, succeed
from twisted.internet.testing import MemoryReactorClock

from buildbot.config.model import MasterConfig
from buildbot.control.client import ControlError, NotRunning
from buildbot.control.protocol import COMMANDS
from buildbot.logs.feed import LogFeeds
from buildbot.logs.reading import LogViews
from buildbot.readers import service, telling
from buildbot.readers.service import Place, ReaderMaster
from buildbot.reconfig.fileload import readConfig
from buildbot.store.interface import IStore, StoreFailed
from buildbot.store.memory import MemoryStore
from buildbot.web.seen import SeenBotMaster
from buildbot.web.world import WatchedMaster
from tests.examples import examples
from tests.stories.web import Connection, Response, WebWorld, parsed

CONFIG = """
from buildbot.process.factory import BuildFactory
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {}
c['bots'] = [('bot1', 'sekrit')]
f = BuildFactory()
f.addStep(ShellCommand, name='compile', command=['make'])
f.addStep(ShellCommand, name='test', command=['make', 'test'])
c['builders'] = [{'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f}]
c['slavePortnum'] = 9989
"""
LOG = "/builders/full/builds/0/steps/compile/logs/stdio"
FORM = {
    "Content_Type": "application/x-www-form-urlencoded",
    "Accept": "text/html",
    "Sec_Fetch_Site": "same-origin",
}
#: Pages and answers that the master and the process make alike.
PATHS = (
    *("/", "/builders", "/one_line_per_build", "/builders/full", "/builders/full/builds/0", "/buildslaves"),
    *("/buildslaves/bot1", "/waterfall", "/grid", "/console", "/queue", "/changes", "/about", "/schedulers"),
    *("/cctray.xml", "/atom", "/api/v1/builders", "/api/v1/builders/full", "/api/v1/requests", "/readyz"),
    *("/api/v1/slaves", "/api/v1/builds", "/api/v1/master", "/api/v1/audit", "/builders/full/force"),
)
#: The words of an absent master on every page.
AWAY = "The master is away since"


class Wire:
    """A control socket in memory, which can be cut."""

    def __init__(self, story: ReadersWorld) -> None:
        self._story = story
        self.isCut = False
        self.asked: list[str] = []
        self.follows: list[dict[str, Any]] = []

    async def ask(self, command: str, params: dict[str, Any], patience: float) -> Any:
        """See L{buildbot.readers.link.Link}."""
        if self.isCut or not self._story.master.running:
            raise NotRunning(self._story.basedir)
        self.asked.append(command)
        if command == "follow":
            self.follows.append(params)
        question = json.dumps({**params, "command": command}).encode("ascii")
        said = json.loads(await self._story.master.control.answer(question))
        if self.isCut:
            raise ControlError("the master ended the connection before it answered")
        if "error" in said:
            raise ControlError(said["error"])
        return said["ok"]


class Shared(MemoryStore):
    """A store that can be read while the master is away, as a file can."""

    def close(self) -> Deferred[None]:
        """Stay open."""
        return succeed(None)


class OnlyRead:
    """A store whose writing calls fail, as in a process that only reads it.

    @ivar away: why it cannot be read either; "" if it can.
    """

    def __init__(self, store: Any) -> None:
        self._store = store
        self.away = ""

    def open(self) -> Deferred[None]:
        """Do nothing: the master has opened it."""
        return succeed(None)

    close = open

    def __getattr__(self, name: str) -> Any:
        if self.away:
            return lambda *args, **kw: fail(StoreFailed(self.away))
        if name.startswith(("get", "find", "count", "last", "pending", "loss", "commits", "server")):
            return getattr(self._store, name)
        raise StoreFailed(f"{name} would write")


class ReadersWorld(WebWorld):
    """A master, and a process with its pages."""

    def setUp(self) -> None:
        super().setUp()
        self.store = Shared()
        self.successResultOf(self.store.open())
        self.wire = Wire(self)
        self.dials: list[Connection] = []

    def load(self) -> Deferred[MasterConfig]:
        """The configuration, from the file."""
        return execute(readConfig, os.path.join(self.basedir, "master.cfg"), self.basedir)

    def startReader(self, port: str = "tcp:8011") -> list[str]:
        """Start the process with pages; returns its words."""
        home = os.path.join(self.basedir, "pages-only")
        os.makedirs(home, exist_ok=True)
        self.reader = ReaderMaster(
            Place(self.basedir, "master.cfg", home, port),
            cast(MemoryReactorClock, self.reactor),
            cast(IStore, OnlyRead(self.store)),
            self.wire,
            self.reactor.seconds,
            self.load,
        )
        self.readStore = cast(OnlyRead, self.reader.botmaster.resources.store)
        logs = self.reader.botmaster.resources.logs
        logs.views = LogViews(execute)
        logs.feeds = LogFeeds(logs.clock, logs.views)
        ready = self.reader.whenReady()
        self.reader.startService()
        self.addCleanup(self.stopReader)
        self.settle()
        return self.successResultOf(ready)

    def stopReader(self) -> None:
        """Stop the process with pages."""
        for each in self.dials:
            each.close()
        if self.reader.running:
            stopped = ensureDeferred(self.reader.stopService())
            self.settle()
            self.successResultOf(stopped)

    def both(self) -> None:
        """Start the master and the process with pages."""
        self.successResultOf(self.start())
        self.startReader()

    def pause(self) -> None:
        """Give the process with pages time to ask."""
        for _ in range(8):
            self.reactor.advance(0.05)
            self.settle()

    def read(self, path: str, method: str = "GET", body: bytes = b"", **headers: str) -> Response:
        """The answer of the process with pages."""
        given = {"Host": "127.0.0.1:8010", **{name.replace("_", "-"): each for name, each in headers.items()}}
        if body or method == "POST":
            given["Content-Length"] = str(len(body))
        lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        connection = self.listen("\r\n".join(lines).encode("utf-8") + b"\r\n\r\n" + body)
        for _ in range(40):
            if connection.received():
                break
            self.settle()
            self.reactor.advance(0.05)
        connection.close()
        return parsed(connection.received())

    def listen(self, request: bytes) -> Connection:
        """A connection to the process with pages that stays open."""
        (server,) = list(self.reader)
        connection = Connection(server.site, "127.0.0.1")
        self.dials.append(connection)
        connection.send(request)
        return connection


def _plain(text: str) -> str:
    """A page without what differs from moment to moment, and between processes."""
    return re.sub(r'since=[0-9a-f]+-[0-9]+|"(lasts|eta|version|in|out)":[^,}]*', "", text)


class Both(ReadersWorld):
    """A master with one builder and its slave, and a process with its pages."""

    STATUS = (
        "from buildbot.status import html\nc['status'] = [html.WebStatus(http_port=8010, allowForce=True)]"
    )

    def setUp(self) -> None:
        super().setUp()
        self.write(CONFIG)
        for line in self.STATUS.splitlines():
            self.add(line)
        self.both()
        self.commands: list[Any] = []
        self.connect(onCommand=self.commands.append)
        self.pause()

    def force(self, reason: str) -> None:
        """Force a build in the master."""
        ensureDeferred(self.master.commands["force"]("full", reason=reason, who="ann"))
        self.settle()
        self.reactor.advance(0)
        self.settle()

    def end(self) -> None:
        """End the running build."""
        for _ in range(2):
            self.commands[-1].end(0)
            self.settle()
            self.reactor.advance(0)
            self.settle()

    def pauseLong(self) -> None:
        """Give the process with pages time to notice that the master is away, or back."""
        for _ in range(14):
            self.reactor.advance(1)
            self.settle()
        self.pause()


class SameTests(Both):
    """A person reads the pages in either process."""

    def same(self, path: str) -> Response:
        """The answer of the process with pages, which must be that of the master."""
        mine, here = self.ask(path), self.read(path)
        self.assertEqual((here.status, _plain(here.text)), (mine.status, _plain(mine.text)), path)
        return here

    def test_running(self) -> None:
        """A running build, its queue and its slaves are shown as the master shows them."""
        self.force("one")
        self.force("two")
        self.pause()
        for path in PATHS:
            self.same(path)
        self.assertIn("one", self.same("/builders/full/builds/0").text)
        self.assertIn("two", self.same("/queue").text)

    def test_finished(self) -> None:
        """A finished build is shown as the master shows it, also on the list of its builder."""
        self.force("one")
        self.pause()
        self.end()
        self.pause()
        for path in PATHS:
            self.same(path)
        self.assertIn("success", self.same("/builders/full/builds/0").text)

    def test_names(self) -> None:
        """Whatever pages may read of the master and its parts is there in the process with pages, too."""
        names = [name for name in dir(WatchedMaster) if not name.startswith("_")]
        names += [name for name in WatchedMaster.__annotations__ if name not in names]
        self.assertEqual([each for each in names if not hasattr(self.reader, each)], [])
        parts = ["config", "builders", "slaves", "getBuilders", "getPerspective", "store", "resources"]
        parts += ["troubles", *SeenBotMaster.open]
        self.assertEqual([each for each in parts if not hasattr(self.reader.botmaster, each)], [])
        self.force("one")
        mine, here = self.master.commands["status"](), self.reader.commands["status"]()
        self.assertEqual(set(here["master"]), set(mine["master"]))

    def test_log(self) -> None:
        """The log of a running step is read from its file; so is that of a finished one."""
        self.force("one")
        self.commands[0].update(stdout="first\n")
        self.settle()
        self.pause()
        self.assertIn(">1</a>first<", self.read(LOG).text)
        self.end()
        self.pause()
        self.assertIn(">1</a>first<", self.same(LOG).text)

    def test_follow(self) -> None:
        """Somebody who follows a growing log sees each line soon, and the end."""
        self.force("one")
        self.commands[0].update(stdout="first\n")
        self.pause()
        open = self.listen(f"GET {LOG}/follow HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n".encode())
        self.pause()
        self.assertIn(b"first", open.received())
        self.commands[0].update(stdout="second\n")
        self.settle()
        self.pause()
        self.pause()
        self.assertIn(b"second", open.received())
        self.assertNotIn(b"event: end", open.received())
        self.end()
        self.pause()
        self.assertIn(b"event: end", open.received())

    def test_live(self) -> None:
        """An open page changes when a build starts."""
        since = self.reader.status.topics.lastId()
        request = f"GET /live?page=%2F&since={since} HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n"
        open = self.listen(request.encode())
        self.pause()
        self.force("one")
        self.pause()
        self.pause()
        self.assertIn(b"1 build running", open.received())

    def test_manyRequests(self) -> None:
        """A queue that is longer than one answer of the master is shown as a whole."""
        self.patch(telling, "MOST_REQUESTS", 3)
        self.force("first")
        for number in range(10):
            self.force(f"wish {number}")
        self.pause()
        self.pause()
        text = self.same("/queue").text
        self.assertEqual([n for n in range(10) if f"wish {n}" not in text], [])

    def test_backlog(self) -> None:
        """A queue that the master keeps in the store only is shown as a whole, also while it gets shorter."""
        resources = self.master.botmaster.resources
        resources.mostWaiting = resources.mostToChoose = 3
        self.edit(
            "c['slavePortnum']",
            "c['builders'] += [{**c['builders'][0], 'name': 'other', 'builddir': 'other'}]\n"
            "c['mergeRequests'] = False\nc['slavePortnum']",
        )
        self.reconfig()
        for builder in ("full", "other"):
            for number in range(7):
                force = self.master.commands["force"](builder, reason=f"{builder} {number}", who="ann")
                ensureDeferred(force)
                self.settle()
        for _ in range(5):
            self.pause()
            self.same("/queue")
            self.same("/builders/full")
            self.same("/api/v1/requests")
            self.end()
        self.assertEqual([params["since"] for params in self.wire.follows if not params["since"]], [""])

    def test_reconfig(self) -> None:
        """After a reconfig of the master, the pages have the new builder; open pages stay open."""
        open = self.listen(b"GET /live?page=%2F&since= HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n")
        self.pause()
        self.edit(
            "from buildbot.status",
            "c['builders'] += [{**c['builders'][0], 'name': 'new', 'builddir': 'new'}]\nfrom buildbot.status",
        )
        self.reconfig()
        self.pause()
        self.pause()
        self.assertIn("new", self.same("/builders").text)
        self.assertFalse(open.transport.disconnecting)

    def test_otherRights(self) -> None:
        """After a reconfig with other rights, the process with pages has them, too."""
        self.edit("allowForce=True", "allowForce=False")
        self.reconfig()
        self.pause()
        self.pause()
        self.assertNotIn("Force build", self.same("/builders/full").text)
        self.assertEqual(self.read("/builders/full/force", "POST", b"reason=no").status, 403)


class StatusTests(Both):
    """An administrator asks the master who follows it."""

    def names(self) -> list[str]:
        """The processes with pages, as C{status} names them."""
        return [each["name"] for each in self.master.commands["status"]()["master"]["pagesOnly"]]

    def test_named(self) -> None:
        """The process is named while it asks, and not any more when it has gone."""
        (name,) = self.names()
        self.assertIn(f"pages-only (pid {os.getpid()})", name)
        self.stopReader()
        self.reactor.advance(telling.GONE + 1)
        self.assertEqual(self.names(), [])


class PrivateTests(Both):
    """A visitor without rights asks the API."""

    STATUS = "from buildbot.status import html\nc['status'] = [html.WebStatus(http_port=8010)]"

    def test_master(self) -> None:
        """The machines and directories of processes with pages are for administrators only."""
        for answer in (self.ask("/api/v1/master"), self.read("/api/v1/master")):
            self.assertEqual(answer.status, 200)
            self.assertNotIn("pagesOnly", answer.text)
            self.assertNotIn("pages-only", answer.text)


#: JSON values for parameters.
ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**70), max_value=2**70)
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["full", "bot1", "POST", "/", "tcp:8010", "full/0-compile-stdio", "../x", "\ud800", ""])
    | st.sampled_from(["GET", "builders", "session/x", "token/y", "1-1", "x" * 2000, 2**53, 0, 1]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
#: Parameters that are of the right kinds more often than not.
LIKELY = {
    "known": st.integers(0, 2**53),
    "logins": st.integers(-5, 5),
    "wait": st.floats(0.001, 1e8),
    "unsettled": st.lists(st.sampled_from(["full", "none"]), max_size=3),
    "pending": st.lists(st.sampled_from(["bot1", "none"]), max_size=3),
    "wanted": st.lists(st.integers(0, 9), max_size=3),
    "why": st.booleans(),
    "port": st.sampled_from(["tcp:8010", ""]),
    "method": st.sampled_from(["GET", "POST", "HEAD", "BREW"]),
    "segments": st.lists(
        st.sampled_from(["builders", "full", "force", "", "api", "v1", "..", "logs"]), max_size=5
    ),
    "headers": st.dictionaries(
        st.sampled_from(["host", "cookie", "content-type", "origin", "x"]),
        st.lists(st.sampled_from(["127.0.0.1:8010", "a=b", "application/json", ""]), max_size=2),
        max_size=4,
    ),
    "query": st.dictionaries(st.text(max_size=3), st.lists(st.text(max_size=3), max_size=2), max_size=2),
    "body": st.sampled_from(["", "cmVhc29uPXg=", "%", "A"]),
    "isSecure": st.booleans(),
}


class RandomTests(Both):
    """A process with pages of another release, or something else, asks nonsense."""

    @settings(max_examples=examples(60), deadline=None)
    @given(st.data())
    def test_commands(self, data: Any) -> None:
        """Each question gets one answer in JSON, and no fault is logged."""
        command = data.draw(st.sampled_from(["follow", "pass", "used"]))
        params: dict[str, Any] = {}
        for name in COMMANDS[command]:
            if data.draw(st.booleans()) or COMMANDS[command][name].isRequired:
                isLikely = name in LIKELY and data.draw(st.integers(0, 9)) < 9
                params[name] = data.draw(LIKELY[name] if isLikely else ANYTHING)
        gone: Deferred[None] = Deferred()
        line = json.dumps({**params, "command": command}).encode("ascii")
        answering = ensureDeferred(self.master.control.answer(line, gone))
        self.settle()
        if not gone.called:
            gone.callback(None)
        self.settle()
        said = json.loads(self.successResultOf(answering))
        self.assertEqual(len(said), 1)
        self.assertNotIn("internal error", str(said.get("error")))
        self.assertEqual(self.flushLoggedErrors(), [])


class ActsTests(Both):
    """A person acts through the process with pages."""

    def test_force(self) -> None:
        """A forced build starts in the master, which records it; the next page shows it."""
        answer = self.read("/builders/full/force", "POST", b"reason=please", **FORM)
        self.assertEqual(answer.status, 303)
        page = self.read("/builders/full/builds/0?" + answer.headers["location"].partition("?")[2])
        self.assertIn("please", page.text)
        self.assertIn("Done:", page.text)
        (entry,) = self.actions()
        self.assertEqual((entry.action, entry.outcome, entry.address), ("forceBuild", "done", "127.0.0.1"))
        self.assertIn("please", self.read("/builders/full/builds/0").text)

    def test_stop(self) -> None:
        """A running build is stopped."""
        self.force("one")
        self.pause()
        self.assertEqual(
            self.read("/builders/full/builds/0/stop", "POST", b"comments=no", **FORM).status, 303
        )
        self.assertEqual(self.actions()[0].action, "stopBuild")

    def test_large(self) -> None:
        """A request that is too large to hand on is refused with words, and nothing happens."""
        answer = self.read("/builders/full/force", "POST", b"reason=" + b"x" * 40_000, **FORM)
        self.assertEqual(answer.status, 413)
        self.assertIn("Send it to the port of the master", answer.text)
        self.assertEqual(self.actions(), [])

    def test_hook(self) -> None:
        """A push of a forge is refused with words: it belongs to the port of the master."""
        answer = self.read("/change_hook/github", "POST", b"{}")
        self.assertEqual(answer.status, 421)
        self.assertIn("port of the master itself", answer.text)

    def test_foreign(self) -> None:
        """A form on another site cannot act: the master refuses it, as at its own port."""
        answer = self.read(
            "/builders/full/force", "POST", b"reason=x", **{**FORM, "Sec_Fetch_Site": "cross-site"}
        )
        self.assertEqual(answer.status, 403)
        self.assertEqual(self.actions(), [])


class AwayTests(Both):
    """The master goes away and comes back."""

    def test_away(self) -> None:
        """Finished builds can be read, all pages say that the master is away, and actions say why not."""
        self.force("one")
        self.pause()
        self.end()
        self.force("two")
        self.pause()
        self.wire.isCut = True
        self.pauseLong()
        self.assertIn(AWAY, self.read("/").text)
        self.assertIn("success", self.read("/builders/full/builds/0").text)
        self.assertIn(AWAY, self.read("/builders/full/builds/1").text)
        refused = self.read("/builders/full/force", "POST", b"reason=x", **FORM)
        self.assertEqual(refused.status, 503)
        self.assertIn(AWAY, refused.text)
        self.wire.isCut = False
        self.pauseLong()
        self.assertNotIn(AWAY, self.read("/").text)

    def test_storeAway(self) -> None:
        """While the database is away, the overviews show the last known builds, and what runs now."""
        self.force("one")
        self.end()
        self.pause()
        for path in ("/", "/builders"):
            self.read(path)
        self.readStore.away = "the database is down"
        self.force("two")
        self.end()
        self.force("three")
        self.pause()
        for path in ("/", "/builders"):
            page = self.read(path)
            self.assertEqual(page.status, 200, path)
            self.assertIn("The store does not work: the database is down.", page.text)
            self.assertIn('href="builders/full/builds/2"', page.text)
        self.assertIn('href="builders/full/builds/0"', page.text)
        self.assertEqual(self.read("/builders/full/builds/0").status, 503)
        self.readStore.away = ""
        self.pauseLong()
        for path in ("/", "/builders"):
            self.assertNotIn("does not work", self.read(path).text)

    def test_openPage(self) -> None:
        """An open page loads itself again when the master goes away, so that it says so."""
        open = self.listen(b"GET /live?page=%2F&since= HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n")
        self.pause()
        self.wire.isCut = True
        self.pauseLong()
        self.pauseLong()
        self.assertIn(b"event: reload", open.received())

    def test_missed(self) -> None:
        """What happened while the connection was cut is shown afterwards."""
        self.wire.isCut = True
        self.pauseLong()
        self.force("meanwhile")
        self.wire.isCut = False
        self.pauseLong()
        self.assertIn("meanwhile", self.read("/builders/full/builds/0").text)

    def test_missedEnds(self) -> None:
        """Builds that ended while the connection was cut are the last ones afterwards, on all pages."""
        self.force("one")
        self.pause()
        self.end()
        self.pause()
        self.read("/builders")
        self.assertEqual(self.lastBuild(), 0)
        self.wire.isCut = True
        self.pauseLong()
        self.force("meanwhile")
        self.end()
        self.wire.isCut = False
        self.pauseLong()
        self.assertIn('href="builders/full/builds/1"', self.read("/builders").text)
        self.assertEqual(self.lastBuild(), 1)

    def lastBuild(self) -> int:
        """The last build of the builder, as a page of people's own finds it."""
        builder = self.reader.status.getBuilder("full")
        build = self.successResultOf(ensureDeferred(builder.fetchBuild(-1)))
        assert build is not None
        return build.getNumber()

    def test_restarted(self) -> None:
        """A restarted master is followed again."""
        self.force("one")
        self.pause()
        super().stop()
        self.pauseLong()
        self.assertIn(AWAY, self.read("/").text)
        self.slaves.clear()
        self.successResultOf(self.start())
        self.connect()
        self.pauseLong()
        self.assertNotIn(AWAY, self.read("/").text)

    def test_ready(self) -> None:
        """A monitor learns that no builds can run; the process itself is alive."""
        self.assertEqual(self.read("/readyz").status, 200)
        self.wire.isCut = True
        self.pauseLong()
        ready = self.read("/readyz")
        self.assertEqual(ready.status, 503)
        self.assertIn(AWAY, ready.json["checks"]["master"])
        self.assertEqual(self.read("/livez").status, 200)

    def test_otherRelease(self) -> None:
        """After an upgrade of the master alone, the pages say that their process must be restarted."""
        self.patch(service, "version", "0.9")
        self.force("one")
        self.pauseLong()
        self.assertIn("these pages 0.9: restart them", self.read("/").text)

    def test_events(self) -> None:
        """A program that follows events through the process learns that it has missed some."""
        open = self.listen(b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n")
        self.pause()
        self.force("seen")
        self.pause()
        self.assertIn(b"event: buildStarted", open.received())
        self.wire.isCut = True
        self.pauseLong()
        self.assertIn(b"event: reset", open.received())


class OrderTests(ReadersWorld):
    """The two processes start in any order."""

    def test_first(self) -> None:
        """The process with pages may start before the master: it says that, and follows it later."""
        self.master = type("Nothing", (), {"running": False})()
        said = self.startReader()
        self.assertIn(AWAY, said[1])
        self.assertIn(AWAY, self.read("/").text)
        self.assertEqual(self.read("/api/v1/master").status, 200)
        self.successResultOf(self.start())
        for _ in range(3):
            self.pause()
            self.reactor.advance(1)
        self.assertNotIn(AWAY, self.read("/").text)

    def test_noPages(self) -> None:
        """A configuration without a WebStatus has no pages; the start says so."""
        self.edit("c['status'] = ", "unused = ")
        self.successResultOf(self.start())
        failed = self.assertRaises(self.failureException, self.startReader)
        self.assertIn("has no WebStatus", str(failed))


class LoginTests(Both):
    """People log in."""

    STATUS = (
        "from buildbot.status import html\nfrom buildbot.status.web.authz import Authz\n"
        "from buildbot.status.web.auth import BasicAuth\n"
        "c['status'] = [html.WebStatus(http_port=8010, authz=Authz(auth=BasicAuth([('anna', 'secret')]),"
        " default_action='auth'))]"
    )

    def logIn(self) -> str:
        """Log in through the process with pages. Returns the cookie."""
        answer = self.read("/login", "POST", b"username=anna&passwd=secret", **FORM)
        return answer.headers["set-cookie"].partition(";")[0]

    def test_session(self) -> None:
        """A login counts at once, and the record names who has acted."""
        cookie = self.logIn()
        self.assertIn("anna", self.read("/", Cookie=cookie).text)
        self.read("/builders/full/force", "POST", b"reason=x", Cookie=cookie, **FORM)
        self.assertEqual([each.who for each in self.actions()], ["anna"])

    def test_logOut(self) -> None:
        """A logout at the port of the master counts in the process with pages."""
        cookie = self.logIn()
        self.ask("/logout", "POST", b"x=1", Cookie=cookie, **FORM)
        self.pause()
        self.assertNotIn("anna", self.read("/", Cookie=cookie).text)

    def test_stranger(self) -> None:
        """Without a login, the master refuses the action."""
        self.assertEqual(self.read("/builders/full/force", "POST", b"reason=x", **FORM).status, 401)

    def test_used(self) -> None:
        """A session that is used only here does not end in the master."""
        cookie = self.logIn()
        for _ in range(30):
            self.reactor.advance(1800)
            self.pause()
            self.assertIn("anna", self.read("/", Cookie=cookie).text)
        self.read("/builders/full/force", "POST", b"reason=x", Cookie=cookie, **FORM)
        self.assertEqual([each.who for each in self.actions()], ["anna"])

"""The BonsaiPoller, with a real web server."""

from __future__ import annotations

import socket
from html import escape
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.logger import formatEvent
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Site

from buildbot.changes.bonsaipoller import BonsaiPoller, CiNode, FileNode
from tests.loglisteners import hearLog
from tests.processes.pollercase import PollerCase

NOW = 1_161_900_000


class Bonsai(Resource):
    """A server that can be told to answer anything.

    @ivar said: the answer to all queries; None: that of a real server; b"": none at all.
    @ivar asked: fires when somebody has asked.
    """

    isLeaf = True
    said: bytes | None = None
    status = 200

    def __init__(self) -> None:
        super().__init__()
        self.nodes: list[CiNode] = []
        self.queries: list[dict[bytes, list[bytes]]] = []
        self.headers: list[Any] = []
        self.asked: Deferred[None] = Deferred()

    def render_GET(self, request: Any) -> bytes | int:
        """Answer."""
        self.queries.append(request.args)
        self.headers.append(request.requestHeaders)
        if not self.asked.called:
            self.asked.callback(None)
        request.setResponseCode(self.status)
        if self.status == 302:
            request.redirect(b"/cvsquery.cgi")
            return b""
        if self.said == b"":
            return NOT_DONE_YET
        return self.answer(request.args).encode() if self.said is None else self.said

    def answer(self, query: dict[bytes, list[bytes]]) -> str:
        """The commits of the time that the query names."""
        since, until = (int(query[name][0]) for name in (b"mindate", b"maxdate"))
        found = [each for each in self.nodes if since <= each.date <= until]
        return f"<queryResults>{''.join(map(_ci, found))}</queryResults>"


def _ci(node: CiNode) -> str:
    files = "".join(f'<f rev="{each.revision}">{escape(each.filename)}</f>' for each in node.files)
    return (
        f'<ci who="{escape(node.who)}" date="{node.date}"><log>{escape(node.log)}</log>'
        f"<files>{files}</files></ci>"
    )


class BonsaiCase(PollerCase):
    """A repository of CVS that Bonsai watches."""

    def setUp(self) -> None:
        super().setUp()
        self.now = float(NOW)
        self.bonsai = Bonsai()
        tcp: Any = reactor
        port = tcp.listenTCP(0, Site(self.bonsai), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.address = f"127.0.0.1:{port.getHost().port}"
        self.start()

    def commit(self, *files: str, log: str = "because", after: int = 60) -> str:
        """Commit some files, a minute later. Returns a name of the commit."""
        self.now += after
        rev = f"1.{len(self.bonsai.nodes)}"
        nodes = [FileNode(rev, name) for name in files or ("a.c",)]
        self.bonsai.nodes.append(CiNode(log, "zoë", int(self.now), nodes))
        return f"{nodes[0].filename} (revision {rev})"

    def start(self, **kw: Any) -> None:
        """Start a new master on the same store, with a poller."""
        options: dict[str, Any] = {"bonsaiURL": f"http://{self.address}", "module": "all", "branch": "HEAD"}
        self.use(BonsaiPoller(**{**options, **kw}))
        self.poller.wallClock = lambda: self.now  # type: ignore[attr-defined]

    def revisions(self) -> list[Any]:
        """CVS has no revisions of commits: the first files, which have one."""
        return [change.files[0] for change in self.changes()]


class LookTests(BonsaiCase):
    """The poller finds new commits."""

    async def test_commits(self) -> None:
        """Each commit makes one change, in order, with all that is known of it; the first look makes none."""
        self.commit()
        await self.poller.doPoll()
        self.assertEqual((self.changes(), self.poller.failure), ([], ""))
        self.commit("m/b c", "m/d", log="<one>\n\nmore ü")
        self.commit(after=0)
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertEqual(self.revisions(), ["m/b c (revision 1.1)", "a.c (revision 1.2)"])
        self.assertEqual(self.poller.failure, "")
        change = self.changes()[0]
        self.assertEqual((change.who, change.branch, change.when), ("zoë", "HEAD", NOW + 120.0))
        self.assertEqual((change.files[1], change.comments), ("m/d (revision 1.1)", "<one>\n\nmore ü"))

    async def test_query(self) -> None:
        """The server is asked for what the configuration says, from a while before the newest commit."""
        self.start(module="a b", tree="t&x", cvsroot="/c", project="p")
        await self.poller.doPoll()
        self.commit()
        await self.poller.doPoll()
        await self.poller.doPoll()
        query = {key.decode(): value.decode() for key, (value,) in self.bonsai.queries[-1].items()}
        self.assertEqual(
            query,
            {
                **{"treeid": "t&x", "module": "a b", "branch": "HEAD", "branchtype": "match", "xml": "1"},
                **{"sortby": "Date", "date": "explicit", "cvsroot": "/c"},
                **{"mindate": str(NOW + 60 - 1800), "maxdate": str(NOW + 60 + 86400)},
            },
        )
        self.assertEqual(self.changes()[0].project, "p")

    async def test_late(self) -> None:
        """A commit that arrives late, and files that join a commit later, make changes, once."""
        await self.poller.doPoll()
        self.commit()
        self.commit()
        late = self.bonsai.nodes.pop(0)
        await self.poller.doPoll()
        self.bonsai.nodes.insert(0, late)
        self.bonsai.nodes[1].files.append(FileNode("1.9", "later"))
        await self.poller.doPoll()
        await self.poller.doPoll()
        found = [each.files for each in self.changes()]
        self.assertEqual(found, [["a.c (revision 1.1)"], ["a.c (revision 1.0)"], ["later (revision 1.9)"]])

    async def test_long(self) -> None:
        """Commits of a long outage make changes, once, and a commit without files does."""
        await self.poller.doPoll()
        wanted = [self.commit(after=3000) for _ in range(3)]
        self.bonsai.nodes.append(CiNode("no files", "x", int(self.now), []))
        await self.poller.doPoll()
        await self.poller.doPoll()
        self.assertEqual([each.files for each in self.changes()], [*([each] for each in wanted), []])


class TroubleTests(BonsaiCase):
    """Servers that are away, slow or hostile."""

    async def failure(self) -> str:
        """Look, and return the reason of the failure."""
        await self.poller.doPoll()
        return self.poller.failure

    async def test_gone(self) -> None:
        """The look fails while the server is away, and nothing is lost."""
        self.start(name="n")
        await self.poller.doPoll()
        self.commit()
        with socket.socket() as silent:  # a port that nobody else can get, and where nobody listens
            silent.bind(("127.0.0.1", 0))
            self.start(name="n", bonsaiURL=f"http://127.0.0.1:{silent.getsockname()[1]}")
            self.assertRegex(await self.failure(), "^there is no connection to the server: .*refused")
        self.start(name="n")
        await self.poller.doPoll()
        self.assertEqual((self.revisions(), self.poller.failure), (["a.c (revision 1.0)"], ""))

    async def test_answers(self) -> None:
        """Answers that are no list of commits are failures, each with its reason."""
        self.bonsai.status = 404
        self.assertEqual(await self.failure(), "the server answered 404 Not Found")
        self.bonsai.status = 302
        self.assertEqual(await self.failure(), "the server did not answer: it redirects without end")
        self.bonsai.status = 200
        for said, why in (
            (b"<html>", "Bonsai answered XML that cannot be read: no element found"),
            (b"<!DOCTYPE x><x/>", "Bonsai answered XML that cannot be read: it has a DOCTYPE"),
            (b"x" * (17 << 20), "the server answered more than 16777216 bytes"),
        ):
            self.bonsai.said = said
            self.assertIn(why, await self.failure())

    async def test_quiet(self) -> None:
        """A look that finds nothing leaves no line in the log."""
        events: list[Any] = []
        hearLog(self, events.append)
        await self.poller.doPoll()
        self.assertEqual([formatEvent(each) for each in events if "HTTP11" in each["log_namespace"]], [])

    async def test_slow(self) -> None:
        """A server that does not answer in time is a failure."""
        self.bonsai.said = b""
        self.start(timeout=0.2)
        self.assertEqual(await self.failure(), "the server did not answer within 0.2 seconds")

    async def test_stopped(self) -> None:
        """A master that stops does not wait for the server."""
        self.bonsai.said = b""
        looking = self.poller.doPoll()
        await self.bonsai.asked
        await self.stop()
        await looking
        self.assertEqual(self.poller.failure, "")

    async def test_password(self) -> None:
        """The password of the URL reaches the server, and nobody else (S3)."""
        self.bonsai.status = 403
        self.start(bonsaiURL=f"http://me:s3cret@{self.address}/")
        self.assertEqual(await self.failure(), "the server answered 403 Forbidden")
        self.assertEqual(self.bonsai.headers[-1].getRawHeaders("authorization"), ["Basic bWU6czNjcmV0"])
        states = self.successResultOf(self.store.getStates(""))
        self.assertNotIn("s3cret", f"{self.poller.failure} {self.poller.describe()} {states}")

    async def test_addresses(self) -> None:
        """An address that cannot be used is a failure."""
        for url in ("ftp://x/", "nonsense", "http://ü/", "http://[x/", "http://127.0.0.1:99999/"):
            self.start(bonsaiURL=url)
            reason = "^(the address cannot be used|there is no connection)"
            self.assertRegex(await self.failure(), reason, url)


class RestartTests(BonsaiCase):
    """A restart loses nothing and repeats nothing."""

    async def test_killedOften(self) -> None:
        """20 commits make 20 changes while the master is killed 10 times."""
        await self.killOften()

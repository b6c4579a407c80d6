"""The pages of a log, while it grows and afterwards."""

from __future__ import annotations

import gzip
import json
import os
import random
import re
from typing import Any

from twisted.internet.defer import Deferred, execute

from buildbot.logs import reading
from buildbot.logs.files import LogLimits
from buildbot.logs.names import isIndex
from buildbot.logs.reading import LogViews
from buildbot.web import followers, outlines
from buildbot.web.logs.failures import KNOWN
from tests.examples import examples
from tests.stories.test_webpages import BuildingCase
from tests.stories.web import Connection, Response, unchunked

LOG = "/builders/full/builds/0/steps/compile/logs/stdio"


class LogCase(BuildingCase):
    """A build whose first step writes a log. Threads are calls."""

    limits = LogLimits()

    def setUp(self) -> None:
        BuildingCase.setUp(self)
        self.master.botmaster.resources.logs.limits = self.limits
        self.force()

    @property
    def command(self) -> Any:
        """The command of the step."""
        return self.commands[0]

    def say(self, **updates: Any) -> None:
        """Send output of the slave."""
        self.command.update(**updates)
        self.settle()

    def end(self, rc: int = 0) -> None:
        """End the step."""
        self.command.end(rc)
        self.wait(2)

    def log(self, query: str = "", **headers: Any) -> Response:
        """The page of the log, or something below it."""
        return self.ask(LOG + query, **headers)


class PageTests(LogCase):
    """A person reads a log."""

    def test_page(self) -> None:
        """The page has the lines with numbers that are links, and says how many there are."""
        self.say(stdout="one\n<b>two</b>\n", stderr="three\n")
        page = self.log()
        self.assertEqual(page.status, 200)
        self.assertIn("&lt;b&gt;two&lt;/b&gt;</div>", page.text)
        self.assertIn('<span class="stderr" title="standard error">three</span>', page.text)
        self.assertRegex(page.text, r'<div id="L(\d+)"><a href="\?line=\1#L\1" tabindex="-1">\1</a>one</div>')

    def test_firstScreen(self) -> None:
        """The log of a failed step is shown from its end, that of a successful one from its beginning."""
        self.say(stdout="".join(f"line {number}.\n" for number in range(1, 2001)))
        self.assertIn("line 2000.<", self.log().text)
        self.assertNotIn("line 1000.<", self.log().text)
        self.assertIn("line 1.<", self.log("?first=1").text)
        self.end(2)
        self.assertIn("line 2000.<", self.log().text)


class ColdTests(LogCase):
    """The index of a long log is lost."""

    def setUp(self) -> None:
        LogCase.setUp(self)
        self.patch(reading, "NEAR", 1 << 17)
        self.say(stdout="".join(f"line {number}.\n" for number in range(1, 40_001)))
        self.say(stdout="main.c:1: error: no\n")

    def forget(self) -> None:
        """Lose the index in memory and on the disk."""
        logs = self.master.botmaster.resources.logs
        logs.views = LogViews(execute)
        for directory, _, names in os.walk(logs.directory):
            for name in filter(isIndex, names):
                os.unlink(os.path.join(directory, name))

    def test_end(self) -> None:
        """The end of a failed log is shown at once, without numbers; a second later it has everything."""
        self.end(2)
        self.forget()
        page = self.log().text
        self.assertIn("line 40000.</div>", page)
        self.assertIn("the last 500 lines of about ", page)
        self.assertIn('<noscript><meta http-equiv="refresh" content="1"></noscript>', page)
        self.assertIn('data-part="1"', page)
        self.assertNotIn("failing line", page.split('id="outline"')[1].split("</div>")[0])
        again = self.log().text
        self.assertIn('<div id="L40000"', again)
        self.assertIn("1 failing line<", again)
        self.assertNotIn('http-equiv="refresh"', again)

    def test_line(self) -> None:
        """A line, and the one with a byte of output, is shown at once, with its number and those after it."""
        self.end(2)
        for below in ("?line=30000", "?first=29990", "?from=348882", "?line=30000&count=5000"):
            self.forget()
            page = self.log(below).text
            self.assertRegex(page, r'<div id="L30000"[^>]*><a [^>]*>30000</a>line 30000\.</div>', below)
            self.assertRegex(page, r'<div id="L30400"[^>]*><a [^>]*>30400</a>line 30400\.</div>', below)
            self.assertIn('<noscript><meta http-equiv="refresh" content="1"></noscript>', page)
            self.assertNotIn('http-equiv="refresh"', self.log(below).text)

    def test_lineAtTheEnd(self) -> None:
        """For a number after the last line, all of the log is read."""
        self.end(2)
        self.forget()
        self.assertIn('<div id="L40001"', self.log("?line=99999").text)

    def test_share(self) -> None:
        """The lines at 50 % are shown at once, without numbers; a second later the exact line is there."""
        self.end(2)
        for below, about, line in (
            ("?line=50%25", 20_200, 20_001),
            ("?line=99.9%25", 39_960, 39_961),
            ("?line=%2075%20%25&count=30", 30_100, 30_001),
        ):
            self.forget()
            page = self.log(below).text
            self.assertNotIn('<div id="L', page, below)
            first = int(page.split('data-tail=""')[1].split(">line ")[1].split(".")[0])
            self.assertLess(abs(first - about), 600)
            self.assertIn(f">line {first + 29}.</div>", page)
            self.assertRegex(page, r"\d+ lines at about [\d.]+ ?% of the log")
            self.assertIn('data-part="1"', page)
            self.assertNotIn("Newer lines", page)
            again = self.log(below).text
            self.assertIn(f'<div id="L{line}"', again)
            self.assertNotIn('data-part="1"', again)

    def test_shareOfTheBeginning(self) -> None:
        """The lines at 0 % are the first ones, with their numbers."""
        self.end(2)
        self.forget()
        self.assertRegex(self.log("?line=0%25").text, r'<div id="L1"[^>]*><a [^>]*>1</a>line 1\.</div>')

    def test_search(self) -> None:
        """A search finds lines, their numbers and the lines around them, before the index is made."""
        self.end(2)
        self.forget()
        self.patch(LogViews, "prepare", lambda views, place: asked.append(place.path))
        asked: list[str] = []
        page = self.log("/search?q=line+3999").text
        self.assertIn("11 lines found. The whole log is searched.", page)
        self.assertRegex(page, r'<i class="n">39989</i> line 39989\.</div>')
        self.assertIn('line=39999#L39999"', page)
        self.assertEqual(len(asked), 1)

    def test_beginning(self) -> None:
        """The beginning of a successful log is shown at once, with numbers."""
        self.end()
        self.forget()
        page = self.log().text
        self.assertRegex(page[:9000], r'<div id="L2"><a [^>]*>2</a>line 2\.</div>')
        self.assertIn("lines 1 to 500<", page)
        self.assertIn('<div id="L30000">', self.log("?line=30000").text)


class TextTests(LogCase):
    """A program reads the bytes of a log."""

    def setUp(self) -> None:
        LogCase.setUp(self)
        self.text = "".join(f"line {number} \N{SNOWMAN}\n" for number in range(3000))
        self.say(header="the command\n", stdout=self.text[:20000], stderr=self.text[20000:])
        self.end()

    def whole(self, query: str = "") -> bytes:
        """The whole text."""
        return self.log(f"/text{query}").body

    def test_text(self) -> None:
        """The text has both channels as they came, and no note; notes are there on demand."""
        answer = self.log("/text")
        self.assertEqual(answer.text, self.text)
        self.assertEqual(answer.headers["content-type"], "text/plain; charset=utf-8")
        self.assertEqual(answer.headers["content-length"], str(len(self.text.encode())))
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertNotIn("content-disposition", answer.headers)
        self.assertIn(b"the command", self.whole("?headers=1"))
        saved = self.log("/text?download=1").headers["content-disposition"]
        self.assertEqual(saved, 'attachment; filename="full-0-compile-stdio.txt"')

    def test_ranges(self) -> None:
        """Any part of the text is that of a plain slice, with or without notes."""
        for query in ("", "?headers=1"):
            data = self.whole(query)
            for given, part in (
                ("bytes=0-0", data[:1]),
                ("bytes=1000-1999", data[1000:2000]),
                ("bytes=19990-20100", data[19990:20101]),
                ("bytes=40000-", data[40000:]),
                ("bytes=-7", data[-7:]),
            ):
                answer = self.log(f"/text{query}", Range=given)
                self.assertEqual((answer.status, answer.body), (206, part), given)
                start = data.index(part) if len(part) > 10 else len(data) - 7 if part[-1:] == data[-1:] else 0
                place = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
                self.assertEqual(answer.headers["content-range"], place)

    def test_wrongRange(self) -> None:
        """A range behind the end is refused with the size; a wrong one counts as missing."""
        size = len(self.text.encode())
        refused = self.log("/text", Range="bytes=9999999-")
        self.assertEqual((refused.status, refused.headers["content-range"]), (416, f"bytes */{size}"))
        self.assertEqual(self.log("/text", Range="bytes=x").status, 200)

    def test_version(self) -> None:
        """The text of a finished log has a version: a client gets it once, and no range of another one."""
        version = self.log("/text").headers["etag"]
        self.assertEqual(self.log("/text", If_None_Match=version).status, 304)
        self.assertEqual(self.log("/text", Range="bytes=0-3", If_Range=version).status, 206)
        self.assertEqual(self.log("/text", Range="bytes=0-3", If_Range='"other"').status, 200)

    def test_compressed(self) -> None:
        """A small text is compressed on demand; a part never is."""
        zipped = self.log("/text", Accept_Encoding="gzip")
        self.assertEqual(zipped.headers["content-encoding"], "gzip")
        self.assertEqual(gzip.decompress(zipped.body).decode(), self.text)
        part = self.log("/text", Accept_Encoding="gzip", Range="bytes=0-3")
        self.assertEqual((part.status, part.body), (206, b"line"))

    def test_head(self) -> None:
        """HEAD tells the size, and sends nothing."""
        head = self.ask(f"{LOG}/text", "HEAD")
        self.assertEqual((head.body, head.headers["content-length"]), (b"", str(len(self.text.encode()))))

    def test_lost(self) -> None:
        """A log whose file was deleted is told as such, on each of its pages."""
        for folder, _, files in os.walk(self.basedir):
            for name in files:
                if "-log-" in name:
                    os.unlink(os.path.join(folder, name))
        for below in ("", "/text", "/text?follow=1&offset=3", "/lines", "/follow"):
            answer = self.log(below)
            self.assertEqual(answer.status, 404, below)
            self.assertIn("Old logs are deleted after some time", answer.text)
            self.assertNotIn("another master", answer.text)
        with open(os.path.join(self.basedir, "buildbot.tac"), "w", encoding="utf-8") as stream:
            stream.write("db = 'postgresql://ci@db/ci'\n")
        self.assertIn("If another master ran the build, its log is on the machine", self.log().text)


class FollowCase(LogCase):
    """A person watches a log that grows."""

    def listen(self, path: str, last: str = "") -> Connection:
        """A connection that follows the log."""
        connection = self.dial()
        header = f"Last-Event-ID: {last}\r\n" if last else ""
        connection.send(f"GET {LOG}{path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n".encode())
        self.pass_()
        return connection

    def pass_(self) -> None:
        """Let the feed read the new lines."""
        for _ in range(4):
            self.reactor.advance(0.1)
            self.settle()


class FollowTests(FollowCase):
    """A log grows, and is complete in the end."""

    def test_events(self) -> None:
        """New lines come as events; an incomplete line comes again with the same id; the end is told."""
        self.say(stdout="one\n")
        connection = self.listen("/follow")
        self.say(stdout="two")
        self.pass_()
        self.say(stdout=" and more\n")
        self.pass_()
        received = connection.received().decode()
        self.assertIn('event: lines\ndata: <div id="L', received)
        self.assertIn(">one</div>", received)
        self.assertRegex(received, r'class="open"><a [^>]*>\d+</a>two</div>')
        self.assertIn(">two and more</div>", received)
        self.end()
        self.pass_()
        self.assertIn("event: end", connection.received().decode())

    def test_late(self) -> None:
        """Whoever follows a finished log gets the rest and the end."""
        self.say(stdout="one\n")
        self.end()
        received = self.listen("/follow").received().decode()
        self.assertIn(">one</div>", received)
        self.assertIn("event: end", received)

    def test_beats(self) -> None:
        """A silent stream shows that it lives."""
        connection = self.listen("/follow")
        for _ in range(4):
            self.reactor.advance(15)
        self.assertIn(b": alive", connection.received())

    def test_many(self) -> None:
        """Above a limit, followers are refused in plain words."""
        self.patch(followers, "MOST", 1)
        self.listen("/follow")
        refused = self.log("/follow")
        self.assertEqual((refused.status, refused.headers["retry-after"]), (503, "60"))

    def test_shared(self) -> None:
        """Watchers of one log get the same bytes, made once; nothing is left when they have gone."""
        first, second = self.listen("/follow"), self.listen("/follow")
        self.say(stdout="\x1b[31mred\nstill red\n")
        self.pass_()
        body = first.received().split(b"\r\n\r\n", 1)[1]
        self.assertEqual(body, second.received().split(b"\r\n\r\n", 1)[1])
        self.assertIn(b'<span class="a31">still red</span>', body)
        logs = self.master.botmaster.resources.logs
        self.assertEqual(len(logs.feeds), 1)
        first.close()
        second.close()
        self.assertEqual(len(logs.feeds), 0)

    def test_resumed(self) -> None:
        """Over many broken connections, no line is lost and none comes twice."""
        chance = random.Random(3)
        shown: dict[str, str] = {}
        last, count = "", 0
        for _ in range(examples(100)):
            connection = self.listen("/follow", last)
            for _ in range(chance.randrange(1, 4)):
                count += 1
                self.say(stdout=f"line {count}" + "\n" * (chance.random() < 0.7))
                if chance.random() < 0.6:
                    self.pass_()
            data = unchunked(connection.received().split(b"\r\n\r\n", 1)[1])
            data = data[: chance.randrange(len(data) + 1)]  # the rest is lost on the way
            connection.close()
            last = taken(data, last, shown, self)
        connection = self.listen("/follow", last)
        self.say(stdout="\n")
        self.end()
        self.pass_()
        data = unchunked(connection.received().split(b"\r\n\r\n", 1)[1])
        taken(data, last, shown, self)
        whole = self.log("?end=1&count=5000").text
        lines = re.findall(r'<div id="(L\d+)"[^>]*><a [^>]*>\d+</a>([^<]*)</div>', whole)
        self.assertGreater(len(lines), count // 3)
        self.assertEqual(
            {id: text for id, text in lines if text}, {id: text for id, text in shown.items() if text}
        )

    def test_endless(self) -> None:
        """Without script, a page grows with the log, and is closed at its end."""
        self.say(stdout="one\ntwo")
        connection = self.listen("?follow=1")
        self.assertIn(b">one</div>", connection.received())
        self.assertNotIn(b"</html>", connection.received())
        self.say(stdout=" half")
        self.pass_()
        self.end()
        self.pass_()
        body = unchunked(connection.received().split(b"\r\n\r\n", 1)[1]).decode()
        self.assertEqual(body.count(">two half<"), 1)
        self.assertTrue(body.endswith("</html>\n"))

    def test_text(self) -> None:
        """The text can be followed by a program such as curl."""
        self.say(stdout="one\n")
        connection = self.listen("/text?follow=1")
        self.say(stdout="two\n")
        self.pass_()
        self.assertEqual(unchunked(connection.received().split(b"\r\n\r\n", 1)[1]), b"one\ntwo\n")
        self.end()
        self.pass_()
        self.assertTrue(connection.received().endswith(b"0\r\n\r\n"))


class GapTests(FollowCase):
    """A log that is too long: its middle is left out."""

    limits = LogLimits(4000, 1000)

    def setUp(self) -> None:
        FollowCase.setUp(self)
        for first in range(0, 2000, 20):
            self.say(stdout="".join(f"line {number}.\n" for number in range(first, first + 20)))
            self.pass_()

    def test_growing(self) -> None:
        """While it grows, the page shows its end without numbers, below a row that tells of the gap."""
        page = self.log().text
        self.assertRegex(page, r'<div class="gap"><i class="n">…</i>\[\d+ bytes left out until now')
        self.assertRegex(page, r'<div id="B\d+"><i class="n">…</i>line 1999\.</div>')
        connection = self.listen("/follow?from=100")
        self.say(stdout="last\n")
        self.pass_()
        received = connection.received().decode()
        self.assertRegex(received, r'event: skipped\ndata: \{"from": \d+, "to": \d+\}')
        self.assertRegex(received, r'<div id="B\d+"><i class="n">…</i>last</div>')

    def test_finished(self) -> None:
        """Afterwards the gap is a row, and the lines behind it have numbers and links."""
        self.end()
        page = self.log("?end=1&count=20").text
        found = re.search(r'<div id="L(\d+)"[^>]*><a [^>]*>\d+</a>line 1999\.', page)
        assert found is not None
        self.assertIn("line 1999.", self.log(f"?line={found[1]}").text)
        self.assertRegex(
            self.log("?first=1&count=5000").text, r'class="gap"><a [^>]*>\d+</a><span class="header"'
        )


def taken(data: bytes, last: str, shown: dict[str, str], case: LogCase) -> str:
    """Show the lines of whole events as a browser does; return the last id."""
    for each in data.decode("utf-8", "ignore").split("\n\n")[:-1]:
        fields = [line.split(": ", 1) for line in each.split("\n") if not line.startswith(":")]
        for name, value in fields:
            if name == "data":
                found = re.match(r'<div id="(\w+)"( class="open")?>(?:<a .*?</a>)?([^<]*)</div>', value)
                if found is not None:
                    id, text = found[1], found[3]
                    case.assertTrue(text.startswith(shown.get(id, "")), f"{shown.get(id)!r} became {text!r}")
                    shown[id] = text
        last = next((value for name, value in fields if name == "id"), last)
    return last


class SearchTests(LogCase):
    """A person searches a log; the server does it."""

    def setUp(self) -> None:
        LogCase.setUp(self)
        self.say(
            stdout="".join(
                f"line {number} <b> \x1b[31mNeedle\n" * (number % 50 == 0) or "hay\n"
                for number in range(20000)
            )
        )

    def test_near(self) -> None:
        """A line between two hits is shown once."""
        self.say(stdout="a\nhay hit\nb\nc\nd\nhit again\nhit\ne\n")
        page = self.log("/search?q=hit").text
        for line in "abcde":
            self.assertEqual(page.count(f"</i> {line}</div>"), 1, line)
        self.assertEqual(page.count('<div class="found">'), 3)

    def test_literal(self) -> None:
        """The lines with a text are shown with links, and the lines around them; the rest is a link."""
        page = self.log("/search?q=needle")
        self.assertIn("100 lines found. Searched so far:", page.text)
        self.assertIn("<mark>Needle</mark>", page.text)
        self.assertIn("&lt;b&gt;", page.text)
        self.assertRegex(page.text, r'logs/stdio\?line=\d+#L\d+">\d+</a> line 50 ')
        self.assertIn("</i> hay</div>", page.text)
        more = re.search(r'href="[./]*builders([^"]*)">Search on', page.text)
        assert more is not None
        again = self.ask("/builders" + more[1].replace("&amp;", "&"))
        self.assertIn("line 5000 ", again.text)
        self.assertNotIn("line 50 ", again.text)

    def test_all(self) -> None:
        """A search that reaches the end says so."""
        self.assertIn("0 lines found. The whole log is searched.", self.log("/search?q=needle&case=1").text)
        found = self.log("/search?q=line+19950&format=json").json
        self.assertEqual((len(found["hits"]), found["next"]), (1, None))

    def test_wrong(self) -> None:
        """An impossible query is told; a missing one gives an empty box."""
        self.assertIn("at most 500", self.ask(f"{LOG}/search?q=" + "x" * 600).text)
        self.assertEqual(self.log("/search?q=a%0Ab").status, 400)
        self.assertIn('name="q"', self.log("/search").text)
        self.assertIn("the parameter q", self.log("/search?format=json").text.lower())


class OtherTests(LogCase):
    """Other ways to a log."""

    def test_lines(self) -> None:
        """A program gets lines with their places and channels as JSON."""
        self.say(stdout="one\n", stderr="two\n")
        value = self.log("/lines?end=1&count=2").json
        first, second = value["lines"]
        self.assertEqual((first["pieces"], second["pieces"]), ([["stdout", "one"]], [["stderr", "two"]]))
        self.assertEqual(second["offset"], 4)
        self.assertEqual((value["output"], value["finished"]), (8, False))
        number = second["number"]
        self.assertEqual(self.log(f"/lines?first={number}").json["lines"], [second])
        self.assertEqual(self.log("/lines?from=5").json["lines"], [second])

    def test_places(self) -> None:
        """A line, a percentage, a byte, the beginning and the end have pages; the line is in the link."""
        self.say(stdout="".join(f"line {number}.\n" for number in range(10_000)))
        for query, shown in (
            ("?first=1", "line 0."),
            ("?end=1", "line 9999."),
            ("?line=50%25", "line 5000."),
            ("?from=50000", "line 4646."),
            ("?line=99999999", "line 9999."),
        ):
            self.assertIn(f">{shown}</div>", self.log(query).text, query)
        self.assertEqual(self.log("?line=x").status, 400)
        self.assertIn('">Older lines</a>', self.log("?end=1").text)
        self.assertIn('<a rel="next" href="', self.log("?first=1").text)

    def test_html(self) -> None:
        """A log in HTML is shown in a frame that allows nothing, and is served as a site of its own."""
        step = self.master.botmaster.builders["full"].builder_status.getCurrentBuilds()[0].steps[0]
        step.addHTMLLog("report", "<script>alert(1)</script>")
        below = "/builders/full/builds/0/steps/compile/logs/report"
        page = self.ask(below)
        self.assertIn('<iframe sandbox=""', page.text)
        self.assertNotIn("alert", page.text)
        raw = self.ask(f"{below}/html")
        self.assertEqual(raw.text, "<script>alert(1)</script>")
        self.assertTrue(raw.headers["content-security-policy"].startswith("sandbox;"))
        self.assertEqual(self.log("/html").status, 404)

    def test_delay(self) -> None:
        """The page of a growing log says that newer slaves send their output every 5 seconds."""
        self.assertNotIn("every 5 seconds", self.log().text)
        status = self.master.botmaster.slaves["bot1"].slave_status
        for generation, version in (
            ("slave 0.8.14 (python 2)", "0.8.14"),
            ("worker 4.3.0 (python 3)", "4.3.0"),
        ):
            status.generation, status.version = generation, version
            self.assertIn("every 5 seconds", self.log().text)

    def test_times(self) -> None:
        """Times are shown on demand, with their resolution."""
        self.say(stdout="one\n")
        self.assertNotIn('class="t"', self.log().text)
        self.assertRegex(self.log("?times=1").text, r'<i class="t">\d\d:\d\d:\d\d</i>one')
        self.assertIn("have the same time", self.log("?times=1").text)

    def test_impatient(self) -> None:
        """A visitor who leaves before the log is read causes no error."""
        reading: Deferred[None] = Deferred()
        self.master.botmaster.resources.logs.views = LogViews(lambda *call: reading)
        connection = self.dial()
        connection.send(f"GET {LOG} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        self.settle()
        connection.close()
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_hostile(self) -> None:
        """No text of a log becomes markup, on any page."""
        for text in XSS:
            self.say(stdout=text + "\n", stderr=text + "\n", header=text + "\n")
        self.say(stdout="\x00\x07\u202e\x1b]8;;javascript:alert(1)\x07click\x1b]8;;\x07\n")
        connection = self.dial()
        connection.send(f"GET {LOG}/follow HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        self.settle()
        self.reactor.advance(1)
        pages = [self.log().text, self.log("/search?q=alert").text, connection.received().decode()]
        self.end()
        pages.append(self.log().text)
        for page in pages:
            self.assertIn("alert", page)
            body = page.partition("</h1>")[2] or page
            self.assertEqual(
                re.findall(
                    r"<(?!/?(?:dl|dt|dd|h2|div|a|i|span|details|summary|small|section|p|button|nav|mark|ol|li|form|label|input|footer|main|body|html)\b)[^>]*>",
                    body,
                ),
                [],
            )
            self.assertNotRegex(body, r"<[^>]*\son\w+\s*=")
            self.assertNotIn('href="javascript', body)
            self.assertNotIn("\x00", body)
            self.assertNotIn("\u202e", body)


class MarksTests(LogCase):
    """An open page folds the sections of a log while it grows."""

    def marks(self, output: str) -> list[dict[str, Any]]:
        """The marks that an open page gets with some output."""
        before = self.log("/lines?end=1&count=1").json["output"]
        connection = self.dial()
        connection.send(f"GET {LOG}/follow?from={before} HTTP/1.1\r\nHost: 127.0.0.1:8010\r\n\r\n".encode())
        self.settle()
        self.say(stdout=output)
        self.wait(1)
        events = unchunked(connection.received().partition(b"\r\n\r\n")[2]).decode()
        found = re.findall(r"event: marks\n(?:id: .*\n)?data: (.*)\n", events)
        return [mark for each in found for mark in json.loads(each)]

    def test_dialects(self) -> None:
        """The markers of all three dialects come with their lines."""
        for output, wanted in (
            ("::group::Get <b>\nhay\n::endgroup::\n", [("Get <b>", "GitHub"), (None, "GitHub")]),
            ("--- one\nhay\n+++ two\n", [("one", "Buildkite"), (None, "Buildkite"), ("two", "Buildkite")]),
            (
                "section_start:1:prep\r\x1b[0KPrepare\nhay\nsection_end:3:prep\r\x1b[0K\n",
                [("Prepare", "GitLab prep"), (None, "GitLab prep")],
            ),
        ):
            found = [(each.get("title"), each["of"]) for each in self.marks(output)]
            self.assertEqual(found[found.index(wanted[0]) :], wanted)

    def test_nothing(self) -> None:
        """Usual lines and a diff have no marks."""
        self.assertEqual(self.marks("hay\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n"), [])


class OutlineTests(LogCase):
    """The page of a log leads to what matters."""

    def test_failing(self) -> None:
        """Failing lines are listed with links, those of notes are not; the list grows with the log."""
        self.say(header="error: of the slave\n", stdout="fine\nmain.c:3: error: <no>\n" + "hay\n" * 3000)
        page = self.log()
        self.assertIn("1 failing line<", page.text)
        self.assertRegex(
            page.text, r'<a href="\?line=(\d+)#L\1" data-line="\1">\1</a> main.c:3: error: &lt;no&gt;'
        )
        number = re.findall(r'data-line="(\d+)"', page.text)[0]
        self.assertRegex(self.log(f"?line={number}").text, f'<div id="L{number}" class="bad">')
        self.say(stdout="main.c:4: error: half")
        self.assertIn("1 failing line<", self.log().text)
        self.say(stdout=" and more\nFAILED (failures=1)\n" + "main.c:5: error: x\n" * 20)
        self.end(2)
        page = self.log()
        self.assertIn("23 failing lines<", page.text)
        self.assertIn("13 more</summary>", page.text)

    def test_sections(self) -> None:
        """Sections are folded, but for the last and the failing ones; lines keep their numbers."""
        self.say(stdout="::group::Get\n" + "hay\n" * 9 + "::endgroup::\n")
        self.say(
            stdout="::group::Build\nmain.c:3: error: no\n::endgroup::\n::group::Clean\nhay\n::endgroup::\n"
        )
        self.end(2)
        sections = re.findall(
            r"<details class=\"section\"( open)?><summary>(\w+) <small>(\d+)", self.log().text
        )
        self.assertEqual(sections, [("", "Get", "11"), (" open", "Build", "3"), (" open", "Clean", "3")])

    def test_long(self) -> None:
        """The outline of a long log is found a little at a time; its end is searched at once."""
        self.patch(outlines, "TURN", 0.0)
        self.patch(outlines, "PATIENCE", 0.0)
        self.patch(outlines.Outlines.of, "__defaults__", (0.0, KNOWN))
        self.patch(outlines, "_BLOCKS", 1)
        self.say(stdout="main.c:1: error: first\n" + "x" * 99 + "\n")
        for _ in range(30):
            self.say(stdout=("y" * 99 + "\n") * 1000)
        self.say(stdout="main.c:2: error: last\n")
        self.end(2)
        page = self.log().text
        self.assertRegex(page, r'<p id="searched">\d+ % of the log is searched')
        self.assertIn("error: first", page)
        self.assertIn("error: last", page)
        for _ in range(60):
            self.wait(1)
        page = self.log().text
        self.assertNotIn("of the log is searched", page)
        self.assertIn("2 failing lines<", page)


class PatternTests(LogCase):
    """A step has patterns of its own for failing lines."""

    def start(self) -> Deferred[list[str]]:
        """Start a master with such a step."""
        self.edit("name='compile',", "name='compile', failurePatterns=['^E[0-9]+ '],")
        return LogCase.start(self)

    def test_failing(self) -> None:
        """Such a line is marked and listed with those of the known patterns, also after the build."""
        self.say(stdout="hay\nE12 the disk\nmain.c:1: error: no\n")
        for _ in range(2):
            page = self.log().text
            self.assertIn("2 failing lines<", page)
            self.assertRegex(page, r'<div id="L2" class="bad">.*E12 the disk')
            self.assertIn("E12 the disk", self.log("/lines?format=html&end=1").text)
            self.end(2)

    def test_refused(self) -> None:
        """A pattern that is wrong, or could take for ever, is an error of the configuration."""
        for pattern, why in (("(", "not a valid pattern"), ("(a+)+$", "can take for ever")):
            self.edit("failurePatterns=[", f"failurePatterns=['{pattern}', ")
            answer = self.reconfig()
            self.assertFalse(answer["applied"])
            self.assertIn(why, str(answer))


class RightsTests(LogCase):
    """Logs may have secrets: not everybody may read them."""

    AUTHZ = "viewLogs=False"

    def start(self) -> Deferred[list[str]]:
        """Start a master with rights."""
        self.edit("WebStatus(http_port=8010)", f"WebStatus(http_port=8010, authz=Authz({self.AUTHZ}))")
        self.edit(
            "from buildbot.status import html",
            "from buildbot.status import html\nfrom buildbot.status.web.authz import Authz, Rule",
        )
        return LogCase.start(self)

    def test_refused(self) -> None:
        """A visitor who may not read logs sees none of their pages, and no lines on the page of the build."""
        self.say(stdout="sekrit line\n")
        for below in ("", "?follow=1", "/text", "/lines", "/follow", "/search?q=a", "/html"):
            answer = self.log(below)
            self.assertEqual(answer.status, 403, below)
            self.assertNotIn("sekrit", answer.text)
        self.end(2)
        self.assertNotIn("sekrit", self.ask("/builders/full/builds/0").text)


class BuilderRightsTests(RightsTests):
    """The logs of one builder are open."""

    AUTHZ = "viewLogs=False, rules=[Rule('viewLogs', True, 'full')]"

    def test_refused(self) -> None:
        """A rule for one builder opens its logs to everybody."""
        self.say(stdout="open line\n")
        for below in ("", "/text", "/lines"):
            self.assertIn("open line", self.log(below).text, below)


class BuildPageTests(LogCase):
    """The page of a build shows why it failed."""

    def test_failed(self) -> None:
        """The page of a failed build has the last 20 lines of the failed step's log, as links."""
        self.say(stdout="".join(f"line {number}.\n" for number in range(100)))
        self.assertNotIn("Last lines", self.ask("/builders/full/builds/0").text)
        self.end(2)
        page = self.ask("/builders/full/builds/0").text
        self.assertIn("Last lines of compile", page)
        self.assertRegex(
            page, r'<a href="[./]*builders/[^"]*/logs/stdio\?line=(\d+)#L\1" tabindex="-1">\1</a>line 99\.'
        )
        self.assertNotIn("line 70.", page)

    def test_lost(self) -> None:
        """A build whose logs are deleted still has its page."""
        self.say(stdout="line\n")
        self.end(2)
        for folder, _, files in os.walk(self.basedir):
            for name in files:
                if "-log-" in name:
                    os.unlink(os.path.join(folder, name))
        page = self.ask("/builders/full/builds/0")
        self.assertEqual(page.status, 200)
        self.assertNotIn("Last lines", page.text)


#: Texts that try to become markup.
XSS = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><iframe src=javascript:alert(1)>",
    "</pre></div><style>@import 'alert'</style>",
    "<!-- alert --><![CDATA[<alert>]]>",
    "\x1b[31m<a href=x onclick=alert(1)>\x1b[0m",
    "::group::<script>alert(1)</script>",
    "--- <script>alert(1)</script>",
    "error: <script>alert(1)</script>",
    "data: <script>alert(1)</script>",
    "\r\n\r\nevent: end\r\ndata: alert\r\n\r\n",
)

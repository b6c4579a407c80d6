"""Searching a log finds the lines that plain Python finds, in any pieces, and can be continued."""

from __future__ import annotations

import io
import json
import os
import re
import tempfile
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.interfaces import LOG_CHANNEL_STDOUT
from buildbot.logs import search as searchmodule
from buildbot.logs import searchchild
from buildbot.logs.files import LogLimits, LogWriter
from buildbot.logs.index import LogIndex
from buildbot.logs.matching import LONGEST_QUERY, BadPattern, Hit, Query, Search
from buildbot.logs.reading import LogViews, Place
from buildbot.logs.search import (
    AT_ONCE,
    WAITING,
    Found,
    LogSearches,
    TooManySearches,
    searchFirst,
    searchLiteral,
)
from buildbot.logs.searchchild import Task
from buildbot.logs.view import LogView
from tests.examples import examples

WORDS = (
    "error",
    "Error",
    "er",
    "ror",
    "\n",
    "\n\n",
    "x",
    "\N{LATIN CAPITAL LETTER E WITH ACUTE}",
    " ",
    "E\n",
    "ss",
)
TEXT = st.lists(st.sampled_from(WORDS), max_size=60).map("".join)


def search(text: str, query: Query, size: int, **options: Any) -> list[Hit]:
    """The hits in a text that is fed in pieces of some size."""
    searching = Search(query, **options)
    data = text.encode()
    hits = [hit for at in range(0, len(data), size) for hit in searching.feed(data[at : at + size])]
    return hits + searching.finish()


class MatchingTests(unittest.TestCase):
    @settings(deadline=None, max_examples=examples(50))
    @given(
        TEXT,
        st.sampled_from(
            ["error", "E", "x ", "\N{LATIN SMALL LETTER E WITH ACUTE}", "\N{LATIN SMALL LETTER SHARP S}"]
        ),
        st.booleans(),
        st.integers(1, 50),
    )
    def test_literal(self, text: str, word: str, isFolded: bool, size: int) -> None:
        """A text is found in the lines that have it, with or without capital letters."""
        lines = enumerate(text.split("\n"), 1)
        if isFolded:
            expected = [number for number, line in lines if word.casefold() in line.casefold()]
        else:
            expected = [number for number, line in lines if word in line]
        hits = search(text, Query(word, False, isFolded), size)
        self.assertEqual([hit.line for hit in hits], expected)

    @settings(deadline=None, max_examples=examples(50))
    @given(
        TEXT,
        st.sampled_from(["er+", "^E", "r$", r"\s+x", "[^x]ror", "e.*r", "^$", "x*"]),
        st.booleans(),
        st.integers(1, 50),
    )
    def test_regex(self, text: str, pattern: str, isFolded: bool, size: int) -> None:
        """A regular expression is matched with each line alone."""
        compiled = re.compile(pattern.encode(), re.IGNORECASE if isFolded else 0)
        *whole, rest = text.encode().split(b"\n")
        lines = [*whole, rest] if rest else whole
        expected = [number for number, line in enumerate(lines, 1) if compiled.search(line)]
        hits = search(text, Query(pattern, True, isFolded), size)
        self.assertEqual([hit.line for hit in hits], expected)

    def test_shown(self) -> None:
        """A hit has the line, or the part of a long line around the match."""
        self.assertEqual(search("a\nthe Error\n", Query("error"), 99), [Hit(2, "the Error", 4)])
        (long,) = search("x" * 9000 + "error" + "y" * 9000, Query("error"), 99999)
        self.assertEqual((long.text[long.at : long.at + 5], len(long.text), long.at), ("error", 400, 100))

    def test_withinALine(self) -> None:
        """A match of a regular expression never goes over the end of a line."""
        for pattern, expected in (
            (r"a\s+b", [3]),
            (r"[^x]+", [1, 2, 3]),
            (r"b\s*$", [2, 3]),
            (r"z[^z]*z", []),
        ):
            found = search("a\nb\na b\nz\nz\n" if "z" in pattern else "a\nb\na b\n", Query(pattern, True), 99)
            self.assertEqual([hit.line for hit in found], expected, pattern)

    def test_sharpLetters(self) -> None:
        """The place of a match is right although the folded line is longer."""
        (hit,) = search("one\n\N{LATIN SMALL LETTER SHARP S}\n", Query("\N{LATIN SMALL LETTER SHARP S}"), 99)
        self.assertEqual((hit.line, hit.text), (2, "\N{LATIN SMALL LETTER SHARP S}"))

    def test_most(self) -> None:
        """A search ends at its most hits, and says where to go on."""
        searching = Search(Query("x"), most=3)
        self.assertEqual([hit.line for hit in searching.feed(b"x\n" * 10)], [1, 2, 3])
        self.assertEqual((searching.isFull, searching.line), (True, 4))

    def test_veryLongLine(self) -> None:
        """A line without an end is found once, and needs no more memory than a piece of it."""
        searching = Search(Query("x"))
        hits = [hit for _ in range(5) for hit in searching.feed(b"x" * (1 << 20))]
        self.assertEqual([hit.line for hit in [*hits, *searching.feed(b"\nx\n")]], [1, 2])

    def test_badQueries(self) -> None:
        """A query that is not possible is refused, with the reason."""
        for query in (
            Query(""),
            Query("a\nb"),
            Query("x" * (LONGEST_QUERY + 1)),
            Query("(", True),
            Query("a{9999999999}", True),
        ):
            self.assertRaises(BadPattern, Search, query)


class LiteralTests(unittest.TestCase):
    def setUp(self) -> None:
        self.path = os.path.join(os.path.realpath(tempfile.mkdtemp(dir=".")), "log")
        writer = LogWriter(self.path, Clock(), LogLimits(None))
        for number in range(2000):
            writer.append(LOG_CHANNEL_STDOUT, b"line %d%s\n" % (number, b" error" * (number % 100 == 0)))
            writer.flush()
        writer.finish()
        self.views = LogViews(block=64)

    def view(self) -> LogView:
        return self.views.open(Place(self.path))

    def test_all(self) -> None:
        """All hits are found, and all of the log is searched."""
        found = searchLiteral(self.view(), Query("ERROR"))
        self.assertEqual([hit.line for hit in found.hits], list(range(1, 2001, 100)))
        self.assertEqual((found.next, found.searched, found.isLate), (None, found.total, False))

    def test_continued(self) -> None:
        """A search goes on where the one before ended: because of its hits, or because of its time."""
        times = iter(range(10**6))
        for most, seconds in ((3, 10**6), (1000, 2), (2, 3)):
            lines: list[int] = []
            first: int | None = 1
            rounds = 0
            while first is not None:
                found = searchLiteral(self.view(), Query("error"), first, most, seconds, lambda: next(times))
                lines += [hit.line for hit in found.hits]
                first = found.next
                rounds += 1
            self.assertEqual(lines, list(range(1, 2001, 100)))
            self.assertGreater(rounds, 5)

    def test_withoutIndex(self) -> None:
        """A search of a log without an index finds the same lines, and goes on from where its time ended."""
        found = searchFirst(self.path, LogIndex(), Query("ERROR"))
        self.assertEqual([hit.line for hit in found.hits], list(range(1, 2001, 100)))
        self.assertEqual((found.next, found.searched, found.isLate), (None, found.total, False))
        assert found.view is not None
        self.assertEqual(found.view.lines(1999, 5).lines[-1].text, "line 1999")
        self.patch(searchmodule, "PIECE", 1000)
        times = iter(range(10**6))
        some = searchFirst(self.path, LogIndex(), Query("error"), 1000, 5, lambda: next(times))
        self.assertTrue(some.isLate)
        assert some.next is not None
        rest = searchLiteral(self.view(), Query("error"), some.next)
        lines = [hit.line for hit in (*some.hits, *rest.hits)]
        self.assertEqual(lines, list(range(1, 2001, 100)))
        few = searchFirst(self.path, LogIndex(), Query("error"), 3)
        self.assertEqual((len(few.hits), few.next), (3, 202))

    def test_withoutIndexDamaged(self) -> None:
        """A search of a damaged log without an index finds what stands before the damage."""
        with open(self.path, "r+b") as file:
            file.truncate(20_000)
            file.seek(0, os.SEEK_END)
            file.write(b"x" * 100)
        found = searchFirst(self.path, LogIndex(), Query("error"))
        self.assertEqual([hit.line for hit in found.hits], list(range(1, 1500, 100)))
        self.assertIsNone(found.next)

    def test_child(self) -> None:
        """The program for regular expressions tells its hits, how far it is, and the end."""
        size = os.path.getsize(self.path)
        task = Task(self.path, 0, size, 1, 500, 3, "e.ror", False)
        output = io.StringIO()
        searchchild.search(task, output)
        told = [json.loads(line) for line in output.getvalue().splitlines()]
        self.assertEqual([words[1] for words in told if words[0] == "hit"], [501, 601, 701])
        self.assertEqual(told[-2:], [["at", 702], ["end"]])
        output = io.StringIO()
        searchchild.search(task._replace(text="("), output)
        self.assertEqual(json.loads(output.getvalue())[0], "error")


class SearchesTests(unittest.TestCase):
    def searching(self) -> tuple[list[Deferred[Any]], LogSearches]:
        """The searches of a master, and the Deferreds of the threads that they begin."""
        threads: list[Deferred[Any]] = []

        def inThread(*arguments: Any) -> Deferred[Any]:
            threads.append(Deferred())
            return threads[-1]

        reactor: Any = None
        return threads, LogSearches(reactor, LogViews(inThread))

    def test_atOnce(self) -> None:
        """Two searches run at once, some wait, and more are refused."""
        threads, searches = self.searching()

        def start() -> Deferred[Any]:
            return Deferred.fromCoroutine(searches.search(Place("gone"), Query("x")))

        running = [start() for _ in range(AT_ONCE + WAITING)]
        self.assertEqual(len(threads), AT_ONCE)
        self.failureResultOf(start(), TooManySearches)
        threads[0].errback(FileNotFoundError())
        self.failureResultOf(running[0], FileNotFoundError)
        self.assertEqual(len(threads), AT_ONCE + 1)
        found = Found((), 0, 0, None)
        while any(not thread.called for thread in threads):
            next(thread for thread in threads if not thread.called).callback(found)
        self.assertIs(self.successResultOf(running[-1]), found)

    def test_givenUp(self) -> None:
        """If people give up searches and begin them again, at most two threads work."""
        threads, searches = self.searching()
        for _ in range(2 * AT_ONCE):
            each = Deferred.fromCoroutine(searches.search(Place("gone"), Query("x")))
            each.cancel()
            self.failureResultOf(each, CancelledError)
        self.assertEqual(len(threads), AT_ONCE)

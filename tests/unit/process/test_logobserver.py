"""A step's observers of its growing log."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.interfaces import LOG_CHANNEL_HEADER, LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.process.logobserver import LONGEST_LINE, LogLineObserver, LogObserver


class Lines(LogLineObserver):
    """I remember the lines of each channel."""

    def __init__(self) -> None:
        super().__init__()
        self.out: list[str] = []
        self.err: list[str] = []

    def outLineReceived(self, line: str) -> None:
        """Remember a line of standard output."""
        self.out.append(line)

    def errLineReceived(self, line: str) -> None:
        """Remember a line of standard error."""
        self.err.append(line)


class LogObserverTests(unittest.TestCase):
    """An observer gets standard output and error, as text."""

    def test_channels(self) -> None:
        """Standard output, standard error and headers are distinguished."""
        seen = []
        observer = LogObserver()
        observer.outReceived = lambda data: seen.append(("out", data))  # type: ignore[method-assign]
        observer.errReceived = lambda data: seen.append(("err", data))  # type: ignore[method-assign]
        observer.headerReceived = lambda data: seen.append(("header", data))  # type: ignore[method-assign]
        for channel, text in (
            (LOG_CHANNEL_STDOUT, "a"),
            (LOG_CHANNEL_HEADER, "x"),
            (LOG_CHANNEL_STDERR, "b"),
        ):
            observer.logChunk(None, None, None, channel, text)
        self.assertEqual(seen, [("out", "a"), ("header", "x"), ("err", "b")])


class LogLineObserverTests(unittest.TestCase):
    """An observer of lines gets whole lines, as text."""

    def seen(self, *chunks: str, finished: bool = False) -> list[str]:
        """The lines of standard output in these chunks."""
        observer = Lines()
        for chunk in chunks:
            observer.outReceived(chunk)
        if finished:
            observer.logFinished()
        self.assertEqual(observer.err, [])
        return observer.out

    def test_pieces(self) -> None:
        """A line is passed on at its end, for any split of the data; it may be empty."""
        self.assertEqual(self.seen("on", "", "e\n\ntw", "o\nthr"), ["one", "", "two"])

    def test_lineEnds(self) -> None:
        """Windows line ends are removed too, even if they are split."""
        self.assertEqual(self.seen("one\r\ntwo\r", "\nth\rree\n"), ["one", "two", "th\rree"])

    def test_lastLine(self) -> None:
        """The end of the log ends the last line; an empty rest gives no line."""
        self.assertEqual(self.seen("one\ntwo", finished=True), ["one", "two"])
        self.assertEqual(self.seen("one\n", finished=True), ["one"])

    def test_endless(self) -> None:
        """A line without an end is passed on in pieces, so that it never fills the memory (G2)."""
        part = "x" * 1000
        lines = self.seen(*[part] * 100, "\nshort\n")
        self.assertEqual("".join(lines), "x" * 100_000 + "short")
        self.assertLessEqual(max(map(len, lines)), LONGEST_LINE + 1000)
        self.assertEqual(lines[-1], "short")

    def test_errors(self) -> None:
        """Errors between the parts of an output line are separate lines."""
        observer = Lines()
        observer.outReceived("on")
        observer.errReceived("oh\n")
        observer.outReceived("e\n")
        self.assertEqual((observer.out, observer.err), (["one"], ["oh"]))

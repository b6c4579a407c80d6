"""The bot keeps to the pace of the server."""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial import unittest

from buildbot.irc.flood import BURST, EVERY, MOST, MOST_EACH, Lines


class FloodTests(unittest.SynchronousTestCase):
    """The queue of lines."""

    def setUp(self) -> None:
        self.clock = Clock()
        self.sent: list[str] = []
        self.lines = Lines(self.clock, self.sent.append, lambda to, count: f"{to} misses {count}")

    def test_pace(self) -> None:
        """Some lines go out at once, the others one by one."""
        for number in range(BURST + 3):
            self.lines.add(f"line {number}", "#dev")
        self.assertEqual(len(self.sent), BURST)
        self.clock.advance(EVERY)
        self.assertEqual(len(self.sent), BURST + 1)
        self.clock.pump([EVERY] * 2)
        self.assertEqual(self.sent, [f"line {number}" for number in range(BURST + 3)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_rest(self) -> None:
        """After a quiet time several lines go out at once again, but no more than before."""
        self.lines.add("first")
        self.clock.advance(1000)
        for number in range(20):
            self.lines.add(f"line {number}", "#dev")
        self.assertEqual(len(self.sent), 1 + BURST)

    def test_tooMany(self) -> None:
        """Of too many lines for a channel the last are left out, and the channel is told how many."""
        for number in range(BURST + MOST_EACH + 7):
            self.lines.add(f"line {number}", "#dev")
        self.lines.add("other", "#ops")  # another channel has a place of its own
        self.clock.pump([EVERY] * (MOST_EACH + 5))
        self.assertEqual(self.sent[-3:], [f"line {BURST + MOST_EACH - 1}", "other", "#dev misses 7"])
        self.clock.pump([EVERY] * 10)
        self.assertEqual(self.sent[-1], "#dev misses 7")

    def test_bounded(self) -> None:
        """Lines for very many people do not fill the memory."""
        for number in range(10 * MOST):
            self.lines.add("x", f"nick{number}")
        self.assertEqual(len(self.lines), MOST)
        self.clock.pump([EVERY] * MOST)
        self.sent.clear()
        for number in range(10 * MOST):  # who misses lines is told so, if it is not forgotten
            self.lines.add("y", f"nick{number}")
            self.clock.pump([EVERY] * 2)
        self.assertEqual(len([each for each in self.sent if "misses" in each]), MOST)

    def test_server(self) -> None:
        """No line for the server itself is left out while there is room."""
        for number in range(2 * MOST_EACH):
            self.lines.add(f"JOIN #{number}")
        self.clock.pump([EVERY] * (2 * MOST_EACH))
        self.assertEqual(len(self.sent), 2 * MOST_EACH)

    def test_urgent(self) -> None:
        """The answer to a ping does not wait, and counts."""
        for _ in range(BURST):
            self.lines.add("x", "#dev")
        self.lines.urgent("PONG")
        self.lines.add("y", "#dev")
        self.assertEqual(self.sent[-1], "PONG")
        self.clock.advance(EVERY)
        self.assertEqual(self.sent[-1], "PONG")
        self.clock.advance(EVERY)
        self.assertEqual(self.sent[-1], "y")

    def test_clear(self) -> None:
        """When the connection is gone, no line waits for the next one."""
        for _ in range(BURST + 3):
            self.lines.add("x", "#dev")
        self.lines.clear()
        self.assertEqual((len(self.lines), self.clock.getDelayedCalls()), (0, []))

# -*- test-case-name: tests.unit.readers.test_sealing -*-
"""The seals of messages between a master and its pages."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.readers import sealing
from buildbot.readers.sealing import WINDOW, Seals, WrongSeal, isSame, sealOf, sealOfAnswer

SECRET, OTHER = "ab" * 32, "cd" * 32
ANN, BOB = "a" * 32, "b" * 32


class SealsTests(unittest.SynchronousTestCase):
    """A master checks what comes to its web port."""

    def setUp(self) -> None:
        self.seals = Seals(SECRET)

    def refused(self, text: str, message: bytes) -> str:
        """Why a message is not taken."""
        with self.assertRaises(WrongSeal) as caught:
            self.seals.check(text, message)
        return str(caught.exception)

    def test_good(self) -> None:
        """A message with a right seal is taken, once."""
        seal = sealOf(SECRET, ANN, 1, b"force")
        self.assertEqual(self.seals.check(str(seal), b"force"), seal)
        self.assertIn("come before", self.refused(str(seal), b"force"))

    def test_wrong(self) -> None:
        """Nobody can change a message, its number or its sender, or guess a seal."""
        good = str(sealOf(SECRET, ANN, 7, b"force"))
        self.assertIn("wrong", self.refused(good, b"forge"))
        self.assertIn("wrong", self.refused(good.replace("-7-", "-8-"), b"force"))
        self.assertIn("wrong", self.refused(good.replace(ANN, BOB), b"force"))
        self.assertIn("wrong", self.refused(str(sealOf(OTHER, ANN, 7, b"force")), b"force"))
        for text in (
            "",
            "x",
            good.upper(),
            good + "0",
            good + "\n",
            good[1:],
            f"{ANN}-{'9' * 20}-{'0' * 64}",
        ):
            self.assertIn("no seal", self.refused(text, b"force"), text)
        self.seals.check(good, b"force")

    def test_order(self) -> None:
        """Messages may overtake each other, but none comes a second time, however late."""
        numbers = [5, 3, 1, WINDOW + 2, 4, 3 * WINDOW, 2 * WINDOW + 1]
        for number in numbers:
            self.seals.check(str(sealOf(SECRET, ANN, number, b"x")), b"x")
        for number in [*numbers, 2]:
            self.assertIn("come before", self.refused(str(sealOf(SECRET, ANN, number, b"x")), b"x"))
        self.seals.check(str(sealOf(SECRET, BOB, 1, b"x")), b"x")

    def test_memory(self) -> None:
        """What is remembered of a sender has a bound."""
        for number in range(1, 4 * WINDOW):
            self.seals.check(str(sealOf(SECRET, ANN, number, b"x")), b"x")
        self.assertLessEqual(len(self.seals), 2 * WINDOW + 1)

    def test_senders(self) -> None:
        """So has the number of senders: after that, new ones are refused, and none is forgotten."""
        self.patch(sealing, "SENDERS", 1)
        self.seals.check(str(sealOf(SECRET, ANN, 1, b"x")), b"x")
        self.assertIn("too many", self.refused(str(sealOf(SECRET, BOB, 1, b"x")), b"x"))
        self.seals.check(str(sealOf(SECRET, ANN, 2, b"x")), b"x")

    def test_answer(self) -> None:
        """An answer belongs to one question."""
        one, two = sealOf(SECRET, ANN, 1, b"x"), sealOf(SECRET, ANN, 2, b"x")
        self.assertTrue(isSame(sealOfAnswer(SECRET, one, b"y"), sealOfAnswer(SECRET, one, b"y")))
        for other in (sealOfAnswer(SECRET, two, b"y"), sealOfAnswer(OTHER, one, b"y"), "", "\ud800"):
            self.assertFalse(isSame(sealOfAnswer(SECRET, one, b"y"), other))

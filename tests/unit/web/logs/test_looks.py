"""Tests of buildbot.web.logs.looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.web.logs.looks import BOLD, PLAIN, Looks, after, classes, nearest, rgb, rules, unpacked


class LooksTests(unittest.TestCase):
    """SGR parameters become colours and classes."""

    def test_sixteenColours(self) -> None:
        """The sixteen colours have their own classes, in front and behind."""
        for code in [*range(30, 38), *range(40, 48), *range(90, 98), *range(100, 108)]:
            self.assertEqual(classes(after(PLAIN, str(code))), f"a{code}")

    def test_palette(self) -> None:
        """The first sixteen colours of the palette are the named ones; the others have numbers."""
        self.assertEqual(classes(after(PLAIN, "38;5;1")), "a31")
        self.assertEqual(classes(after(PLAIN, "48;5;15")), "a107")
        self.assertEqual(classes(after(PLAIN, "38;5;208;48;5;16")), "f208 g16")

    def test_trueColours(self) -> None:
        """A true colour becomes the nearest one of the palette, in each of the three spellings."""
        for spelling in ("38;2;255;135;1", "38:2:255:135:1", "38:2::255:135:1"):
            self.assertEqual(classes(after(PLAIN, spelling)), "f208")

    def test_everyColourIsNearestToItself(self) -> None:
        """A true colour of the palette is shown exactly."""
        for number in range(16, 256):
            self.assertEqual(rgb(nearest(*rgb(number))), rgb(number))

    def test_inverse(self) -> None:
        """Inverse text exchanges its colours; the colour that it leaves open is the page's."""
        self.assertEqual(classes(after(PLAIN, "7;31")), "v a41")
        self.assertEqual(classes(after(PLAIN, "31;42;7")), "v a32 a41")
        self.assertEqual(after(after(PLAIN, "31;7"), "27"), after(PLAIN, "31"))

    def test_colourOfUnderlines(self) -> None:
        """The parameters of an underline's colour are not mistaken for other ones."""
        self.assertEqual(classes(after(PLAIN, "4;58;5;1;1")), "b u")
        self.assertEqual(after(PLAIN, "4:0"), PLAIN)

    def test_wrongParameters(self) -> None:
        """Incomplete, unknown and too large parameters change nothing."""
        for wrong in (
            "38",
            "38;5",
            "38;5;256",
            "38;2;1;2",
            "38;7",
            "48:2:1",
            "999",
            "?25",
            ">4;1",
            "6",
            "5 ",
        ):
            self.assertEqual(after(Looks(3, 4, BOLD), wrong), Looks(3, 4, BOLD), wrong)

    def test_rules(self) -> None:
        """The style sheet has a rule for each numbered colour."""
        self.assertIn(".f208{color:#ff8700}.g208{background-color:#ff8700}\n", rules())
        self.assertEqual(rules().count("{"), 480)

    @given(st.integers(-1, 255), st.integers(-1, 255), st.integers(0, 63))
    def test_packed(self, front: int, back: int, flags: int) -> None:
        """Looks are the same after they were a number of an index."""
        looks = Looks(front, back, flags)
        self.assertEqual(unpacked(looks.packed()), looks)
        self.assertLess(looks.packed(), 2**24)

    def test_wrongNumber(self) -> None:
        """A number of a damaged index is refused."""
        self.assertRaises(ValueError, unpacked, 400 << 6)
        self.assertRaises(ValueError, unpacked, -1)

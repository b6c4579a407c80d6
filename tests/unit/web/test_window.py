"""Tests of buildbot.web.window."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.web.window import Window


def asked(first: float | None = None, last: float | None = None, span: float | None = None) -> Window:
    """The window that an address asks for at the time 1000."""
    return Window.of({"first_time": first, "last_time": last, "show_time": span}, 1000.0)


class WindowTests(unittest.SynchronousTestCase):
    """The time of a waterfall."""

    def test_span(self) -> None:
        """A span wins over the first time; it ends at the last time, or now."""
        self.assertEqual(asked(5, None, 100), Window(900.0, None, 100))
        self.assertEqual(asked(5, 500, 100), Window(400.0, 500, 100))

    def test_touches(self) -> None:
        """A build that overlaps the window is shown."""
        window = asked(200, 300)
        for start, end, isIn in ((100, 199, False), (100, 200, True), (300, 400, True), (301, 400, False)):
            self.assertEqual(window.touches(start, end), isIn)
        self.assertTrue(asked().touches(1, 2))

    def test_older(self) -> None:
        """The time before ends where this one begins, and has the same length if there is one."""
        self.assertIsNone(asked().older(None))
        self.assertEqual(asked().older(600), Window(None, 600))
        self.assertEqual(asked(None, 900).older(600), Window(None, 600))
        self.assertEqual(asked(500, 900).older(600), Window(100, 500))
        self.assertEqual(asked(500).older(600), Window(None, 500))
        self.assertEqual(asked(None, 900, 100).older(850), Window(None, 800, 100))

    def test_newer(self) -> None:
        """The time after begins where this one ends; the last one reaches to the present and stays live."""
        self.assertIsNone(asked(5).newer(600, 1000))
        self.assertEqual(asked(None, 500).newer(300, 1000), Window(None, 700))
        self.assertEqual(asked(100, 300).newer(None, 1000), Window(300, 500))
        self.assertEqual(asked(None, 500, 100).newer(None, 1000), Window(None, 600, 100))
        self.assertEqual(asked(None, 950, 100).newer(None, 1000), Window(None, None, 100))
        self.assertEqual(asked(None, 900).newer(None, 1000), Window())

    def test_query(self) -> None:
        """The other parameters of the address are kept."""
        given = {"branch": ["a&b"], "builder": ["x", "y"], "last_time": ["7"]}
        self.assertEqual(
            Window(None, 600.5, 100).query(given),
            "branch=a%26b&builder=x&builder=y&last_time=600&show_time=100",
        )

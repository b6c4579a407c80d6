"""Finding the lines of a master.cfg by reading it."""

from __future__ import annotations

from twisted.trial import unittest

from buildbot.config.locations import Locations


class LocationsTests(unittest.TestCase):
    """The line where a thing is defined."""

    def test_keys(self) -> None:
        """The line of a key is its last assignment."""
        found = Locations("c = {}\nc['bots'] = []\n\nc['bots'] = [\n]\n")
        self.assertEqual((found.line("bots"), found.line("builders")), (4, None))

    def test_literalDictionary(self) -> None:
        """A configuration may be a literal dictionary, or a call of dict."""
        for text in (
            "BuildmasterConfig = {\n'bots': [\n('b1', 'x')]}",
            "BuildmasterConfig = dict(\nbots=[\n('b1', 'x')])",
        ):
            found = Locations(text)
            self.assertEqual((found.line("bots"), found.line("bots", 0, "b1")), (2, 3))

    def test_itemsByPosition(self) -> None:
        """An item of a literal list has its own line, also if another item has its name."""
        found = Locations("c['bots'] = [\n('b1', 'x'),\n('b1', 'y'),\nNone]\n")
        self.assertEqual([found.line("bots", i, n) for i, n in enumerate(["b1", "b1", None])], [2, 3, 4])

    def test_throughVariable(self) -> None:
        """The list may be in a variable first."""
        found = Locations("many = [\n1,\n2]\nc['status'] = many\n")
        self.assertEqual(found.line("status", 1), 3)

    def test_itemsByName(self) -> None:
        """An item that is added elsewhere is found by its name, a repeated one where it is repeated."""
        text = (
            "c['builders'] = []\nc['builders'].append({'name': 'a'})\nc['builders'].append(dict(name='a'))\n"
        )
        found = Locations(text)
        self.assertEqual(found.line("builders", 1, "a"), 3)

    def test_notWritten(self) -> None:
        """An item made in a loop has the line of its key."""
        found = Locations("x = 1\nc['bots'] = [('b%d' % i, 'pw') for i in range(9)]\nc['status'] = [*x, 1]\n")
        self.assertEqual([found.line("bots", 3, "b3"), found.line("status", 1)], [2, 3])

    def test_wrongPosition(self) -> None:
        """An item is found even if others were inserted before it."""
        text = "c['bots'] = [\n('b1', 'x'),\n('b2', 'y')]\nc['bots'].insert(0, ('b0', 'z'))\n"
        self.assertEqual([Locations(text).line("bots", i, f"b{i}") for i in range(3)], [4, 2, 3])

    def test_added(self) -> None:
        """F8: an item has the line that adds it, however it is added."""
        text = (
            "bots = [('a', 'x')]\nbots.append(('b',\n'x'))\nbots += [('c', 'x'),\n('d', 'x')]\n"
            "c['bots'] = bots\nc['bots'].extend([\n('e', 'x')])\nbots.append(7)\n"
        )
        found = Locations(text)
        wanted = [1, 2, 4, 5, 8, 9]
        for index, (name, line) in enumerate(zip(["a", "b", "c", "d", "e", None], wanted, strict=True)):
            self.assertEqual(found.line("bots", index, name, 6), line)
            self.assertEqual(found.line("bots", index, None, 6), line)

    def test_inALoop(self) -> None:
        """F8: items added in a loop have the line that adds them; items before and after have their own."""
        text = (
            "c['builders'] = [\n{'name': 'first'}]\nfor n in range(3):\n    c['builders'].append(\n"
            "        dict(name='b%d' % n))\nc['builders'].append({'name': 'last'})\n"
        )
        found = Locations(text)
        self.assertEqual([found.line("builders", n, None, 5) for n in range(5)], [2, 5, 5, 5, 6])

    def test_variables(self) -> None:
        """F8: an item in a variable has the line of the variable's assignment."""
        text = "b = {\n'name': 'x'}\nc['builders'] = []\nc['builders'].append(b)\n"
        self.assertEqual(Locations(text).line("builders", 0, "x", 1), 1)

    def test_calls(self) -> None:
        """F8: a scheduler of any class is found by its name, as first argument or by keyword."""
        text = "c['schedulers'] = [*make(), Own('x', 1),\nOther(name='y')]\n"
        found = Locations(text)
        self.assertEqual([found.line("schedulers", n, None, 4) for n in (1, 2, 3)], [1, 1, 2])
        self.assertEqual(found.line("schedulers", 9, "y"), 2)

    def test_unreadable(self) -> None:
        """A text that is not valid Python has no lines."""
        self.assertEqual([Locations("((").line("bots"), Locations("\0").line("bots", 1, "x")], [None, None])

"""The tree-stable timer."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial import unittest

from buildbot.model.change import Change
from buildbot.schedulers.treestable import TreeStable
from tests.examples import examples


def change(when: float, who: str = "ann") -> Change:
    """Make a change with a time."""
    return Change(who, ["a.c"], "", when=when)


class TreeStableTests(unittest.TestCase):
    """The time at which changes are built."""

    empty = TreeStable(60.0)

    def test_nothing(self) -> None:
        """Without a change nothing is due."""
        self.assertEqual((self.empty.due(100), self.empty.changes), (None, ()))

    def test_quiet(self) -> None:
        """A change is due when the tree has been quiet for C{stableFor} seconds after it."""
        self.assertEqual(self.empty.add(change(100), 110).due(110), 170)

    def test_again(self) -> None:
        """Each further change restarts the wait; an older one that comes late does not shorten it."""
        tree = self.empty.add(change(100), 100).add(change(130), 130)
        self.assertEqual(tree.due(130), 190)
        self.assertEqual(tree.add(change(90), 120).due(131), 190)

    def test_unimportant(self) -> None:
        """An unimportant change waits for an important one, does not delay it, and is built along with it."""
        docs, code, more = change(100, "docs"), change(110, "code"), change(120, "docs")
        tree = self.empty.add(docs, 100, important=False)
        self.assertIs(tree.due(100), None)
        tree = tree.add(code, 110).add(more, 120, important=False)
        self.assertEqual(tree.due(120), 170)
        self.assertEqual(tree.changes, (docs, code, more))

    def test_without(self) -> None:
        """The oldest changes can be dropped, even all; the due time stays."""
        tree = self.empty.add(change(100, "a"), 100).add(change(110, "b"), 110).add(change(120, "c"), 120)
        self.assertEqual([each.who for each in tree.without(2).changes], ["c"])
        self.assertEqual((tree.without(7).changes, tree.without(2).due(120)), ((), 180))

    def test_late(self) -> None:
        """A build that is overdue, as after a restart, is due now."""
        self.assertEqual(self.empty.add(change(100), 100).due(500), 500)
        self.assertEqual(TreeStable(0).add(change(100), 100).due(100), 100)

    def test_wrongClock(self) -> None:
        """Row 12, F4: a committer's clock, years ahead or an hour behind, does not matter."""
        for made in (100 + 10 * 365 * 86400.0, 100 - 3600.0):
            self.assertEqual(self.empty.add(change(made), 100).due(100), 160)

    def test_reconfigured(self) -> None:
        """R2: another C{stableFor} applies to waiting changes."""
        tree = self.empty.add(change(100), 100)
        self.assertEqual(replace(tree, stableFor=10).due(100), 110)

    @given(
        st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 100), st.booleans()), max_size=8),
        st.floats(0, 500),
    )
    @settings(max_examples=examples(50), deadline=None, derandomize=True, database=None)
    def test_anyChanges(self, coming: list[tuple[float, float, bool]], stableFor: float) -> None:
        """P2: no change is lost, also across a restart, and each important one is due in time."""
        tree, now = TreeStable(stableFor), 0.0
        for made, later, important in coming:
            now += later
            tree = tree.add(change(made), now, important)
            due = tree.due(now)
            if due is not None:
                self.assertTrue(now <= due <= now + stableFor)
            self.assertTrue(due is not None or not important)
            tree = TreeStable.fromRecord(stableFor, json.loads(json.dumps(tree.toRecord())))
            self.assertEqual(tree.due(now), due)
        self.assertEqual([each.when for each in tree.changes], [made for made, _, _ in coming])
        self.assertEqual(tree.due(now) is None, not any(important for _, _, important in coming))

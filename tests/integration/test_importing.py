"""Real masters of 0.7.12 and 0.8.14, with real slaves, are imported, and everything is compared."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.commandline import command
from tests.integration.generations import OLD_SLAVE, SLAVE, Generation, missing
from tests.integration.oldmasters import build
from tests.oldhistory import changes, counters, imported

_BUILDS = 50


class ImportingTests(SynchronousTestCase):
    """One old master each."""

    def setUp(self) -> None:
        reason = missing()
        if reason is not None:
            raise SkipTest(reason)

    def same(self, generation: Generation) -> None:
        where, here = Path(self.mktemp()), self.mktemp()
        where.mkdir()
        told = build(generation, where.absolute(), _BUILDS)
        self.assertEqual(command("create-master", "--quiet", here).status, 0)
        for times in range(2):
            said = command("import", str(where / "master"), here)
            self.assertEqual((said.status, said.err), (0, ""), said.out)
            self.assertIn(f"{_BUILDS if not times else 0} builds", said.out)
        self.assertEqual(len(told), _BUILDS)
        for each in told:
            self.assertEqual(imported(each, here), each)
        known = {change["number"]: change for each in told for change in each["changes"]}
        self.assertEqual(changes(here), [known[number] for number in sorted(known)])
        following = {f"build {each['builder']}": _BUILDS // 2 for each in told}
        self.assertEqual(counters(here), {**following, "change": len(known) + 1})
        files = [path for path in Path(here, "logs").rglob("*") if path.is_file()]
        self.assertEqual(len(files), sum(len(step["logs"]) for each in told for step in each["steps"]))

    def test_07(self) -> None:
        """0.7.12."""
        self.same(OLD_SLAVE)

    def test_08(self) -> None:
        """0.8.14."""
        self.same(SLAVE)

"""Real masters of 0.7.12 and 0.8.14, with real slaves, are imported, and everything is compared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from twisted.trial.unittest import SkipTest, SynchronousTestCase

from tests.commandline import command, withoutWaits
from tests.integration.generations import OLD_SLAVE, SLAVE, Generation, missing
from tests.integration.oldmasters import build
from tests.oldhistory import changes, counters, imported

_BUILDS = 50
_CONFIG = """
from buildbot.process.factory import BuildFactory
c = BuildmasterConfig = {}
c['bots'] = [('bot', 'pw')]
c['slavePortnum'] = 'tcp:0:interface=127.0.0.1'
c['builders'] = [{'name': 'full', 'slavename': 'bot', 'builddir': 'full', 'factory': BuildFactory()}]
"""


class ImportingTests(SynchronousTestCase):
    """One old master each."""

    def setUp(self) -> None:
        reason = missing()
        if reason is not None:
            raise SkipTest(reason)

    def serves(self, here: str) -> None:
        """A master that has the history shows it."""
        Path(here, "master.cfg").write_text(_CONFIG)
        words = [sys.executable, "-m", "buildbot"]
        subprocess.run([*words, "start", "--quiet", here], check=True)
        try:
            listed = subprocess.check_output([*words, "builds", "--json", here, "full"], text=True)
            log = subprocess.check_output([*words, "log", here, "full/0/compile/stdio"], text=True)
        finally:
            subprocess.run([*words, "stop", "--quiet", here], check=True)
        self.assertIn('"number": 24', listed)
        self.assertEqual(sorted(log.split()), ["café", "err", "out"])

    def same(self, generation: Generation) -> str:
        """Compare everything. Returns the directory of the new master."""
        where = Path(self.mktemp())
        here: str = self.mktemp()
        where.mkdir()
        told = build(generation, where.absolute(), _BUILDS)
        self.assertEqual(command("create-master", "--quiet", here).status, 0)
        for times in range(2):
            said = command("import", str(where / "master"), here)
            self.assertEqual((said.status, withoutWaits(said.err)), (0, ""), said.out)
            self.assertIn(f"{_BUILDS if not times else 0} builds", said.out)
        self.assertEqual(len(told), _BUILDS)
        for each in told:
            self.assertEqual(imported(each, here), each)
        known = {change["number"]: change for each in told for change in each["changes"]}
        self.assertEqual(changes(here), [known[number] for number in sorted(known)])
        following = {f"build {each['builder']}": _BUILDS // 2 for each in told}
        found = counters(here)
        if generation is SLAVE:  # each build has a request, in a set with that of the other builder
            self.assertEqual((found.pop("buildset"), found.pop("request")), (_BUILDS // 2 + 1, _BUILDS + 1))
        self.assertEqual(found, {**following, "change": len(known) + 1})
        files = [path for path in Path(here, "logs").rglob("*") if path.is_file()]
        self.assertEqual(len(files), sum(len(step["logs"]) for each in told for step in each["steps"]))
        return here

    def test_07(self) -> None:
        """0.7.12."""
        self.serves(self.same(OLD_SLAVE))

    def test_08(self) -> None:
        """0.8.14."""
        self.same(SLAVE)

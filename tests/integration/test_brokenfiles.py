"""Broken configuration files, each in a child process."""

from __future__ import annotations

from pathlib import Path

from twisted.trial import unittest

from buildbot.config.load import load
from buildbot.config.model import ConfigErrors
from buildbot.reconfig.childload import checkInChild
from tests.brokenconfigs import BROKEN

#: The time limit of a file in seconds; far more than it needs, on any machine.
PLENTY = 60.0


class CorpusTests(unittest.TestCase):
    """Sixty broken files."""

    def test_corpus(self) -> None:
        """Each gives the same errors in a child process as in the master's own load (R12)."""
        here = Path(self.mktemp()).resolve()
        here.mkdir()
        for name, broken in BROKEN.items():
            (here / "master.cfg").write_text(broken.text, encoding="utf-8")
            with self.assertRaises(ConfigErrors) as caught:
                load(broken.text, "master.cfg", str(here))
            report = checkInChild("master.cfg", str(here), PLENTY)
            self.assertEqual((report.ok, report.errors), (False, caught.exception.errors), name)

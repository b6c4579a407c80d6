"""All names that this release lacks are told at once, each in one sentence."""

from __future__ import annotations

import importlib
import os
import re

from twisted.trial import unittest

from buildbot.config import error
from buildbot.config.absent import SENTENCES, sentenceOf
from buildbot.config.load import load
from buildbot.config.model import ConfigErrors

FILE = """\
from buildbot.changes import freshcvs; from buildbot import db
from buildbot.status.web.waterfall import Waterfall
from buildbot.steps.shell import ShelCommand, ShellCommand
from buildbot.libvirtbuildslave import LibVirtSlave
import buildbot.status.nothing
from buildbot.plugins import util, steps
from buildbot.process.factory import BuildFactory
c = BuildmasterConfig = {}
class Own(freshcvs.FreshCVSSource):
    def setup(self): pass
f = BuildFactory()
f.addStep(ShelCommand(command=['make']))
f.addStep(ShelCommand, command=['make'])
f.addStep(ShellCommand(command=['x', db.name], description=db.Connector('x')))
c['slaves'] = [('bot1', 'p'), LibVirtSlave('vm', 'p', 'con')]
c['slavePortnum'] = 9989
c['builders'] = [{'name': 'full', 'slavename': 'bot1', 'factory': f}]
c['status'] = [Own(http_port=8010, site=Waterfall()), db.Connector(host='h')]
c['schedulers'] = [util.NoScheduler(name='x')]
c['projectName'] = 7
"""


class AbsentTests(unittest.SynchronousTestCase):
    """Imports that fail."""

    def told(self, text: str) -> list[str]:
        """The errors of a file."""
        basedir = os.path.abspath(self.mktemp())
        os.mkdir(basedir)
        with open(os.path.join(basedir, "master.cfg"), "w", encoding="utf-8") as file:
            file.write(text)
        try:
            load(text, "master.cfg", basedir)
        except ConfigErrors as errors:
            return [str(each) for each in errors.errors]
        return []

    def test_allAtOnce(self) -> None:
        """Each missing name is told once with its line, and other errors with them."""
        told = self.told(FILE)
        starts = [each.partition(" is not in this release")[0] for each in told]
        self.assertEqual(
            starts,
            [
                "master.cfg:1: buildbot.changes.freshcvs",
                "master.cfg:1: buildbot.db",
                "master.cfg:2: buildbot.status.web.waterfall.Waterfall",
                "master.cfg:3: buildbot.steps.shell.ShelCommand",
                "master.cfg:4: buildbot.libvirtbuildslave.LibVirtSlave",
                "master.cfg:5: buildbot.status.nothing",
                "master.cfg:19: buildbot.plugins.util.NoScheduler",
                "master.cfg:20: c['projectName'] must be text, not an int",
            ],
        )
        self.assertIn("did you mean 'ShellCommand'?", told[3])
        self.assertIn("let it send mails to an FCMaildirSource", told[0])
        self.assertIn("it is left out for good", told[1])
        self.assertIn("write a CommandLatentBuildSlave", told[4])

    def test_misspeltModule(self) -> None:
        """The name of a module with a wrong letter is told with the right one; others keep their sentence."""
        (told, *_) = self.told("from buildbot.steps.shel import ShellCommand\n")
        self.assertEqual(
            told,
            "master.cfg:1: buildbot.steps.shel.ShellCommand is not in this release;"
            " did you mean 'buildbot.steps.shell'?",
        )
        (told, *_) = self.told("from buildbot.steps import transfr\n")
        self.assertIn(
            "buildbot.steps.transfr is not in this release; did you mean 'buildbot.steps.transfer'?", told
        )
        (told, *_) = self.told("from buildbot.changes.p4poller import P4Source\n")
        self.assertNotIn("did you mean", told)

    def test_notMisspelt(self) -> None:
        """A name of an old release keeps its sentence, although another name is like it."""
        importlib.import_module("buildbot.changes.freshcvsmail")
        (told, *_) = self.told("from buildbot.changes import freshcvs\n")
        self.assertIn("let it send mails to an FCMaildirSource", told)

    def test_guarded(self) -> None:
        """A file that catches a failed import itself is not in error."""
        text = FILE[FILE.index("c = Build") : FILE.index("class Own")] + (
            "try:\n    from buildbot.nothing import X\nexcept ImportError:\n    c['builders'] = []\n"
            "c['slaves'] = []\nc['slavePortnum'] = 9989\n"
        )
        self.assertEqual(self.told(text), [])

    def test_later(self) -> None:
        """An exception that a stand-in causes is not told; without one, it is."""
        self.assertEqual(len(self.told("from buildbot.changes import freshcvs as q\nq.x + 1\n")), 1)
        self.assertIn("ZeroDivisionError", self.told("1 / 0\n")[0])

    def test_sentences(self) -> None:
        """The longest known beginning of a name counts."""
        self.assertIn("left out for good", str(sentenceOf("buildbot.db.base.DBConnectorComponent")))
        self.assertIn("ShellCommand", str(sentenceOf("buildbot.steps.subunit.SubunitShellCommand")))
        self.assertIn("mysql-test-run", str(sentenceOf("buildbot.steps.mtrlogobserver.MTR")))
        self.assertIn("write steps.Git", str(sentenceOf("buildbot.plugins.steps.GitLab")))
        evaluator = "buildbot.process.buildstep.regex_log_evaluator"
        self.assertIn("evaluateCommand", str(sentenceOf(evaluator)))
        self.assertIn("ShellCommand", str(sentenceOf("buildbot.process.buildstep.ShellMixin")))
        self.assertIsNone(sentenceOf("buildbot.nonsense"))

    def test_reporters(self) -> None:
        """A reporter of 0.9 is told with the class that does the same, and that class can be imported."""
        for name, sentence in SENTENCES.items():
            said = re.fullmatch(r"write (\w+) of (buildbot\.status\.\w+) into c\['status'\]", sentence)
            if said:
                self.assertTrue(hasattr(importlib.import_module(said[2]), said[1]), name)
        self.assertIn("write GitHubStatus of", str(sentenceOf("buildbot.plugins.reporters.GitHubStatusPush")))

    def test_noLaterRelease(self) -> None:
        """No advice asks anybody to wait for a later release."""
        self.assertEqual([name for name, each in SENTENCES.items() if "later release" in each], [])

    def test_ownErrors(self) -> None:
        """0.8: config.error reports a sentence with its line, and the file runs on."""
        text = FILE[FILE.index("c = Build") : FILE.index("class Own")]
        text += "from buildbot import config\nconfig.error('no such site')\nconfig.error('nor this')\n"
        line = text.count("\n") - 1
        told = self.told(text)
        self.assertIn(f"master.cfg:{line}: no such site", told)
        self.assertIn(f"master.cfg:{line + 1}: nor this", told)
        self.assertRaises(ConfigErrors, error, "outside")

"""master.cfg.sample, the first file of every newcomer."""

from __future__ import annotations

import ast
from pathlib import Path

from twisted.trial import unittest

from buildbot.changes.pb import PBChangeSource
from buildbot.config.load import load
from buildbot.scheduler import Scheduler
from buildbot.scripts.create import withPasswords
from buildbot.status.html import WebStatus

SAMPLE = (Path(__file__).parent.parent.parent / "master.cfg.sample").read_text(encoding="utf-8")


class SampleTests(unittest.TestCase):
    """The sample works without changes."""

    def test_loads(self) -> None:
        """The sample is valid, without any warning: one bot, one builder, port 9989."""
        config = load(SAMPLE, "master.cfg", self.mktemp())
        self.assertEqual(config.warnings, ())
        self.assertEqual((list(config.slaves), list(config.builders)), (["bot1"], ["first"]))
        self.assertEqual(config.builderList("bot1"), (("first", "first"),))
        self.assertEqual(config.ports, ("tcp:9989",))

    def test_web(self) -> None:
        """The web pages of the sample are for this machine only, and everybody may only look."""
        (web,) = load(SAMPLE, "master.cfg", self.mktemp()).status
        assert isinstance(web, WebStatus)
        self.assertEqual(web.http_port, "tcp:8010:interface=127.0.0.1")
        self.assertEqual((web.allowForce, web.auth, web.authz), (None, None, None))

    def test_password(self) -> None:
        """The password that `buildbot create-master` replaces occurs once."""
        self.assertEqual(SAMPLE.count('"change-me"'), 1)
        config = load(SAMPLE.replace("change-me", "another one"), "master.cfg", self.mktemp())
        self.assertEqual(config.slaves["bot1"].password, "another one")

    def test_change(self) -> None:
        """A change sent with the other password is soon built by the builder."""
        (source,) = load(SAMPLE, "master.cfg", self.mktemp()).sources
        assert isinstance(source, PBChangeSource)
        self.assertEqual((source.user, source.passwd, source.port), ("change", "change-me-too", None))
        (scheduler,) = load(SAMPLE, "master.cfg", self.mktemp()).schedulers
        assert isinstance(scheduler, Scheduler)
        self.assertEqual((scheduler.branch, scheduler.listBuilderNames()), (None, ["first"]))
        assert scheduler.treeStableTimer is not None
        self.assertLess(scheduler.treeStableTimer, 10)
        text, passwords = withPasswords(SAMPLE)
        self.assertEqual(len(set(passwords)), 2)
        self.assertNotIn("change-me", text)

    def test_explained(self) -> None:
        """The sample is explained: it has more comments than code."""
        lines = SAMPLE.splitlines()
        comments = [line for line in lines if line.startswith("#")]
        code = [line for line in lines if line.strip() and not line.startswith("#")]
        self.assertGreater(len(comments), len(code))

    def test_commentedCode(self) -> None:
        """The code in the comments can be used without changes."""
        proposed = [
            line.removeprefix("#").strip() for line in SAMPLE.splitlines() if line.startswith("#     ")
        ]
        python = [line for line in proposed if not line.startswith("buildbot ")]
        self.assertGreater(len(python), 1)
        ast.parse("\n".join(python))

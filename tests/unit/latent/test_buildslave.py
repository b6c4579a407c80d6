"""Latent slaves in a configuration: what a subclass gives, and when a reconfig finds it changed."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.buildslave import AbstractLatentBuildSlave, base
from buildbot.config.arguments import BadArguments
from tests.clouds import CloudSlave


class BuildSlaveTests(unittest.SynchronousTestCase):
    """Subclasses as files of 0.8 have them."""

    def test_entry(self) -> None:
        """The entry of c['bots'] has the slave itself, and all options of a BuildSlave."""
        slave = CloudSlave("a", "p", max_builds=2, properties={"os": "x"}, keepalive_interval=60)
        name, password, options = slave.asBot()
        self.assertEqual((name, password, options["max_builds"], options["keepalive"]), ("a", "p", 2, 60))
        self.assertIs(options["latent"], slave)
        self.assertIs(base.AbstractLatentBuildSlave, AbstractLatentBuildSlave)

    def test_positions(self) -> None:
        """The arguments have the positions and the defaults of 0.8."""
        slave = AbstractLatentBuildSlave("a", "p", 3, ["me@x"], 60, 70, {"os": "x"}, [])
        self.assertEqual((slave.missing_timeout, slave.build_wait_timeout), (60, 70))
        usual = AbstractLatentBuildSlave("a", "p")
        self.assertEqual((usual.missing_timeout, usual.build_wait_timeout), (1200, 600))

    def test_arguments(self) -> None:
        """build_wait_timeout is a number of seconds or -1; anything else is an error."""
        for good in (0, 0.5, -1):
            self.assertEqual(CloudSlave("a", "p", build_wait_timeout=good).build_wait_timeout, good)
        bad: list[Any] = [-2, "x", None, True]
        for each in bad:
            with self.assertRaises(BadArguments):
                CloudSlave("a", "p", build_wait_timeout=each)

    def test_equal(self) -> None:
        """A slave is unchanged if its arguments are, also its own ones; a running instance is no change."""
        one, other = CloudSlave("a", "p"), CloudSlave("a", "p")
        one.asBot(), other.asBot()
        one.instance, one.instance_id = 7, ["i-1"]
        self.assertEqual(one, other)
        large = CloudSlave("a", "p", size="large")
        large.asBot()
        self.assertNotEqual(one, large)

    def test_missingMethods(self) -> None:
        """A class without the methods says so when they are called."""
        slave = AbstractLatentBuildSlave("a", "p")
        for method in (lambda: slave.start_instance(None), slave.stop_instance):
            with self.assertRaisesRegex(NotImplementedError, "AbstractLatentBuildSlave has no "):
                method()

# -*- test-case-name: tests.integration.test_storm -*-
"""Many genuine slaves at once: none is lost or refused, and each gets all its builders.

They are simulated, because a thousand real ones need more than one machine. C{python -m
tests.benchmarks.attach} measures the speed.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from buildbot.control.server import ask
from tests.benchmarks import attach, servers
from tests.benchmarks.machine import raiseFileLimit


class Storm(SynchronousTestCase):
    """All slaves connect at the same instant, as after a restart of a big master."""

    def setUp(self) -> None:
        raiseFileLimit(3000)

    def assertAllAttached(self, report: dict[str, Any], count: int) -> None:
        """Check that none of C{count} slaves was lost, refused or left waiting."""
        self.assertEqual(report["attached"], count, report)

    def test_thousandAtOnce(self) -> None:
        """A thousand slaves of four generations behind one address attach at the same instant, and none of
        them is lost or refused (A1, L8).
        """
        releases = "0.7.5,0.7.12,0.8.14,4.3.0"
        with servers.master(1000) as server:
            result = attach.attach(server, 1000, "--generation", releases).report
            self.assertNotIn("Traceback", server.log())
            self.assertNotIn("refused", server.log())
        self.assertAllAttached(result, 1000)
        self.assertEqual(result["builders"], 1000)
        # a lost SYN is repeated after one second: more than a few of these mean that the backlog is too small
        self.assertLess(result["worst"], 10)

    def test_manyBuildersEach(self) -> None:
        """Slaves with two hundred builders each attach to all of them at the default recursion limit (A9)."""
        with servers.master(25, builders=200) as server:
            with attach.farm(server, 25, "--generation", "0.7.12,4.3.0") as slaves:
                result = slaves.hear()
                self.assertEqual(attach.attachedPairs(server), 25 * 200)
            self.assertNotIn("Traceback", server.log())
        self.assertAllAttached(result, 25)
        self.assertEqual(result["builders"], 25 * 200)

    def test_reconfigOfNothing(self) -> None:
        """A reconfig without changes sends no byte to any of the attached slaves (R5)."""
        with servers.master(100) as server, attach.farm(server, 100) as slaves:
            self.assertAllAttached(slaves.hear(), 100)
            slaves.ask("mark")
            answer: Any = ask(server.basedir, "reconfig", timeout=60)
            self.assertTrue(answer["applied"], answer)
            self.assertEqual(answer["changes"], [])
            counted = slaves.ask("count")
            self.assertEqual((counted["received"], counted["connected"]), (0, 100))
            slaves.ask("keepalive")
            self.assertGreater(slaves.ask("count")["received"], 0, "the counter counts")

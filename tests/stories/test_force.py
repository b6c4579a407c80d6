"""Builds that a person forces."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred

from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.process.provenance import Origin, originOf
from tests.stories.world import CONFIG, World

LONG = f"""
from buildbot.steps.shell import ShellCommand
{CONFIG}
c['builders'][0]['factory'].addStep(ShellCommand(command=['make']))
"""


class ForceCase(World):
    """A master whose builds last until their slave says so."""

    def setUp(self) -> None:
        super().setUp()
        self.write(LONG)
        self.start()

    def build(self) -> Any:
        """The only running build."""
        (build,) = [each for builder in self.master.botmaster.getBuilders() for each in builder.building]
        return build

    def restart(self) -> None:
        """Stop the master, and start another one with the same store."""
        self.stop()
        self.start()
        self.settle()


class SourceTests(ForceCase):
    """The source of the properties of a request."""

    def test_restart(self) -> None:
        """A waiting request has its properties, and their source, after a restart. They are no part of the
        configuration, so they count as from others.
        """
        wanted = BuildSet(["full"], SourceStamp(), "r", properties={"a": "1"}, propertySource="the form")
        self.successResultOf(ensureDeferred(self.master.submitBuildSet(wanted)))
        self.restart()
        self.connect()
        build = self.build()
        self.assertEqual((build.getProperty("a"), build.properties.getPropertySource("a")), ("1", "the form"))
        self.assertEqual(originOf("a", build), Origin.OTHERS)

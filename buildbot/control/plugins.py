# -*- test-case-name: tests.unit.control.test_plugins -*-
"""Control of a master for plug-ins, under the names of 0.7.5.

This module does not check permissions: a caller with a Control can use all of it.
L{buildbot.process.buildercontrol} has the control of one builder.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.internet.defer import Deferred
from zope.interface import implementer

from buildbot import interfaces
from buildbot.model.change import Change
from buildbot.process.buildercontrol import BuilderControl
from buildbot.process.buildset import BuildSet
from buildbot.slaves.botmaster import BotMaster


class ControlledMaster(Protocol):
    """The part of L{buildbot.buildmaster.service.BuildMaster} that plug-ins control."""

    @property
    def botmaster(self) -> BotMaster:
        """Its slaves and builders."""

    def addChange(self, change: Change) -> Deferred[Change]:
        """Store a Change and pass it to the schedulers. Fires with the stored Change, which has a number."""

    def submitBuildSet(self, bs: BuildSet) -> Deferred[Any]:
        """Store a build set. Fires when it is on disk."""


@implementer(interfaces.IControl)
class Control:
    """I control one master."""

    def __init__(self, master: ControlledMaster) -> None:
        self.master = master

    def addChange(self, change: Any) -> Deferred[Change]:
        """Add a Change. Fires with the numbered Change when it is on disk."""
        return self.master.addChange(change)

    def submitBuildSet(self, bs: Any) -> Deferred[Any]:
        """Request builds.

        @param bs: a L{buildbot.process.buildset.BuildSet}.
        @return: fires when the build set is on disk; fails with KeyError if a builder does not exist.
        """
        return self.master.submitBuildSet(bs)

    def getBuilder(self, name: str) -> BuilderControl:
        """Control of one builder.

        @raise KeyError: there is no such builder.
        """
        return BuilderControl(self.master.botmaster.builders[name])

# -*- test-case-name: tests.unit.control.test_plugins -*-
"""
What plug-ins can do to a master, under the names of 0.7.5.

Nothing here checks permissions: whoever holds a Control can use all of it.  Control of one builder is in
L{buildbot.process.buildercontrol}.
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
    """What can be done to a master; the L{buildbot.buildmaster.service.BuildMaster}."""

    @property
    def botmaster(self) -> BotMaster:
        """Its slaves and builders."""

    def addChange(self, change: Change) -> Deferred[Change]:
        """Store a Change, and tell the schedulers. Fires with it and its number."""

    def submitBuildSet(self, bs: BuildSet) -> Deferred[Any]:
        """Store requests for builds. Fires when they are on disk."""


@implementer(interfaces.IControl)
class Control:
    """I control one master."""

    def __init__(self, master: ControlledMaster) -> None:
        self.master = master

    def addChange(self, change: Any) -> Deferred[Change]:
        """Hand in a Change.  Fires with it, its number set, once it is on disk."""
        return self.master.addChange(change)

    def submitBuildSet(self, bs: Any) -> Deferred[Any]:
        """
        Have builds done.

        @param bs: a L{buildbot.process.buildset.BuildSet}.
        @return: fires once it is on disk; fails with KeyError if a builder does not exist.
        """
        return self.master.submitBuildSet(bs)

    def getBuilder(self, name: str) -> BuilderControl:
        """
        Control of one builder.

        @raise KeyError: there is no such builder.
        """
        return BuilderControl(self.master.botmaster.builders[name])

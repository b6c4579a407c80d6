# -*- test-case-name: tests.unit.control.test_plugins -*-
"""
What plug-ins may do to a master, under the names of 0.7.5; see also L{buildbot.process.buildercontrol}.

Whether they may is not asked here: who holds one of these may do all of it.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from zope.interface import implementer

from buildbot import interfaces
from buildbot.model.change import Change
from buildbot.process.buildercontrol import BuilderControl


@implementer(interfaces.IControl)
class Control:
    """I let one master be told what to do."""

    def __init__(self, master: Any) -> None:
        """@param master: the L{buildbot.buildmaster.service.BuildMaster}."""
        self.master = master

    def addChange(self, change: Any) -> Deferred[Change]:
        """Hand in a Change.  Fires with it, its number set, once it is on disk."""
        return ensureDeferred(self.master.addChange(change))

    def submitBuildSet(self, bs: Any) -> Deferred[Any]:
        """
        Have builds done.

        @param bs: a L{buildbot.process.buildset.BuildSet}.
        @return: fires once it is on disk; fails with KeyError if a builder does not exist.
        """
        return ensureDeferred(self.master.submitBuildSet(bs))

    def getBuilder(self, name: str) -> BuilderControl:
        """
        Control of one builder.

        @raise KeyError: there is no such builder.
        """
        return BuilderControl(self.master.botmaster.builders[name])

# -*- test-case-name: tests.test_botmaster -*-
"""
A builder, and the slaves that are there to build for it.

In this release a builder knows its configuration and which slaves are attached;
it keeps its identity when the configuration changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from twisted.spread import pb

from buildbot.config.model import BuilderConfig


class SlaveBuilder:
    """I am one slave as one builder sees it: its remote SlaveBuilder, while it is attached."""

    __slots__ = ("builder", "remote", "slave", "slaveCommands")

    def __init__(
        self, builder: Builder, slave: Any, remote: pb.RemoteReference, slaveCommands: Mapping[str, str]
    ) -> None:
        self.builder = builder
        self.slave = slave
        self.remote = remote
        self.slaveCommands = slaveCommands

    def __repr__(self) -> str:
        return f"<SlaveBuilder {self.slave.slavename} of {self.builder.name}>"


class Builder:
    """
    I am one builder of the configuration.

    @ivar slaves: the attached slaves: slave name -> L{SlaveBuilder}.
    """

    def __init__(self, setup: BuilderConfig) -> None:
        self.setup = setup
        self.slaves: dict[str, SlaveBuilder] = {}

    def __repr__(self) -> str:
        return f"<Builder {self.name}>"

    @property
    def name(self) -> str:
        """The name that the configuration gives."""
        return self.setup.name

    def configure(self, setup: BuilderConfig) -> None:
        """Take on a changed configuration; attached slaves stay where they are."""
        self.setup = setup

    def attached(self, slave: Any, remote: pb.RemoteReference, commands: Mapping[str, str]) -> None:
        """The perspective C{slave} is there, and C{remote} is its SlaveBuilder for me."""
        self.slaves[slave.slavename] = SlaveBuilder(self, slave, remote, commands)

    def detached(self, slave: Any) -> None:
        """
        The perspective C{slave} is gone, or no longer mine.  Safe to call twice, and late:
        another perspective of the same name, which was removed and added again, stays.
        """
        known = self.slaves.get(slave.slavename)
        if known is not None and known.slave is slave:
            del self.slaves[slave.slavename]

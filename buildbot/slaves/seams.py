"""The Protocol by which the parts of a slave show what happens to it."""

from __future__ import annotations

from typing import Protocol

from buildbot.status.slave import SlaveStatus


class ShownSlave(Protocol):
    """
    A slave that people look at: the L{buildbot.slaves.perspective.BotPerspective}.

    @ivar slavename: its name in c['bots'].
    @ivar slave_status: its status.
    """

    slavename: str
    slave_status: SlaveStatus

    def happened(self, text: str, /) -> None:
        """Add an event to the status, at the present time."""

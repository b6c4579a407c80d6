"""The Protocol of a slave for its parts, which show events in its status."""

from __future__ import annotations

from typing import Protocol

from buildbot.status.slave import SlaveStatus


class ShownSlave(Protocol):
    """A slave with a name and a status: the L{buildbot.slaves.perspective.BotPerspective}.

    @ivar slavename: its name in c['bots'].
    @ivar slave_status: its status.
    """

    slavename: str
    slave_status: SlaveStatus

    def happened(self, text: str, /) -> None:
        """Add an event with the present time to the status."""

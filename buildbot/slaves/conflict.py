# -*- test-case-name: tests.unit.slaves.test_conflict -*-
"""Name conflicts: two machines take one slave name from each other.

A takeover is a new connection that displaces one that has not been lost. A few takeovers are normal: a slave
that rebooted displaces its own dead connection. Many in a short time mean that two living processes log in
with one name. This module only counts takeovers; L{buildbot.slaves.arbitration.Arbiter} decides the
consequences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: This many takeovers within WINDOW seconds are a name conflict.
TAKEOVERS = 3
WINDOW = 300.0
#: The fewest seconds between two log lines about a name conflict.
MENTION_EVERY = 60.0


@dataclass(frozen=True)
class NameConflict:
    """The recent takeovers of one name.

    @ivar takeovers: their times, in seconds of the caller's clock.
    @ivar mentioned: the time of the last log line about the conflict; None if there was none.
    @ivar addresses: the last two parties: the holder of the name, and the refused newcomer.
    """

    takeovers: tuple[float, ...] = ()
    mentioned: float | None = None
    addresses: tuple[str, str] | None = None

    def takeover(self, now: float) -> NameConflict:
        """Add a takeover at C{now}."""
        recent = tuple(t for t in self.takeovers if now - t < WINDOW)
        return replace(self, takeovers=(*recent, now)[-2 * TAKEOVERS :])

    def isOn(self, now: float) -> bool:
        """True if there is a conflict: one more takeover would be too many."""
        return sum(1 for t in self.takeovers if now - t < WINDOW) >= TAKEOVERS

    def mention(self, now: float, kept: str, newcomer: str) -> tuple[NameConflict, bool]:
        """Add the refusal of a newcomer at C{now}.

        It counts like a takeover, so the conflict lasts as long as newcomers come.

        @return: the new value, and True if the conflict is to be logged.
        """
        due = self.mentioned is None or now - self.mentioned >= MENTION_EVERY
        again = self.takeover(now)
        return replace(again, addresses=(kept, newcomer), mentioned=now if due else self.mentioned), due

# -*- test-case-name: tests.unit.slaves.test_conflict -*-
"""
Name conflicts: when two machines take one slave name from each other.

A takeover is a new connection that displaces one that has not been lost yet.  A few
are normal: a slave that rebooted meets its own dead link.  Many in a short time
mean that two living processes log in with one name.  This module only counts
takeovers; the consequences are decided by L{buildbot.slaves.arbitration.Arbiter}.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: More takeovers than this within WINDOW seconds are a name conflict.
TAKEOVERS = 3
WINDOW = 300.0
#: A name conflict is logged at most once in this many seconds.
MENTION_EVERY = 60.0


@dataclass(frozen=True)
class NameConflict:
    """
    The recent takeovers of one name.

    @ivar takeovers: when they happened, in seconds of the caller's clock.
    @ivar mentioned: when the conflict was last logged; None if it never was.
    @ivar addresses: the two parties as last seen: the one that kept the name, the newcomer.
    """

    takeovers: tuple[float, ...] = ()
    mentioned: float | None = None
    addresses: tuple[str, str] | None = None

    def takeover(self, now: float) -> NameConflict:
        """One more takeover, at C{now}."""
        recent = tuple(t for t in self.takeovers if now - t < WINDOW)
        return replace(self, takeovers=(*recent, now)[-2 * TAKEOVERS :])

    def isOn(self, now: float) -> bool:
        """Whether there is a conflict: one takeover more would be too many."""
        return sum(1 for t in self.takeovers if now - t < WINDOW) >= TAKEOVERS

    def mention(self, now: float, kept: str, newcomer: str) -> tuple[NameConflict, bool]:
        """
        A newcomer was refused.

        That counts like a takeover: the conflict goes on as long as newcomers come.

        @return: the conflict now, and whether to log it.
        """
        due = self.mentioned is None or now - self.mentioned >= MENTION_EVERY
        again = self.takeover(now)
        return replace(again, addresses=(kept, newcomer), mentioned=now if due else self.mentioned), due

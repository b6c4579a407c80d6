# -*- test-case-name: tests.unit.slaves.test_conflict -*-
"""
When two machines fight over one slave name: a rule over the times of takeovers.

A takeover is a new connection displacing one that has not been lost yet.  A few
are normal (a slave that rebooted meets its own dead link), many in a short time
mean that two living processes carry one name.  This module only counts; what a
squabble leads to is decided by L{buildbot.slaves.arbitration.Arbiter}.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

#: More takeovers than this within WINDOW seconds are a squabble.
TAKEOVERS = 3
WINDOW = 300.0
#: The squabble is mentioned at most once in this many seconds.
MENTION_EVERY = 60.0


@dataclass(frozen=True)
class Squabble:
    """
    The recent takeovers of one name.

    @ivar takeovers: when they happened, in seconds of the caller's clock.
    @ivar mentioned: when the squabble was last spoken of.
    @ivar addresses: the two parties as last seen: the kept one, the newcomer.
    """

    takeovers: tuple[float, ...] = ()
    mentioned: float | None = None
    addresses: tuple[str, str] | None = None

    def takeover(self, now: float) -> Squabble:
        """One more takeover, at C{now}."""
        recent = tuple(t for t in self.takeovers if now - t < WINDOW)
        return replace(self, takeovers=(*recent, now)[-2 * TAKEOVERS :])

    def isOn(self, now: float) -> bool:
        """Whether a further takeover now would be one too many."""
        return sum(1 for t in self.takeovers if now - t < WINDOW) >= TAKEOVERS

    def mention(self, now: float, kept: str, newcomer: str) -> tuple[Squabble, bool]:
        """
        A newcomer was turned away: remember who, and whether to say so now.

        It also keeps the squabble alive: as long as newcomers come, the rule holds.
        """
        due = self.mentioned is None or now - self.mentioned >= MENTION_EVERY
        again = self.takeover(now)
        return replace(again, addresses=(kept, newcomer), mentioned=now if due else self.mentioned), due

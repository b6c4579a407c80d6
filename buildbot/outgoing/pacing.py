# -*- test-case-name: tests.unit.outgoing.test_pacing -*-
"""When a target that failed is tried again, and when a message is too old.

These are pure rules: the time and the random number are passed in.
"""

from __future__ import annotations

from dataclasses import dataclass

#: Seconds until the first new attempt, and the longest wait. Each wait is twice the one before.
FIRST_WAIT = 60.0
LONGEST_WAIT = 3600.0
#: A wait is up to this share shorter or longer, so that many senders do not try at the same time.
JITTER = 0.25
#: After so many failures in a row, an administrator is told.
MANY_FAILURES = 5
#: After so many attempts with one message, those of other groups are tried first.
SUSPECT = 3
#: Seconds that a message is kept for a target that is down.
KEPT_FOR = 86400.0
#: The longest wait that a server may ask for.
LONGEST_ASKED = 6 * 3600.0
#: The shortest wait for a busy server. Some ask for 0 seconds: they would be asked without a pause.
LEAST_ASKED = 0.5


def waitAfter(failures: int, chance: float, asked: float | None = None) -> float:
    """Seconds until the next attempt.

    @param failures: the failures in a row, at least 1.
    @param chance: a random number from 0 to 1.
    @param asked: the seconds that the server asked for, or None.
    """
    usual = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 20))
    jittered = usual * (1 + JITTER * (2 * chance - 1))
    return jittered if asked is None else max(jittered, min(asked, LONGEST_ASKED))


def isAhead(due: float, now: float) -> bool:
    """True if it is too early for an attempt. A time further ahead than any wait is no reason to wait:
    the clock was set back meanwhile.
    """
    return 0 < due - now <= LONGEST_ASKED


@dataclass(frozen=True)
class Health:
    """I am what is known about a target.

    @ivar failures: the failures in a row; 0 if the last attempt reached the target.
    @ivar since: the time of the first of them, in seconds since the epoch; None without a failure.
    @ivar reason: the reason of the last failure, in words.
    @ivar cure: what an administrator can do about it; may be empty.
    @ivar retryAt: the time of the next attempt, in seconds since the epoch; None: at once.
    """

    failures: int = 0
    since: float | None = None
    reason: str = ""
    cure: str = ""
    retryAt: float | None = None

    @property
    def isBroken(self) -> bool:
        """True after L{MANY_FAILURES} failures in a row: an administrator should look."""
        return self.failures >= MANY_FAILURES

    @classmethod
    def busy(cls, now: float, chance: float, asked: float) -> Health:
        """The health of a target that works, and takes the next message after some seconds."""
        wait = max(LEAST_ASKED, min(asked, LONGEST_ASKED))
        return cls(retryAt=now + wait * (1 + JITTER * chance))

    def failed(
        self, now: float, chance: float, reason: str, cure: str = "", asked: float | None = None
    ) -> Health:
        """The health after one more failure."""
        failures = self.failures + 1
        since = now if self.since is None else self.since
        return Health(failures, since, reason, cure, now + waitAfter(failures, chance, asked))

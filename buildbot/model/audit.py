"""The record of one action of a person or a script, as a frozen value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """One action.

    @ivar when: seconds since the epoch.
    @ivar how: as in L{buildbot.control.audit.By}.
    @ivar action: the name of the action, such as "forceBuild".
    @ivar subject: such as "builder/full/build/7", "slave/bot1", "token/NAME", "account/NAME" or "master".
    @ivar outcome: "done", "refused" or "failed".
    @ivar detail: the reason of a refusal or a failure, or other details.
    @ivar number: counts all entries of a master from 1; 0: the entry is not stored.
    """

    when: float
    who: str
    how: str
    address: str
    action: str
    subject: str
    outcome: str = "done"
    detail: str = ""
    number: int = 0


@dataclass(frozen=True)
class KeptAnswer:
    """The answer to an action, for a client that sends it again.

    @ivar until: when it may be forgotten, in seconds since the epoch.
    @ivar asked: the digest of the request.
    @ivar answer: the answer, as JSON-able values.
    """

    until: float
    asked: str
    answer: dict[str, object]

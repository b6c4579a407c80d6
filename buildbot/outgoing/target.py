"""What a sender needs of a target, and the outcomes of a delivery that failed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from twisted.internet.defer import Deferred


class TargetDown(Exception):
    """The target cannot be reached, or refuses everything. All its messages wait.

    @ivar reason: one line for people, without passwords.
    @ivar cure: what an administrator can do about it; may be empty.
    @ivar after: the seconds that the target asked to wait, or None.
    """

    def __init__(self, reason: str, cure: str = "", after: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.cure, self.after = reason, cure, after


class TargetBusy(TargetDown):
    """The target works, and asks to wait C{after} seconds, because it got many messages."""

    after: float

    def __init__(self, reason: str, after: float) -> None:
        super().__init__(reason, after=after)


class NotNow(Exception):
    """The target refused this message for now. Other messages need not wait.

    @ivar reason: one line for people, without passwords.
    @ivar rest: the message that is still to be delivered, if a part of it was delivered; else None.
    """

    def __init__(self, reason: str, rest: Mapping[str, Any] | None = None) -> None:
        super().__init__(reason)
        self.reason, self.rest = reason, rest


class Refused(Exception):
    """The target refused this message for good. C{reason}: one line for people, without passwords."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Target(Protocol):
    """I deliver messages to one server, one at a time."""

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        """Deliver a message: a dict of JSON values. C{omitted} is added if so many earlier ones had no room.

        @return: fires when the server has accepted the message. Fails with L{TargetDown}, L{TargetBusy},
            L{NotNow} or L{Refused}. Cancelling it ends the attempt.
        """

    def rest(self) -> None:
        """Close the connection, if there is one: there is no message for now. Must not block."""

"""A target that a test can tell to fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from buildbot.outgoing.target import Target


class Sink(Target):
    """I take messages, unless I am told to fail.

    @ivar got: the accepted messages; C{tried}: all of them.
    @ivar trouble: the exception of each delivery, or a function of the message that returns one; or None.
    @ivar omitted: how many earlier messages had no room, by message.
    @ivar slow: the unfinished deliveries while I am slow; None: answer at once.
    """

    def __init__(self) -> None:
        self.got: list[Any] = []
        self.tried: list[Any] = []
        self.trouble: Exception | Callable[[Any], Exception | None] | None = None
        self.slow: list[Deferred[None]] | None = None
        self.rests = 0
        self.omitted: dict[int, int] = {}

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        self.tried.append(message["n"])
        if "omitted" in message:
            self.omitted[message["n"]] = message["omitted"]
        if self.slow is not None:
            self.slow.append(Deferred())
            return self.slow[-1].addCallback(lambda result: self.got.append(message["n"]))
        trouble = self.trouble(message) if callable(self.trouble) else self.trouble
        if trouble is not None:
            return fail(trouble)
        self.got.append(message["n"])
        return succeed(None)

    def rest(self) -> None:
        self.rests += 1

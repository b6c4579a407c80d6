# -*- test-case-name: tests.unit.readers.test_sealing -*-
"""Seals of messages between a master and the processes with its pages on other machines.

Both know one secret, which is never sent. A seal proves who has written a message, and no message is taken
twice. It hides nothing: that is the work of TLS.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field

#: The header of a request and of its answer.
HEADER = "X-Buildbot-Seal"
#: The most numbers by which a message may be late: those of the questions at once are far fewer.
WINDOW = 1000
#: The most senders that are remembered.
SENDERS = 10_000
_SHAPE = re.compile(r"([0-9a-f]{32})-([0-9]{1,15})-([0-9a-f]{64})")


class WrongSeal(Exception):
    """A message does not come from who knows the secret, or it has come before."""


@dataclass(frozen=True)
class Seal:
    """I am the seal of one message.

    @ivar sender: 32 hexadecimal digits, unlike those of all other senders.
    @ivar number: the number of the message, counted by its sender.
    @ivar digest: 64 hexadecimal digits.
    """

    sender: str
    number: int
    digest: str

    def __str__(self) -> str:
        return f"{self.sender}-{self.number}-{self.digest}"


def sealOf(secret: str, sender: str, number: int, message: bytes) -> Seal:
    """The seal of a question."""
    return Seal(sender, number, _digest(secret, f"question {sender} {number}", message))


def sealOfAnswer(secret: str, question: Seal, message: bytes) -> str:
    """The seal of the answer to a question."""
    return _digest(secret, f"answer {question}", message)


def isSame(one: str, other: str) -> bool:
    """True for equal seals. The time that it takes tells nothing."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def _digest(secret: str, about: str, message: bytes) -> str:
    whole = about.encode("ascii") + b"\n" + message
    return hmac.new(bytes.fromhex(secret), whole, hashlib.sha256).hexdigest()


class Seals:
    """I check the seals of questions: each is taken once."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._senders: dict[str, _Sender] = {}

    def __len__(self) -> int:
        """The numbers that are remembered."""
        return sum(len(each.seen) for each in self._senders.values())

    def check(self, text: str, message: bytes) -> Seal:
        """The seal of a message.

        @raise WrongSeal: see there.
        """
        shape = _SHAPE.fullmatch(text)
        if shape is None:
            raise WrongSeal("it has no seal")
        seal = Seal(shape[1], int(shape[2]), shape[3])
        wanted = sealOf(self._secret, seal.sender, seal.number, message)
        if not isSame(str(wanted), str(seal)):
            raise WrongSeal("its seal is wrong")
        known = self._senders.get(seal.sender)
        if known is None:
            if len(self._senders) >= SENDERS:  # else a forgotten one could be repeated
                raise WrongSeal("there were too many senders since the start")
            known = self._senders[seal.sender] = _Sender()
        known.take(seal.number)
        return seal


@dataclass
class _Sender:
    """I know which of the last numbers of one sender have come."""

    highest: int = 0
    seen: set[int] = field(default_factory=set)

    def take(self, number: int) -> None:
        if number <= self.highest - WINDOW or number in self.seen:
            raise WrongSeal("it has come before, or is too late")
        self.seen.add(number)
        if number > self.highest:
            self.highest = number
            if len(self.seen) > 2 * WINDOW:
                self.seen = {each for each in self.seen if each > number - WINDOW}

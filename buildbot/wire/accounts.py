# -*- test-case-name: tests.unit.wire.test_accounts -*-
"""
What those who are logged in may have open, unfinished and idle, by their kind of account.

Rules over counts and times; they are kept by L{buildbot.wire.members}.
"""

from __future__ import annotations

from dataclasses import dataclass

from buildbot.wire.banana import AFTER_LOGIN, Limits


@dataclass(frozen=True)
class Account:
    """
    The limits of one kind of account.

    @ivar message: how large one message may be.
    @ivar connections: of one name: beyond, those that rest make room.
    @ivar most: of one name: beyond, somebody makes room in any case.
    @ivar idle: seconds without a word after which a connection is closed; None: it is looked after elsewhere.
    """

    message: Limits
    connections: int
    most: int
    idle: float | None


#: A slave has one connection; others of its name are on their way in or out. Its silence is probed elsewhere.
SLAVE = Account(AFTER_LOGIN, connections=8, most=16, idle=None)
#: Who sends changes or asks things, and is gone again.
CLIENT = Account(AFTER_LOGIN, connections=16, most=256, idle=300.0)
#: Seconds without a byte, in the middle of a message, after which a client is hung up on.
STALLED = 30.0
#: Seconds that a client may wait for one answer.
WAITING = 3600.0
#: Seconds without a word after which a connection rests: it makes room if its account has too many.
RESTING = 5.0
#: Bytes of unfinished messages that all connections may have together; beyond, the largest is hung up on.
UNFINISHED = 64 * 1024 * 1024


def overdue(account: Account, silent: float, unfinished: int, serving: int) -> str:
    """
    Why a connection is to be closed for its silence; empty if it is not.

    @param silent: seconds since the last byte came, or the last answer went.
    @param unfinished: bytes of a message that has not come to its end.
    @param serving: calls of the peer that are not answered yet; then it is not idle for an hour.
    """
    if account.idle is None or (serving and silent < WAITING):
        return ""
    if unfinished and silent >= STALLED:
        return f"nothing came for {STALLED:g} s in the middle of a message"
    if silent >= account.idle:
        return f"nothing came for {account.idle:g} s"
    return ""

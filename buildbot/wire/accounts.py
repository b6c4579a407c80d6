# -*- test-case-name: tests.unit.wire.test_accounts -*-
"""The limits of logged-in connections for each kind of account.

This module has rules over counts and times. L{buildbot.wire.members} applies them.
"""

from __future__ import annotations

from dataclasses import dataclass

from buildbot.wire.banana import AFTER_LOGIN, Limits


@dataclass(frozen=True)
class Account:
    """The limits of one kind of account.

    @ivar message: the limits of one message.
    @ivar connections: for one name; if there are more, idle ones are closed.
    @ivar most: for one name; if there are more, one is closed even if none is idle.
    @ivar idle: seconds of silence before a connection is closed; None: another module handles silence.
    """

    message: Limits
    connections: int
    most: int
    idle: float | None


#: A slave has one connection, and briefly more while it reconnects. slaves.liveness probes silent slaves.
SLAVE = Account(AFTER_LOGIN, connections=8, most=16, idle=None)
#: Clients with short visits, such as sendchange.
CLIENT = Account(AFTER_LOGIN, connections=16, most=256, idle=300.0)
#: Clients that wait for builds, such as C{buildbot try --wait}. They are silent while their builds wait, and
#: many people may share an account: none of them is idle.
WATCHER = Account(AFTER_LOGIN, connections=256, most=256, idle=7 * 24 * 3600.0)
#: Status clients: they listen for weeks, and share one account.
FOLLOWER = Account(AFTER_LOGIN, connections=64, most=64, idle=30 * 24 * 3600.0)
#: Seconds without a byte in the middle of a message before a client is disconnected.
STALLED = 30.0
#: The most seconds that a client may wait for one answer.
WAITING = 3600.0
#: Seconds of silence before a connection counts as idle: it is closed if its account has too many.
RESTING = 5.0
#: The most bytes of unfinished messages of all connections. If exceeded, the largest is disconnected.
UNFINISHED = 64 * 1024 * 1024


def overdue(account: Account, silent: float, unfinished: int, serving: int) -> str:
    """The reason to close a silent connection, or empty text.

    @param silent: seconds since the last byte came, or the last answer went.
    @param unfinished: bytes of an incomplete message.
    @param serving: the peer's unanswered calls; if there are any, the peer is not idle for an hour.
    """
    if account.idle is None or (serving and silent < WAITING):
        return ""
    if unfinished and silent >= STALLED:
        return f"nothing came for {STALLED:g} s in the middle of a message"
    if silent >= account.idle:
        return f"nothing came for {account.idle:g} s"
    return ""

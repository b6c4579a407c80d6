# -*- test-case-name: tests.processes.test_ports -*-
"""Free ports of the loopback, for servers that a test starts a little later.

Tests run in several processes. A port that one of them has chosen, and that no server uses yet, or not at
present, would seem free to the others. So each process chooses from ports of its own.
"""

from __future__ import annotations

import fcntl
import os
import random
import socket
import tempfile
from collections.abc import Iterator

#: The ports. They are below those of outgoing connections: otherwise a slave could connect to itself, on a
#: port without a master.
PORTS = range(15000, 32000)
#: How many of them one process has.
SHARE = 250


def shares(directory: str) -> Iterator[range]:
    """The ports that this process may use, as long as it lives: a share of its own, and then all.

    @param directory: where the locks of the shares are, which all processes of one user have in common.
    """
    os.makedirs(directory, 0o700, exist_ok=True)
    first = list(range(PORTS.start, PORTS.stop, SHARE))
    random.shuffle(first)
    for each in first:
        lock = os.open(os.path.join(directory, str(each)), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
        else:
            yield range(each, min(each + SHARE, PORTS.stop))  # the end of the process frees the lock
            break
    yield PORTS


def _numbers() -> Iterator[int]:
    """Port after port, free or not; none comes again soon."""
    mine = next(shares(os.path.join(tempfile.gettempdir(), f"buildbot-tests-ports-{os.getuid()}")))
    while True:
        yield from random.sample(mine, len(mine))


_next: tuple[int, Iterator[int]] | None = None


def freePort() -> int:
    """A port that is free, and that no other test of this machine and user gets."""
    global _next
    if _next is None or _next[0] != os.getpid():  # a fork has a share of its own
        _next = os.getpid(), _numbers()
    while True:
        port = next(_next[1])
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port

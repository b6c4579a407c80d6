# -*- test-case-name: tests.integration.test_hostile -*-
"""Thousands of sockets that log in too slowly to ever finish.

This module only opens, sends and watches; the tests judge the server.
"""

from __future__ import annotations

import select
import socket
import time
from dataclasses import dataclass

from tests.benchmarks import rawpb

_READ = 65536


@dataclass(frozen=True)
class Loris:
    """The result for slow sockets: how many were closed, and when (seconds)."""

    opened: int
    closed: int
    firstClosed: float
    lastClosed: float


def slowLoris(
    port: int, sockets: int, sources: list[str], interval: float = 10.0, limit: float = 45.0
) -> Loris:
    """Open C{sockets} that send a byte of an opening every C{interval} seconds, for C{limit} seconds."""
    opening = rawpb.opening("bot00000")
    poll = select.epoll()
    open_: dict[int, socket.socket] = {}
    began = time.monotonic()
    closed: list[float] = []
    try:
        for number in range(sockets):
            sock = socket.socket()
            sock.bind((sources[number % len(sources)], 0))
            sock.connect(("127.0.0.1", port))
            sock.setblocking(False)
            open_[sock.fileno()] = sock
            poll.register(sock.fileno(), select.EPOLLIN)
        step = 0
        while open_ and time.monotonic() - began < limit:
            if time.monotonic() - began >= step * interval:
                for sock in list(open_.values()):
                    _whisper(sock, opening[step : step + 1])
                step += 1
            for fileno, _ in poll.poll(0.5):
                if not _stillOpen(open_[fileno]):
                    closed.append(time.monotonic() - began)
                    open_.pop(fileno).close()
    finally:
        for sock in open_.values():
            sock.close()
        poll.close()
    return Loris(sockets, len(closed), min(closed, default=0.0), max(closed, default=0.0))


def _whisper(sock: socket.socket, byte: bytes) -> None:
    try:
        sock.send(byte)
    except OSError:
        pass  # the next read detects the end


def _stillOpen(sock: socket.socket) -> bool:
    try:
        return bool(sock.recv(_READ))
    except BlockingIOError:
        return True
    except OSError:
        return False

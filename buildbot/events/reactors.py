"""The parts of a reactor that its users need, so that a test can give them a small one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from twisted.internet.interfaces import IDelayedCall, IListeningPort, IProcessTransport


class Timers(Protocol):
    """A clock with delayed calls; Twisted's C{IReactorTime}."""

    def seconds(self) -> float:
        """The time, in seconds."""

    @property
    def callLater(self) -> Callable[..., IDelayedCall]:
        """Make a call after some seconds."""


class ProcessReactor(Timers, Protocol):
    """Timers and child processes."""

    @property
    def spawnProcess(self) -> Callable[..., IProcessTransport]:
        """Start a program; see C{IReactorProcess}."""


class ThreadReactor(Timers, Protocol):
    """Timers, and calls from other threads."""

    @property
    def callFromThread(self) -> Callable[..., object]:
        """Make a call in the thread of the reactor; see C{IReactorFromThreads}."""


class SocketReactor(Timers, Protocol):
    """Timers and Unix sockets."""

    @property
    def listenUNIX(self) -> Callable[..., IListeningPort]:
        """Listen on a Unix socket; see C{IReactorUNIX}."""


class StoppableReactor(Protocol):
    """A reactor that can be stopped from any thread."""

    @property
    def callFromThread(self) -> Callable[..., object]:
        """Make a call in the thread of the reactor; see C{IReactorFromThreads}."""

    def stop(self) -> object:
        """Stop the reactor; see C{IReactorCore}."""


class LoadingReactor(ProcessReactor, ThreadReactor, Protocol):
    """Timers, child processes, and calls from other threads."""

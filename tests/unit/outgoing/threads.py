"""The threads of a target, which work when a test says so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class FakeReactor:
    """A reactor whose calls from threads happen at once."""

    def callFromThread(self, function: Callable[..., object], *args: object) -> None:
        """Call the function."""
        function(*args)


class Threads:
    """I keep the work for threads until a test runs it.

    @ivar work: the functions that wait.
    """

    def __init__(self) -> None:
        self.work: list[Callable[[], None]] = []
        self.reactor: Any = FakeReactor()

    def run(self) -> None:
        """Let the threads work until nothing waits."""
        while self.work:
            self.work.pop(0)()

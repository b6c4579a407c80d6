# -*- test-case-name: tests.processes.test_interrupts -*-
"""Hold back Ctrl-C and SIGTERM where a command must not stop halfway."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """I keep the signals that come while they are held back."""

    def __init__(self) -> None:
        self._isHeard = False
        self._came = False

    def signalled(self, number: int, frame: FrameType | None = None) -> None:
        """Handle a signal."""
        if self._isHeard:
            raise KeyboardInterrupt
        self._came = True

    @contextmanager
    def heard(self) -> Iterator[None]:
        """A context in which signals raise KeyboardInterrupt: one that came before does it at once."""
        self._isHeard = True
        try:
            came, self._came = self._came, False
            if came:
                raise KeyboardInterrupt
            yield
        finally:
            self._isHeard = False


@contextmanager
def heldBack() -> Iterator[Interrupts]:
    """A context in which the signals that would raise KeyboardInterrupt do not. The last of them are dropped.

    Signals that are ignored, or have another handler, are left alone. So are all in a thread that is not the
    main one.
    """
    interrupts = Interrupts()
    mine = []
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is signal.default_int_handler:
                mine.append(number)
    for number in mine:
        signal.signal(number, interrupts.signalled)
    try:
        yield interrupts
    finally:
        for number in mine:
            signal.signal(number, signal.default_int_handler)

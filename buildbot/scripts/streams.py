# -*- test-case-name: tests.processes.test_scripts_streams -*-
"""The standard streams of a command, whatever the caller has made of them: closed, full, broken, not waiting.

What is printed, and where, is for each command to say.
"""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import suppress
from typing import Any


class CannotPrint(OSError):
    """Standard output does not take what is printed: the disk is full, say."""


def prepare() -> None:
    """Have streams that can be used: closed ones lead nowhere, and every error of output is L{CannotPrint}.

    Nothing else shall get the number of one that was closed, and what is printed then.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            _openNowhere(number)
    sys.stdout = _textStream(1, sys.stdout)
    sys.stderr = _textStream(2, sys.stderr)


def finish() -> None:
    """Print what is still to be printed. Raises L{CannotPrint} or BrokenPipeError if that cannot be.

    What standard error does not take is dropped: there is nowhere to say so.
    """
    try:
        sys.stderr.flush()
    except OSError:
        giveUp(2)
    sys.stdout.flush()


def giveUp(number: int = 1) -> None:
    """Nothing more can be printed: let what is still in the buffer go nowhere, and not be complained of."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


class _Output(io.RawIOBase):
    """I write to a file descriptor, wait where it cannot, and call its errors L{CannotPrint}."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        """The descriptor."""
        return self._number

    def isatty(self) -> bool:
        """Whether a person may be reading."""
        return os.isatty(self._number)

    def writable(self) -> bool:
        """Yes."""
        return True

    def write(self, data: Any, /) -> int:
        """Write some of it, and return how much."""
        while True:
            try:
                return os.write(self._number, data)
            except BlockingIOError:  # whoever else has it open has made it so
                select.select([], [self._number], [])
            except BrokenPipeError:
                raise
            except OSError as why:
                raise CannotPrint(why.errno, why.strerror) from None


def _textStream(number: int, like: object) -> io.TextIOWrapper:
    encoding = getattr(like, "encoding", None) or "utf-8"
    buffered = io.BufferedWriter(_Output(number))
    lines = number == 2 or os.isatty(number)
    return io.TextIOWrapper(buffered, encoding, "backslashreplace", line_buffering=lines)


def _openNowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_RDWR)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)

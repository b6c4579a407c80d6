# -*- test-case-name: tests.processes.test_scripts_streams -*-
"""The standard streams of a command, made usable also if they are closed, full, broken or non-blocking.

This module does not print; each command does.
"""

from __future__ import annotations

import io
import os
import select
import sys
from contextlib import suppress
from typing import Any


class CannotPrint(OSError):
    """Writing to standard output failed, for example on a full disk."""


def prepare() -> None:
    """Replace the standard streams: closed ones go to /dev/null, and write errors raise L{CannotPrint}.

    A closed descriptor is reopened, so that no other file gets its number and then the output.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            _openNowhere(number)
    sys.stdout = _textStream(1, sys.stdout)
    sys.stderr = _textStream(2, sys.stderr)


def finish() -> None:
    """Flush the streams. Raises L{CannotPrint} or BrokenPipeError if standard output fails.

    A failure of standard error is ignored: there is no place to report it.
    """
    try:
        sys.stderr.flush()
    except OSError:
        giveUp(2)
    sys.stdout.flush()


def giveUp(number: int = 1) -> None:
    """Redirect a descriptor to /dev/null, so that buffered output is dropped without an error."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


class _Output(io.RawIOBase):
    """I write to a file descriptor. I wait while it would block, and raise its errors as L{CannotPrint}."""

    def __init__(self, number: int) -> None:
        self._number = number

    def fileno(self) -> int:
        """See L{io.IOBase}."""
        return self._number

    def isatty(self) -> bool:
        """True for a terminal."""
        return os.isatty(self._number)

    def writable(self) -> bool:
        """See L{io.IOBase}."""
        return True

    def write(self, data: Any, /) -> int:
        """Write a part of the data, and return its length."""
        while True:
            try:
                return os.write(self._number, data)
            except BlockingIOError:  # another process has made it non-blocking
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

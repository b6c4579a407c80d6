# -*- test-case-name: tests.processes.test_importing -*-
"""Ask the program of L{buildbot.importing.pickled} for the contents of pickles. All functions block."""

from __future__ import annotations

import json
import struct
import subprocess
import sys
from contextlib import suppress
from typing import Any

from buildbot.importing import pickled
from buildbot.importing.pickled import CPU
from buildbot.text.plural import counted

#: Larger files are not pickles of a master.
LARGEST = 512 << 20
_LENGTH = struct.Struct("<Q")


class Unreadable(Exception):
    """A file of the old master cannot be read; str() is the reason, in words."""


class PickleReader:
    """I read pickles, one after another. A pickle that kills the program is unreadable. The next pickle
    gets a new program.
    """

    def __init__(self, cpu: float = CPU) -> None:
        """@param cpu: the most seconds of CPU for a small pickle; a large one gets more."""
        self._cpu = cpu
        self._child: subprocess.Popen[bytes] | None = None
        self._isClosed = False

    def read(self, data: bytes) -> Any:
        """The plain value of a pickle: see L{pickled.read}.

        @raise Unreadable: it is damaged, refused, or needs too much memory or time; or I am closed.
        """
        if self._isClosed:
            raise Unreadable("the import has ended")
        if len(data) > LARGEST:
            raise Unreadable(f"it has {counted(len(data), 'byte')}, and so it is no pickle of a master")
        child = self._child = self._child or _started(self._cpu)
        assert child.stdin is not None and child.stdout is not None
        try:
            child.stdin.write(_LENGTH.pack(len(data)))
            child.stdin.write(data)
            child.stdin.flush()
            head = child.stdout.read(_LENGTH.size)
            said = child.stdout.read(_LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
        except (BrokenPipeError, ValueError):  # it has ended; or another thread has closed the pipes
            said = b""
        except BaseException:  # such as Ctrl-C: the pipe still has the rest of an answer
            self._end()
            raise
        if not said:
            self._end()
            raise Unreadable("it needs too much memory or time")
        answer = json.loads(said)
        if "error" in answer:
            raise Unreadable(str(answer["error"]))
        return answer["value"]

    def close(self) -> None:
        """End the program. Can be called in any thread."""
        self._isClosed = True
        self._end()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.kill()
            child.wait()
            for pipe in (child.stdin, child.stdout):
                with suppress(OSError):
                    if pipe is not None:
                        pipe.close()


def _started(cpu: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", pickled.__file__, str(cpu)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C reaches only us, and we end it
        env={},
    )

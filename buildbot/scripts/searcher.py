# -*- test-case-name: tests.processes.test_grep -*-
"""Search logs in a child process, which is killed when an expression takes too long.

A regular expression can take forever, and Python cannot interrupt it.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, NoReturn

import buildbot
from buildbot.logs.grepchild import Wanted
from buildbot.scripts.output import CommandFailed

#: The most seconds for a piece of a log.
PATIENCE = 10.0
#: The seconds between two answers that nothing is new.
_BEAT = 0.5
_READ = 1 << 16


class TooSlow(Exception):
    """The expression takes too long for a log."""


class Searcher:
    """I search one log after the other. Use me as a context, so that my child ends.

    @ivar patience: the most seconds without an answer.
    """

    def __init__(self, wanted: Wanted, patience: float = PATIENCE, farLogs: str | None = None) -> None:
        """@param farLogs: the directory of logs, if some of them are in object storage."""
        self._farLogs = farLogs
        self._wanted = wanted
        self.patience = patience
        self._child: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._late = 0.0

    def __enter__(self) -> Searcher:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, why: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def search(self, path: str, most: int) -> Iterator[list[Any]]:
        """What the child says about one log, up to its C{end}: see L{buildbot.logs.grepchild}.

        C{["nothing"]} comes now and then while it works.

        @param most: the most hits.
        @raise TooSlow: the rest of this log is not searched.
        """
        self._send([path, most])
        while True:
            said = self._hear()
            yield said
            if said[0] in ("end", "error"):
                return

    def _send(self, words: list[Any]) -> None:
        if self._child is None:
            self._child = self._started()
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(json.dumps(words).encode() + b"\n")
            self._child.stdin.flush()
        except BrokenPipeError:  # else the command would end silently, as when its reader has enough
            self._ended()
        self._late = time.monotonic() + self.patience

    def _started(self) -> subprocess.Popen[bytes]:
        paths = [each for each in sys.path[1:] if each]
        top = os.path.dirname(os.path.dirname(os.path.abspath(buildbot.__file__)))
        module = ["buildbot.logs.grepchild"]
        if self._farLogs is not None:
            module = ["buildbot.logstorage.grepfar", os.path.abspath(self._farLogs)]
        child = subprocess.Popen(
            [sys.executable, "-m", *module],
            cwd="/",  # else Python would look for modules in a directory that may be anybody's
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([top, *map(os.path.abspath, paths)])},
            start_new_session=True,  # Control-C is for the command, which ends the child
        )
        assert child.stdin is not None
        child.stdin.write(json.dumps(self._wanted._asdict()).encode() + b"\n")
        return child

    def _hear(self) -> list[Any]:
        """The next line of the child."""
        assert self._child is not None and self._child.stdout is not None
        while b"\n" not in self._rest:
            ready, _, _ = select.select([self._child.stdout], [], [], _BEAT)
            if ready:
                data = os.read(self._child.stdout.fileno(), _READ)
                if not data:
                    self._ended()
                self._rest += data
            elif time.monotonic() >= self._late:
                self._end()
                raise TooSlow
            else:
                return ["nothing"]
        line, _, self._rest = self._rest.partition(b"\n")
        self._late = time.monotonic() + self.patience
        said: list[Any] = json.loads(line)
        return said

    def _ended(self) -> NoReturn:
        assert self._child is not None
        status = self._child.wait()
        self._end()
        raise CommandFailed(f"the program that searches the logs has ended with status {status}")

    def _end(self) -> None:
        if self._child is None:
            return
        child, self._child, self._rest = self._child, None, b""
        child.kill()
        child.wait()
        for stream in (child.stdin, child.stdout):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]

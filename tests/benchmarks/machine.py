"""Processes as the kernel shows them: their usage, their limits, and how to end them.

It measures from outside, through /proc, so the server need not support it. Linux only.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def raiseFileLimit(wanted: int) -> int:
    """Let this process and its children open C{wanted} files, or as many as permitted; return the number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return soft


def cpuSeconds(pid: int) -> float:
    """The CPU time of all threads of C{pid}, also of ended ones."""
    # the number of the clock of clock_getcpuclockid(3), which Python lacks
    return time.clock_gettime((~pid << 3) | 2)


def rssKiB(pid: int) -> int:
    """The resident memory of C{pid}."""
    with open(f"/proc/{pid}/smaps_rollup") as source:
        for line in source:
            if line.startswith("Rss:"):
                return int(line.split()[1])
    raise ValueError(f"process {pid} has no Rss")


def _status(pid: int, key: str) -> int:
    with open(f"/proc/{pid}/status") as source:
        for line in source:
            if line.startswith(key + ":"):
                return int(line.split()[1])
    raise KeyError(key)


def peakKiB(pid: int) -> int:
    """The peak of the resident memory of C{pid} since L{forgetPeak}, or since its start."""
    return _status(pid, "VmHWM")


def forgetPeak(pid: int) -> None:
    """Reset the peak of C{pid}."""
    with open(f"/proc/{pid}/clear_refs", "w") as control:
        control.write("5")


def openFiles(pid: int) -> int:
    """The number of open file descriptors of C{pid}."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def newFileMicroseconds(files: int = 200) -> float:
    """The microseconds of CPU for a new file in the directory of temporary files.

    About 10 are usual. On ext4 it may be 1,000 if many files were deleted in the last five minutes: the
    kernel does not use their inodes again so soon, and searches for others each time.
    """
    with tempfile.TemporaryDirectory(prefix="files-") as directory:
        begun = time.thread_time()
        for number in range(files):
            os.close(os.open(os.path.join(directory, str(number)), os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        return (time.thread_time() - begun) * 1e6 / files


def settle(pid: int, quiet: float = 0.3, limit: float = 10.0, share: float = 0.02) -> None:
    """Return when C{pid} has used less than C{share} of a processor, by default almost nothing, for C{quiet}
    seconds, or after C{limit} seconds.
    """
    deadline = time.monotonic() + limit
    before = cpuSeconds(pid)
    while time.monotonic() < deadline:
        time.sleep(quiet)
        now = cpuSeconds(pid)
        if now - before < quiet * share:
            return
        before = now


def python(module: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    """Run C{module} of this checkout with this interpreter; its input and output are pipes of text."""
    settings: dict[str, Any] = {
        "cwd": ROOT,
        "stdin": subprocess.PIPE,
        "stdout": subprocess.PIPE,
        "text": True,
    }
    return subprocess.Popen([sys.executable, "-m", module, *arguments], **(settings | options))


def end(process: subprocess.Popen[str], patience: float = 10.0) -> int:
    """Terminate C{process}, and kill it after C{patience} seconds; return its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    return process.wait()


class Conversation:
    """I am a child process that answers each line with one line of JSON."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def hear(self) -> dict[str, Any]:
        """The next line of the child. Raises L{EOFError} if it has ended."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise EOFError(f"{self.process.args!r} ended with status {self.process.wait()}")
        report = json.loads(line)
        assert isinstance(report, dict)
        return report

    def ask(self, command: str) -> dict[str, Any]:
        """The child's answer to C{command}."""
        assert self.process.stdin is not None
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.hear()


@contextmanager
def conversation(module: str, *arguments: str) -> Iterator[Conversation]:
    """A L{Conversation} with C{module}; the child ends with the block."""
    process = python(module, *arguments)
    try:
        yield Conversation(process)
    finally:
        end(process)

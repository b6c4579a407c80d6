# -*- test-case-name: tests.unit.test_lanes -*-
"""Run modules of tests in several processes, each of which takes the next module when it is done with one.

C{python -m tests.lanes -j3 tests.unit tests.stories} is C{trial -j3} for many short tests, in less time.
A process imports only the modules whose tests it runs. It tells about a module instead of about each test and
each line of the log. It knows no other option of trial, and runs whole modules only.

The files of the tests are in memory if the machine has room there. They are removed after a success. After a
failure they stay until the next run: the last line says where.
"""

from __future__ import annotations

import argparse
import fcntl
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, TextIO
from unittest import TestResult, TestSuite

from twisted.logger import FileLogObserver, LogEvent, eventAsText, globalLogBeginner
from twisted.trial import unittest
from twisted.trial.itrial import ITestCase
from twisted.trial.reporter import Reporter
from twisted.trial.runner import TestLoader, TrialSuite

#: The bytes of a module's name in the queue. A pipe passes such a piece whole, to one reader.
_PIECE = 128

#: The directory whose files are in memory.
MEMORY = "/dev/shm"

#: The room in bytes that the files of all tests may need there. Those of the fast tests need 200 MB.
ROOM = 1 << 30

#: How the names of directories in memory begin. They are short, for sockets.
_PREFIX = "bbtests-"

#: What a summary counts, in its order.
_COUNTED = ("skips", "expectedFailures", "failures", "errors", "unexpectedSuccesses", "successes")


def modules(name: str, path: Iterable[str]) -> Iterator[str]:
    """The names of the test modules of a package in one of the directories C{path}, or of one module.

    @raises LookupError: if there is no such package and no such module.
    """
    for directory in path:
        place = os.path.join(directory, *name.split("."))
        if os.path.isfile(place + ".py"):
            return iter([name])
        if os.path.isdir(place):
            return _below(name, place)
    raise LookupError(name)


def _below(package: str, directory: str) -> Iterator[str]:
    for entry in sorted(os.listdir(directory)):
        name, ending = os.path.splitext(entry)
        if ending == ".py" and name.startswith("test_"):
            yield f"{package}.{name}"
        elif os.path.isfile(os.path.join(directory, entry, "__init__.py")):
            yield from _below(f"{package}.{entry}", os.path.join(directory, entry))


def summary(counts: Counter[str]) -> str:
    """The line that trial ends with, as in C{"FAILED (failures=1, successes=2)"}."""
    good = not (counts["failures"] or counts["errors"] or counts["unexpectedSuccesses"])
    said = ", ".join(f"{name}={counts[name]}" for name in _COUNTED if counts[name])
    return f"{'PASSED' if good and counts['successes'] else 'FAILED'} ({said})"


class Fed(TestSuite):
    """The tests of modules whose names come while it runs; it says for each module how many tests it had."""

    def __init__(self, names: Iterable[str], said: TextIO) -> None:
        super().__init__()
        self._names = names
        self._said = said

    def run(self, result: TestResult, debug: bool = False) -> TestResult:
        for name in self._names:
            before = result.testsRun
            unittest.decorate(TestLoader().loadByName(name), ITestCase)(result)
            self._said.write(f"{name}: {result.testsRun - before}\n")
            self._said.flush()
        return result


def lane(
    names: Iterable[str], said: TextIO, around: Callable[[list[TestSuite]], TestSuite] = TrialSuite
) -> Counter[str]:
    """Run the tests of modules one after another; what has failed is said at the end, in one piece.

    @param around: makes a suite of suites. That of trial stops the reactor at the end.
    @return: how many tests there were of each kind that a summary has.
    """
    report = io.StringIO()
    reporter = Reporter(report)
    around([Fed(names, said)]).run(reporter)
    reporter.done()
    said.write(report.getvalue())
    said.flush()
    counts = {name: getattr(reporter, name) for name in _COUNTED}
    return Counter({name: each if isinstance(each, int) else len(each) for name, each in counts.items()})


def taken(queue: BinaryIO) -> Iterator[str]:
    """The names that this process takes out of the queue, until it is empty."""
    while piece := queue.read(_PIECE):
        yield piece.decode().strip()


def put(queue: BinaryIO, names: Iterable[str]) -> None:
    """Put names into the queue; wait while it is full."""
    for name in names:
        queue.write(name.encode().ljust(_PIECE))


def inMemory(memory: str = MEMORY, room: int = ROOM) -> tuple[str, int] | None:
    """A new directory in memory, and its lock: it is in use while a process has this descriptor open.

    Before that, this user's earlier directories that are in no use any more are removed.

    @return: None if the machine has no such memory or too little room there, or permits no programs there.
    """
    if not os.access(memory, os.W_OK):
        return None
    for old in os.scandir(memory):
        if old.name.startswith(_PREFIX) and old.stat(follow_symlinks=False).st_uid == os.getuid():
            _removeUnused(old.path)
    system = os.statvfs(memory)
    if system.f_bavail * system.f_frsize < room or system.f_flag & os.ST_NOEXEC:
        return None
    made = tempfile.mkdtemp(prefix=f".{_PREFIX}", dir=memory)
    lock = _opened(made)
    fcntl.flock(lock, fcntl.LOCK_EX)
    # Nobody may find it before it is locked.
    directory = os.path.join(memory, os.path.basename(made)[1:])
    os.rename(made, directory)
    return directory, lock


def _opened(directory: str) -> int:
    return os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)


def _removeUnused(directory: str) -> None:
    with suppress(OSError):
        lock = _opened(directory)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(directory, ignore_errors=True)
        finally:
            os.close(lock)


def _line(event: LogEvent) -> str:
    """An event as a line of the log. It lacks the date, which would take as long as all the rest."""
    return f"{event['log_time']:.3f} {eventAsText(event, includeTimestamp=False, includeSystem=False)}\n"


def _asLane(queue: int, directory: str) -> None:
    """The life of a process: C{directory} becomes its working directory, and has its log and its counts."""
    # A shell starts what it runs in the background without SIGINT; the programs of tests would lack it, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.mkdir(directory)
    os.chdir(directory)
    with open("test.log", "w", encoding="utf-8") as logged, open(queue, "rb", buffering=0) as names:
        globalLogBeginner.beginLoggingTo([FileLogObserver(logged, _line)], redirectStandardIO=False)
        counts = lane(taken(names), sys.stdout)
    with open("counts.json", "w", encoding="utf-8") as file:
        json.dump(counts, file)


def gathered(directories: Iterable[str]) -> Counter[str]:
    """The counts of all processes. One that has left none ended before its time, which counts as an error."""
    counts: Counter[str] = Counter()
    for directory in directories:
        try:
            with open(os.path.join(directory, "counts.json"), encoding="utf-8") as file:
                counts.update(json.load(file))
        except FileNotFoundError:
            counts["errors"] += 1
    return counts


def main(arguments: list[str]) -> int:
    """Run the tests of the named packages and modules; the status is 0 if all have passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.lanes", description=__doc__)
    parser.add_argument("-j", type=int, default=2, metavar="N", help="the number of processes")
    parser.add_argument(
        "--temp-directory",
        metavar="DIR",
        help="for the files of the tests; made anew, and kept; short, for sockets (default: a new one in"
        f" {MEMORY} if it has {ROOM >> 30} GiB of room and permits programs, else _tests)",
    )
    parser.add_argument("--queue", type=int, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="+", help="packages and modules of tests")
    options = parser.parse_args(arguments)
    if options.queue is not None:
        _asLane(options.queue, options.names[0])
        return 0
    found = [each for name in options.names for each in modules(name, sys.path)]
    place = None if options.temp_directory else inMemory()
    if place is not None:
        return _runThenRemove(found, options.j, *place)
    directory = options.temp_directory or "_tests"
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    return _run(found, options.j, directory)


def _runThenRemove(found: list[str], count: int, directory: str, lock: int) -> int:
    """As L{_run}. The directory is removed, unless a test has failed: then it is said where it is."""
    status = 0
    try:
        status = _run(found, count, directory, lock)
    finally:
        if not status:
            shutil.rmtree(directory, ignore_errors=True)
    if status:
        print(f"their files stay in memory until the next run, in {directory}", file=sys.stderr)
    return status


def _run(found: list[str], count: int, directory: str, *kept: int) -> int:
    """Run the modules in C{count} processes below a directory; return the exit status.

    @param kept: descriptors that the processes keep open, too.
    """
    begun = time.monotonic()
    directories = [os.path.abspath(f"{directory}/{number}") for number in range(count)]
    reading, writing = os.pipe()
    lanes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.lanes", "--queue", str(reading), each],
            stdin=subprocess.DEVNULL,
            pass_fds=[reading, *kept],
        )
        for each in directories
    ]
    os.close(reading)
    with suppress(BrokenPipeError), open(writing, "wb", buffering=0) as queue:
        put(queue, found)
    for number, each in enumerate(lanes):
        if status := each.wait():
            print(f"process {number} ended before its time: exit status {status}")
    counts = gathered(directories)
    print(f"{'=' * 79}\n{counts.total()} tests in {len(lanes)} processes, {time.monotonic() - begun:.1f} s\n")
    said = summary(counts)
    print(said, flush=True)
    return int(not said.startswith("PASSED"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

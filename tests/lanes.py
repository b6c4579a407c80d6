# -*- test-case-name: tests.unit.test_lanes -*-
"""Run modules of tests in several processes, each of which takes the next module when it is done with one.

C{python -m tests.lanes -j3 tests.unit tests.stories} is C{trial -j3} for many short tests, in less time.
A process imports only the modules whose tests it runs. It tells about a module instead of about each test and
each line of the log. It knows no other option of trial, and runs whole modules only.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import BinaryIO, TextIO
from unittest import TestResult, TestSuite

from twisted.python import log
from twisted.trial import unittest
from twisted.trial.itrial import ITestCase
from twisted.trial.reporter import Reporter
from twisted.trial.runner import TestLoader, TrialSuite

#: The bytes of a module's name in the queue. A pipe passes such a piece whole, to one reader.
_PIECE = 128

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


def _asLane(queue: int, directory: str) -> None:
    """The life of a process: C{directory} becomes its working directory, and has its log and its counts."""
    # A shell starts what it runs in the background without SIGINT; the programs of tests would lack it, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.mkdir(directory)
    os.chdir(directory)
    with open("test.log", "w", encoding="utf-8") as logged, open(queue, "rb", buffering=0) as names:
        log.startLoggingWithObserver(log.FileLogObserver(logged).emit, False)
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
    parser.add_argument("--temp-directory", default="_tests", help="made anew; short, for sockets")
    parser.add_argument("--queue", type=int, help=argparse.SUPPRESS)
    parser.add_argument("names", nargs="+", help="packages and modules of tests")
    options = parser.parse_args(arguments)
    if options.queue is not None:
        _asLane(options.queue, options.names[0])
        return 0
    begun = time.monotonic()
    found = [each for name in options.names for each in modules(name, sys.path)]
    shutil.rmtree(options.temp_directory, ignore_errors=True)
    os.makedirs(options.temp_directory)
    directories = [os.path.abspath(f"{options.temp_directory}/{number}") for number in range(options.j)]
    reading, writing = os.pipe()
    lanes = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.lanes", "--queue", str(reading), directory],
            stdin=subprocess.DEVNULL,
            pass_fds=[reading],
        )
        for directory in directories
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

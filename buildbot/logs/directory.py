# -*- test-case-name: tests.unit.logs.test_directory -*-
"""List and check the files in the directory of logs.

L{buildbot.logs.files} writes and reads the files. All functions block.
"""

from __future__ import annotations

import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from urllib.parse import unquote

from buildbot.files.plain import NotPlain
from buildbot.logs.files import logFilename, openForWriting
from buildbot.logs.mounts import openLog
from buildbot.model.records import TAKEN_OVER, BuildRecord, LogRecord, StepRecord
from buildbot.text.plural import counted

#: The trouble of a log whose master ended while it was being written.
CUT_SHORT = "the master ended while it was written"
#: The trouble of a log that another master was writing when this one took over, where both share no logs.
LEFT = "its file was left on the machine of the master before"
_LOG = re.compile(r"([0-9]{1,15})-log-")
_PIECE = 1 << 20


def canWrite(directory: str) -> bool:
    """Check that a new log file can be written. Creates the directory of logs if it is missing."""
    path = os.path.join(directory, f".probe-{os.getpid()}")
    try:
        with suppress(FileNotFoundError):
            os.unlink(path)
        file = openForWriting(path)
        try:
            return file.write(bytes(4096)) == 4096
        finally:
            file.close()
    except OSError:
        return False
    finally:
        with suppress(OSError):
            os.unlink(path)


def directoryOf(builder: str) -> str:
    """The name of a builder's directory, relative to the directory of logs."""
    return os.path.dirname(logFilename(builder, 0, "", ""))


def numberOf(name: str) -> int | None:
    """The build number in the name of a log file; None if the file is not a log."""
    found = _LOG.match(name)
    return int(found[1]) if found else None


def numbersIn(logs: str, builder: str) -> Iterator[tuple[int, str]]:
    """Yield each log file of a builder: its build's number, and its name relative to C{logs}."""
    directory = directoryOf(builder)
    try:
        names = os.listdir(os.path.join(logs, directory))
    except OSError:
        return
    for name in names:
        number = numberOf(name)
        if number is not None:
            yield number, f"{directory}/{name}"


def nextNumber(logs: str, builder: str) -> int:
    """The next free build number: above those of all log files of this builder."""
    return max((number + 1 for number, _ in numbersIn(logs, builder)), default=0)


def orphans(
    logs: str, files: Iterable[tuple[int, str]], below: int, older: float | None
) -> dict[int, list[str]]:
    """The log files of builds that are too old, by build number. Builds in the store are not excluded.

    @param files: some of the files that L{numbersIn} yields.
    @param below: builds with lower numbers are too old.
    @param older: files last written before this time are too old; None: no limit.
    """
    found: dict[int, list[str]] = {}
    for number, filename in files:
        if number < below or (older is not None and _isOlder(os.path.join(logs, filename), older)):
            found.setdefault(number, []).append(filename)
    return found


def _isOlder(path: str, when: float) -> bool:
    try:
        return os.lstat(path).st_mtime < when
    except OSError:
        return False


def adopt(build: BuildRecord, logs: str) -> BuildRecord:
    """Return the record of an interrupted build with all its log files.

    The killed master may have created logs that the record lacks. They are added to the step in their file
    name, so that they can be read, and are removed with the build. Incomplete logs get their present length.
    """
    assert build.number is not None
    lost = LEFT if TAKEN_OVER in build.text else "its file is gone"
    steps = [
        step.altered(logs=tuple(_closed(each, logs, lost) for each in step.logs)) for step in build.steps
    ]
    known = set(build.logFilenames())
    mine = [name for number, name in numbersIn(logs, build.builder) if number == build.number]
    for filename in sorted(name for name in mine if name not in known):
        stepName, logName = _namesOf(filename)
        log = _closed(LogRecord(logName, filename), logs, lost)
        places = [place for place, step in enumerate(steps) if step.name == stepName]
        if places:
            steps[places[-1]] = steps[places[-1]].altered(logs=(*steps[places[-1]].logs, log))
        else:
            steps.append(StepRecord(stepName, build.started, logs=(log,)))
    return build.altered(steps=tuple(steps))


def _namesOf(filename: str) -> tuple[str, str]:
    """The names of the step and the log in the file name NUMBER-log-STEP-LOG."""
    step, _, log = _LOG.sub("", os.path.basename(filename)).rpartition("-")
    return unquote(step) or "step", unquote(log) or "log"


def _closed(log: LogRecord, logs: str, lost: str) -> LogRecord:
    """An incomplete log with its present length. C{lost} is its trouble if it has no file."""
    if log.length is not None:
        return log
    try:
        size = os.stat(os.path.join(logs, log.filename)).st_size
    except (OSError, ValueError):
        return replace(log, length=0, trouble=lost)
    return replace(log, length=size, trouble=CUT_SHORT)


def logTrouble(path: str, log: LogRecord) -> Sequence[str]:
    """The faults of a finished log's file, one line each; empty if the file is unchanged."""
    lines = [log.trouble] if log.trouble else []
    if log.length is None or log.trouble == LEFT:  # nobody has measured that one
        return lines
    size = crc = 0
    try:
        with openLog(path) as file:
            while piece := file.read(_PIECE):
                size += len(piece)
                crc = zlib.crc32(piece, crc)
    except FileNotFoundError:
        return [*lines, "its file is gone"]
    except NotPlain as error:
        return [*lines, str(error.strerror)]
    except OSError as error:
        return [*lines, f"its file cannot be read: {error.strerror}"]
    if size < log.length:
        return [*lines, f"its last {log.length - size} of {counted(log.length, 'byte')} are missing"]
    if size > log.length:
        return [*lines, f"its file has {counted(size - log.length, 'byte')} too many"]
    if log.crc is not None and crc != log.crc:
        return [*lines, "its file was altered after it was written"]
    return lines

# -*- test-case-name: tests.processes.test_tryjobdir -*-
"""The command C{tryserver}: put a try job into the directory of a C{Try_Jobdir}, on the host of the master.

L{buildbot.schedulers.tryjobdir} takes it from there.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from hashlib import md5

from buildbot.daemon.oserrors import inWords
from buildbot.files.plain import readPlain
from buildbot.model.tryjob import LONGEST_JOB, BadJobfile, readJob
from buildbot.scripts.output import CommandFailed, Config

#: The end of the name of a job whose author waits.
WAITS = ".wait"
#: The seconds between two looks for events.
LOOK_EVERY = 0.3
#: The seconds in which a master must take the job.
TAKEN_WITHIN = 120.0
#: The events after which nothing follows.
_LAST = ("end", "lost", "refused")


def tryserver(config: Config) -> int:
    """Deliver the job on standard input. Status 0 once it is in C{new}.

    With C{wait}, print the events of its builds, one line of JSON each, and end after the last one.

    @raise CommandFailed: the job is malformed, or cannot be delivered.
    """
    jobdir, waits = str(config["jobdir"]), bool(config.get("wait"))
    data = sys.stdin.buffer.read(LONGEST_JOB + 1) if sys.stdin is not None else b""
    try:
        readJob(data)
    except BadJobfile as error:
        raise CommandFailed(f"the job on standard input is malformed: {error}") from None
    name = deliver(jobdir, data, time.time(), WAITS if waits else "")
    if waits:
        _tell({"event": "delivered"})
        for line in events(os.path.join(jobdir, "told", name)):
            sys.stdout.write(line)
            sys.stdout.flush()
    return 0


def deliver(jobdir: str, data: bytes, now: float, end: str = "") -> str:
    """Write a job to C{tmp}, and move it to C{new}.

    @param end: the end of its name.
    @return: its name.
    @raise CommandFailed: that is not possible.
    """
    name = f"{int(now)}-{md5(data, usedforsecurity=False).hexdigest()}-{os.getpid()}{end}"
    there = os.path.join(jobdir, "tmp", name)
    try:
        with open(there, "xb") as stream:
            # The master may be another user, and share a group with this one.
            os.fchmod(stream.fileno(), stat.S_IMODE(os.fstat(stream.fileno()).st_mode) | stat.S_IRGRP)
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.rename(there, os.path.join(jobdir, "new", name))
    except OSError as why:
        with suppress(OSError):
            os.unlink(there)
        raise CommandFailed(f"the job cannot be delivered: {inWords(why)}") from None
    return name


def events(path: str) -> Iterator[str]:
    """Yield the lines of a file of events as they come, up to the last event.

    @raise CommandFailed: the master does not take the job in time.
    """
    since = time.monotonic()
    rest = b""
    while True:
        try:
            with readPlain(path, follow=False) as stream:
                while True:
                    rest += stream.read()
                    *lines, rest = rest.split(b"\n")
                    for line in lines:
                        yield line.decode("utf-8", "replace") + "\n"
                        if _kindOf(line) in _LAST:
                            return
                    time.sleep(LOOK_EVERY)
        except FileNotFoundError:
            if time.monotonic() - since > TAKEN_WITHIN:
                raise CommandFailed(
                    f"no master has taken the job within {TAKEN_WITHIN:g} s; it stays in the jobdir"
                ) from None
            time.sleep(LOOK_EVERY)
        except OSError as why:
            raise CommandFailed(f"the progress of the job cannot be read: {inWords(why)}") from None


def _kindOf(line: bytes) -> object:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said.get("event") if isinstance(said, dict) else None


def _tell(event: dict[str, object]) -> None:
    print(json.dumps(event), flush=True)

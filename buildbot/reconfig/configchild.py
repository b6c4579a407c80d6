# -*- test-case-name: tests.processes.test_childload -*-
"""The child process that loads a master.cfg first, so that the file cannot harm the master.

It starts in a twentieth of a second. L{buildbot.reconfig.childload} is the parent's side.

The report to the parent is an empty line before the file runs, and then one line of JSON:
C{{"errors": [...], "warnings": [...]}} with C{[message, filename, line]} each. After the time limit, it is a
dump of faulthandler instead.
"""

from __future__ import annotations

import contextlib
import faulthandler
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass

from buildbot.config.load import decode, load, locate
from buildbot.config.model import ConfigError, ConfigErrors, MasterConfig
from buildbot.config.optional import AsksServer
from buildbot.daemon import garbage
from buildbot.files.plain import readPlain

#: Seconds for a thread to end, before it counts as left running.
_LAST_STEPS = 0.2


@dataclass(frozen=True)
class Order:
    """The child's order: run the file C{path} of the master in C{basedir}, and report on C{report}.

    @ivar timeout: the seconds that the file may run.
    @ivar report: the number of an inherited file descriptor.
    @ivar asks: True to ask the server of object storage, too, whether the bucket can be used.
    """

    path: str
    basedir: str
    timeout: float
    report: int
    asks: bool = False


def readConfig(path: str, basedir: str) -> MasterConfig:
    """Load the configuration of a file. A relative C{path} is relative to C{basedir}.

    @raise ConfigErrors: with every error; or the file cannot be read.
    """
    here = locate(path, basedir)
    try:
        with readPlain(here.path) as file:
            data = file.read()
    except OSError as error:
        raise ConfigErrors([ConfigError(f"cannot read it: {error.strerror}", here.shown)]) from error
    return load(decode(data, here.shown), here.path, here.basedir)


def main(order: str) -> None:
    """Carry out an L{Order}, given as JSON. Ends the process."""
    asked = Order(**json.loads(order))
    me = os.getpid()
    _standApart(asked.report)
    garbage.collectRarely(garbage.NEW_OBJECTS_OF_BRIEF)
    forks: list[int | None] = []
    os.register_at_fork(
        after_in_parent=lambda: forks.extend(_forkOf(asked.path)),
        after_in_child=lambda: _close(asked.report),  # a forked copy must not report
    )
    before = _Surroundings.now()
    os.write(asked.report, b"\n")
    faulthandler.dump_traceback_later(asked.timeout, exit=True, file=asked.report)
    errors, warnings = _run(asked)
    if os.getpid() != me:
        os._exit(0)
    faulthandler.cancel_dump_traceback_later()
    shown = locate(asked.path, asked.basedir).shown
    errors += [ConfigError("the file calls os.fork; a running master cannot", shown, line) for line in forks]
    errors += [ConfigError(trouble, shown) for trouble in before.lost()]
    answer = {"errors": list(map(astuple, errors)), "warnings": list(map(astuple, warnings))}
    with os.fdopen(asked.report, "wb") as stream:
        stream.write(json.dumps(answer).encode("ascii") + b"\n")
    os._exit(0)  # skip the exit handlers of the file


def _run(asked: Order) -> tuple[list[ConfigError], list[ConfigError]]:
    """Load the file, and return the errors and the warnings."""
    try:
        config = readConfig(asked.path, asked.basedir)
    except ConfigErrors as failed:
        return list(failed.errors), list(failed.warnings)
    asking = bucketDoubts(config) if asked.asks else ()
    return [], [*config.warnings, *asking]


def bucketDoubts(config: MasterConfig) -> Iterator[ConfigError]:
    """Yield why the bucket for logs cannot be used now, if the file itself gives no reason. Blocks."""
    storage = config.logStorage
    if isinstance(storage, AsksServer) and not storage.configurationDoubts:
        why = storage.whyUnusable()
        if why:
            yield ConfigError(f"c['logStorage']: {why}")


def _standApart(report: int) -> None:
    """Start a process group of my own, so that the parent can kill all of it, and set up my descriptors."""
    with contextlib.suppress(PermissionError):  # this process leads a group already
        os.setsid()
    os.dup2(1, 2)
    os.set_inheritable(report, False)
    with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")  # if memory runs out, the kernel kills this process and not the master


def _close(descriptor: int) -> None:
    with contextlib.suppress(OSError):
        os.close(descriptor)


def _forkOf(path: str) -> Iterator[int | None]:
    """Yield the line of the file that has just forked; nothing if subprocess forked."""
    frame = sys._getframe(2)
    if frame.f_code.co_filename == subprocess.__file__:
        return
    while frame is not None and frame.f_code.co_filename != path:
        frame = frame.f_back  # type: ignore[assignment] # it ends with None
    yield frame.f_lineno if frame is not None else None


@dataclass(frozen=True)
class _Surroundings:
    """The process-wide settings that a file must not change, since it also runs in the master."""

    directory: str
    umask: int
    signals: dict[int, object]
    threads: frozenset[int]

    @classmethod
    def now(cls) -> _Surroundings:
        """Read the present settings."""
        umask = os.umask(0o077)
        os.umask(umask)
        signals: dict[int, object] = {each: signal.getsignal(each) for each in signal.valid_signals()}
        return cls(_directory(), umask, signals, frozenset(sys._current_frames()))

    def lost(self) -> Iterable[str]:
        """Yield a sentence for each setting that the file has changed."""
        for thread in threading.enumerate():
            if thread.ident not in self.threads:
                thread.join(_LAST_STEPS)
        now = _Surroundings.now()
        if now.directory != self.directory:
            yield "it changes the working directory (os.chdir); a running master needs its own"
        if now.umask != self.umask:
            yield "it changes the umask (os.umask); a running master needs its own"
        for number, handler in self.signals.items():
            if now.signals[number] is not handler and now.signals[number] != handler:
                name = signal.Signals(number).name
                yield f"it changes the handler of the signal {name}; a running master needs its own"
        if now.threads - self.threads:
            left = [each.name for each in threading.enumerate() if each.ident not in self.threads]
            yield f"it leaves a thread running{f' ({left[0]})' if left else ''}; each reconfig would add one"


def _directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""

# -*- test-case-name: tests.unit.scripts.test_startup -*-
"""The command C{start}: start a daemon and wait until it is ready.

The child is L{buildbot.daemon.run}. It reports through the start-up pipe; no log is read.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO

import buildbot
from buildbot.daemon import directory, lock, pidfile
from buildbot.daemon.outcome import Outcome
from buildbot.scripts.interrupts import Interrupts, heldBack
from buildbot.scripts.output import CommandFailed, Config, refuseStranger, say, setting, usable, waiting

#: The most seconds for a child to end after a failure or SIGTERM.
_GRACE = 12.0


def start(config: Config) -> int:
    """Start the daemon of a directory and wait until it is ready. Returns the exit status.

    With C{nodaemon}, this process becomes the daemon, and its exit status is returned.
    """
    here = usable(config)
    home, what = placeOf(here, config)
    running = lock.holder(home)
    if running is not None:
        raise CommandFailed(f"the {what} in {here} is already running, {running}")
    refuseStranger(home)
    if config.get("nodaemon"):
        from buildbot.daemon import run  # imports Twisted, which a waiting parent does not need

        return run.main([*_flags(config), "--", here])
    with heldBack() as interrupts:
        said = launch(here, setting(config, "timeout", float, 120.0), config, interrupts)
        started = lock.holder(home)
        pid = "" if started is None else f" (pid {started.pid})"
        say(config, *said, f"{what[:1].upper()}{what[1:]} started{pid}.")
    return 0


def placeOf(here: str, config: Config) -> tuple[str, str]:
    """The directory of the process that a command is about, with its lock and its log; and its name in words.

    @raise CommandFailed: the directory is that of a slave, which has no pages.
    """
    kind = directory.kindOf(directory.readTac(here))
    if not config.get("pages-only"):
        return here, kind.value
    if kind is directory.Kind.SLAVE:
        raise CommandFailed(f"{here} is the directory of a slave, which has no pages")
    return os.path.join(here, directory.PAGES), "process with the pages"


def _flags(config: Config) -> list[str]:
    """The options of the child."""
    port = config.get("http-port")
    return [
        *(["--verbose"] if config.get("verbose") else []),
        *(["--pages-only"] if config.get("pages-only") else []),
        *(["--standby"] if config.get("standby") else []),
        *(["--http-port", str(port)] if port else []),
    ]


def launch(here: str, timeout: float, config: Config, interrupts: Interrupts) -> list[str]:
    """Start the daemon of a directory. Returns its messages once it is ready.

    @param interrupts: they are heard during the wait. Before it the child is not known yet, and after it the
        start has succeeded.
    @raise CommandFailed: it did not start. The process has ended, and its pid file and socket are removed.
    @raise KeyboardInterrupt: the same, because the user interrupted it.
    """
    receiving, sending = os.pipe()
    with open(receiving, "rb") as pipe, tempfile.TemporaryFile() as output:
        try:
            child = subprocess.Popen(
                daemonCommand(here, sending, _flags(config)),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=daemonCwd(buildbot.__file__),
                env=daemonEnvironment(os.environ),
                pass_fds=[sending],
                start_new_session=True,
            )
        finally:
            os.close(sending)
        outcome = None
        line = b""
        try:
            with waiting(config, f"process {child.pid} to be ready"), interrupts.heard():
                line = _waitForLine(pipe, timeout)
            outcome = Outcome.fromBytes(line)
        except _TooLong:
            said = (
                f"not ready within {timeout:g} s, so process {child.pid} was stopped: --timeout allows more"
            )
            raise CommandFailed(said) from None
        finally:
            if outcome is None or not outcome.ready:
                with waiting(config, f"process {child.pid} to end"):
                    _end(child, outcome is None, interrupts)
                home, _ = placeOf(here, config)
                if os.path.isdir(home):
                    pidfile.sweep(home)
        if outcome is None:
            raise CommandFailed(*_lastWords(child, output))
        if not outcome.ready:
            raise CommandFailed(*outcome.lines)
        child.returncode = 0  # the daemon keeps running; without this, Python would warn
        return list(outcome.lines)


class _TooLong(Exception):
    """The time limit of a start is exceeded."""


def daemonCommand(here: str, readyFd: int, flags: Sequence[str]) -> list[str]:
    """The command line of the child."""
    options = ["--ready-fd", str(readyFd), *flags]
    return [sys.executable, "-m", "buildbot.daemon.run", *options, "--", here]


def daemonCwd(package: str) -> str:
    """The working directory of the child, which Python puts at the front of its import path.

    The child must import the same package as the parent, and not a file in the user's current directory
    (a master's directory may be called buildbot).

    @param package: the path of the package's file.
    """
    parent = os.path.dirname(os.path.dirname(os.path.abspath(package)))
    return "/" if os.path.basename(parent) in ("site-packages", "dist-packages") else parent


def daemonEnvironment(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment of the child, with an absolute PYTHONPATH: the child starts in another directory."""
    paths = environ.get("PYTHONPATH", "").split(os.pathsep)
    absolute = os.pathsep.join(os.path.abspath(path) for path in paths if path)
    return {**environ, **({"PYTHONPATH": absolute} if absolute else {})}


def _waitForLine(pipe: IO[bytes], timeout: float) -> bytes:
    """Read the pipe up to its end. Raises L{_TooLong} after the time limit."""
    giveUp = time.monotonic() + timeout
    parts: list[bytes] = []
    while True:
        left = giveUp - time.monotonic()
        if left <= 0:
            raise _TooLong
        if select.select([pipe], [], [], left)[0]:
            parts.append(os.read(pipe.fileno(), 65536))
            if not parts[-1]:
                return b"".join(parts)


def _lastWords(child: subprocess.Popen[bytes], output: IO[bytes]) -> list[str]:
    """The exit status of a child that gave no reason, and its last lines of output."""
    status = child.returncode
    how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    output.seek(0)
    said = output.read().decode("utf-8", "replace").splitlines()[-20:]
    return [f"the process {how} before it was ready", *said]


def _end(child: subprocess.Popen[bytes], hurry: bool, interrupts: Interrupts) -> None:
    """Wait for the end of a child, then kill its process group.

    @param hurry: send SIGTERM first; otherwise the child is ending by itself.
    """
    if hurry and not _hasEnded(child.pid):
        child.terminate()
    giveUp = time.monotonic() + _GRACE
    with suppress(KeyboardInterrupt), interrupts.heard():  # a second Ctrl-C skips the wait
        while not _hasEnded(child.pid) and time.monotonic() < giveUp:
            time.sleep(0.01)
    # Before the wait, no other process can get its pid or its group's.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _hasEnded(pid: int) -> bool:
    """True if a child has ended; does not reap it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

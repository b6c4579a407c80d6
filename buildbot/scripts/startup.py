# -*- test-case-name: tests.unit.scripts.test_startup -*-
"""The command C{start}: the parent's side of a start.

The child is L{buildbot.daemon.run}. What it says through the start-up pipe, or its end, is the
verdict; no log is read.
"""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import IO

import buildbot
from buildbot.daemon import directory, lock, pidfile
from buildbot.daemon.outcome import Outcome
from buildbot.scripts.output import CommandFailed, Config, refuseStranger, say, setting, usable, waiting

#: How many seconds a child may take to end once it has failed, or been told to give up.
_GRACE = 12.0


def start(config: Config) -> int:
    """Start the daemon of a directory and wait until it is ready. Returns the exit status.

    With C{nodaemon} this process becomes the daemon, and the status is that of its end.
    """
    here = usable(config)
    kind = directory.kindOf(directory.readTac(here))
    running = lock.holder(here)
    if running is not None:
        raise CommandFailed(f"the {kind.value} in {here} is already running, {running}")
    refuseStranger(here)
    if config.get("nodaemon"):
        from buildbot.daemon import run  # loads Twisted, which waiting for a child must not

        return run.main([*(["--verbose"] if config.get("verbose") else []), "--", here])
    said = launch(here, setting(config, "timeout", float, 120.0), config)
    started = lock.holder(here)
    pid = "" if started is None else f" (pid {started.pid})"
    say(config, *said, f"{kind.value.capitalize()} started{pid}.")
    return 0


def launch(here: str, timeout: float, config: Config) -> list[str]:
    """Start the daemon of a directory; what it has to say once it is ready.

    @raise CommandFailed: it will not be ready. It is gone by then, and so is all that it made.
    """
    receiving, sending = os.pipe()
    with open(receiving, "rb") as pipe, tempfile.TemporaryFile() as output:
        try:
            child = subprocess.Popen(
                daemonCommand(here, sending, bool(config.get("verbose"))),
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
            with waiting(config, f"process {child.pid} to be ready"):
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
                    _end(child, hurry=outcome is None)
                pidfile.sweep(here)
        if outcome is None:
            raise CommandFailed(*_lastWords(child, output))
        if not outcome.ready:
            raise CommandFailed(*outcome.lines)
        child.returncode = 0  # it goes on without us; Python would warn of that
        return list(outcome.lines)


class _TooLong(Exception):
    """The time that a start may take is over."""


def daemonCommand(here: str, readyFd: int, verbose: bool) -> list[str]:
    """The command line of the child."""
    options = ["--ready-fd", str(readyFd), *(["--verbose"] if verbose else [])]
    return [sys.executable, "-m", "buildbot.daemon.run", *options, "--", here]


def daemonCwd(package: str) -> str:
    """Where to start the child, whose first place to import from that will be.

    It is to import the same package as we did, and no file that happens to lie in the user's current
    directory (a master's directory may well be called buildbot).

    @param package: the file of the package.
    """
    parent = os.path.dirname(os.path.dirname(os.path.abspath(package)))
    return "/" if os.path.basename(parent) in ("site-packages", "dist-packages") else parent


def daemonEnvironment(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables of the child, which is started in another directory than we were."""
    paths = environ.get("PYTHONPATH", "").split(os.pathsep)
    absolute = os.pathsep.join(os.path.abspath(path) for path in paths if path)
    return {**environ, **({"PYTHONPATH": absolute} if absolute else {})}


def _waitForLine(pipe: IO[bytes], timeout: float) -> bytes:
    """What comes through the pipe up to its end, which may be nothing. Raises L{_TooLong}."""
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
    """How a child ended that had not told why, and the last that it printed."""
    status = child.returncode
    how = f"was killed by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
    output.seek(0)
    said = output.read().decode("utf-8", "replace").splitlines()[-20:]
    return [f"the process {how} before it was ready", *said]


def _end(child: subprocess.Popen[bytes], hurry: bool) -> None:
    """See to the end of a child and of all that it has started.

    @param hurry: tell it; otherwise it is about to end of its own accord.
    """
    if hurry and not _hasEnded(child.pid):
        child.terminate()
    giveUp = time.monotonic() + _GRACE
    with suppress(KeyboardInterrupt):  # whoever is in a hurry presses Ctrl-C again
        while not _hasEnded(child.pid) and time.monotonic() < giveUp:
            time.sleep(0.01)
    # Until it is waited for, its number is nobody else's, and neither is that of its group.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


def _hasEnded(pid: int) -> bool:
    """Whether a child of ours has, without waiting for it."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

# -*- test-case-name: tests.test_scripts_stop -*-
"""The commands C{stop} and C{restart}.

Nobody is signalled but the process that holds the lock of the directory: a pid file proves nothing.
"""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

from buildbot.daemon import lock, place, traces
from buildbot.scripts.startup import start
from buildbot.scripts.words import CommandFailed, Config, command, say, setting, usable

_POLL = 0.02
#: How many seconds a killed process may take to be gone.
_KILL_GRACE = 5.0


def stop(config: Config, signame: str = "TERM", wait: bool = True) -> int:
    """Stop the process of a directory. Returns the exit status: 0 also if none was running.

    @param signame: the signal that asks for it, without C{SIG}.
    @param wait: whether to return only when the process is gone.
    @raise CommandFailed: it is still there after C{timeout} seconds.
    """
    here = usable(config)
    kind = place.kindOf(place.readTac(here)).value
    found = lock.holder(here)
    if found is None:
        say(config, f"no {kind} is running in {here}")
        return 0
    send(here, found, signal.Signals[f"SIG{signame}"])
    if not wait:
        say(config, f"sent SIG{signame} to {kind} process {found.pid}")
        return 0
    timeout = setting(config, "timeout", float, 15.0)
    if whenGone(here, found, timeout):
        say(config, f"{kind} process {found.pid} has stopped")
        return 0
    if not config.get("kill"):
        late = f"{kind} process {found.pid} has not stopped within {timeout:g} s"
        raise CommandFailed(f"{late}: `{command('stop', '--kill', here)}` ends it")
    send(here, found, signal.SIGKILL)
    if not whenGone(here, found, _KILL_GRACE):
        raise CommandFailed(f"{kind} process {found.pid} was killed, but is still there")
    traces.sweep(here)
    say(config, f"{kind} process {found.pid} had not stopped within {timeout:g} s and was killed")
    return 0


def restart(config: Config) -> int:
    """Stop the process of a directory if one is running, and start it. Returns the exit status of that."""
    stop({name: value for name, value in config.items() if name != "timeout"})
    return start(config)


def send(here: str, found: lock.Holder, number: signal.Signals) -> None:
    """Signal the process that holds the lock of a directory, and no other, even if it ends meanwhile."""
    try:
        handle = os.pidfd_open(found.pid)
    except ProcessLookupError:
        return
    except (AttributeError, OSError):  # not on this system
        with suppress(ProcessLookupError):
            os.kill(found.pid, number)
        return
    try:
        # The handle may be that of a later process of the same number, if the lock is not held any more.
        if lock.holder(here) == found:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
    finally:
        os.close(handle)


def whenGone(here: str, found: lock.Holder, timeout: float) -> bool:
    """Wait until a process has given up its lock; whether it did within that many seconds."""
    giveUp = time.monotonic() + timeout
    while lock.holder(here) == found:
        if time.monotonic() > giveUp:
            return False
        time.sleep(_POLL)
    return True

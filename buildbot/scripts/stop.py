# -*- test-case-name: tests.unit.scripts.test_stop -*-
"""The commands C{stop} and C{restart}.

They signal only the process that holds the lock of the directory. They do not touch a daemon that another
program has started there, known only by its pid file.
"""

from __future__ import annotations

import os
import select
import signal
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from buildbot.control import client
from buildbot.daemon import directory, lock, pidfile
from buildbot.daemon.oserrors import inWords
from buildbot.files.plain import mustBePlain
from buildbot.scripts.farlogs import whatWaits
from buildbot.scripts.output import (
    CommandFailed,
    Config,
    askMaster,
    command,
    loginName,
    refuseStranger,
    say,
    setting,
    usable,
    waiting,
)
from buildbot.scripts.startup import placeOf, start
from buildbot.store.files import FILE, mustBePlainStore
from buildbot.text.plural import counted

_POLL = 0.02
#: The most seconds for a killed process to end.
_KILL_GRACE = 5.0
#: The bytes on disk that a start needs, about.
_ROOM = 256 * 1024


def stop(config: Config, signame: str = "TERM", wait: bool = True) -> int:
    """Stop the process of a directory. Returns the exit status: 0 also if none was running.

    @param signame: the signal to send, without C{SIG}.
    @param wait: whether to wait for the end of the process.
    @raise CommandFailed: it has not ended after C{timeout} seconds, or another program runs a daemon there.
    """
    if config.get("cancel"):
        return _goOn(config)
    if config.get("clean"):
        return _stopCleanly(config)
    master = usable(config)
    here, kind = placeOf(master, config)
    found = lock.holder(here)
    if found is None:
        refuseStranger(here)
        pages = lock.holder(os.path.join(master, directory.PAGES)) if here == master else None
        only = command("stop", "--pages-only", master)
        say(config, f"no {kind} is running in {master}{f'; `{only}` stops its pages' if pages else ''}")
        return 0
    named = f"{kind} (pid {found.pid})" if here != master else f"{kind} process {found.pid}"
    logs = whatWaits(here) if wait and not config.get("restarts") else ""
    with Target(here, found) as target:
        target.send(signal.Signals[f"SIG{signame}"])
        if not wait:
            say(config, f"sent SIG{signame} to {named}")
            return 0
        timeout = setting(config, "timeout", float, 15.0)
        with waiting(config, f"{named} to stop"):
            gone = target.whenGone(timeout)
        if gone:
            say(config, f"{named} has stopped", *filter(None, [logs]))
            return 0
        late = f"{named} has not stopped within {timeout:g} s"
        if not config.get("kill"):
            options = ["--kill", *(["--pages-only"] if here != master else [])]
            raise CommandFailed(f"{late}: `{command('stop', *options, master)}` kills it")
        target.send(signal.SIGKILL)
        if not target.whenGone(_KILL_GRACE):
            raise CommandFailed(f"{late}, and still exists after SIGKILL")
    pidfile.sweep(here)
    say(config, f"{late}, and was killed")
    return 0


def _stopCleanly(config: Config) -> int:
    """Let the running builds end first. Without C{no-wait}, wait for the end of a local master."""
    isRemote = bool(config.get("url"))
    here = "" if isRemote else usable(config)
    found = None if isRemote else lock.holder(here)
    said: Any = askMaster(config, "shutdown", {"who": loginName()})
    ends = "ends" if said["running"] == 1 else "end"
    running = counted(said["running"], "running build")
    after = f"once {running} {ends}" if said["running"] else "now: no build is running"
    say(config, f"the master starts no builds, and stops {after}")
    if found is None or config.get("no-wait"):
        return 0
    last = f" after {running}" if said["running"] else ""
    logs = whatWaits(here)
    with Target(here, found) as target, waiting(config, f"the master to stop{last}"):
        while not target.whenGone(_KILL_GRACE):
            if _isTakenBack(here):
                raise CommandFailed("somebody has taken back the stop: the master goes on")
            logs = whatWaits(here, logs)
    say(config, f"the master (process {found.pid}) is no longer running", *filter(None, [logs]))
    return 0


def _isTakenBack(here: str) -> bool:
    """True if the running master was told not to stop after all."""
    try:
        said: Any = client.request(here, "status", {}, _KILL_GRACE)
    except (client.NotRunning, client.ControlError, OSError):
        return False  # it stops, or hangs
    return said["master"]["shutdown"] is None


def _goOn(config: Config) -> int:
    """Cancel a clean stop."""
    said: Any = askMaster(config, "cancelshutdown", {"who": loginName()})
    goesOn = "the master goes on: it does not stop"
    say(config, goesOn if said["cancelled"] else "nobody has asked the master to stop")
    return 0


def restart(config: Config) -> int:
    """Stop the process of a directory if one is running, and start it. Returns the exit status of the start.

    @raise CommandFailed: its configuration has errors, its files, its disk or its database do not allow a
        start, or it cannot be stopped; then the running process is left alone. Or the start failed.
    """
    here = usable(config)
    home, kind = placeOf(here, config)
    running = lock.holder(home)
    if running is not None:
        try:
            _checkFiles(home)
            if _hasConfig(here):
                _checkConfig(here)
                _checkStore(here)
        except CommandFailed as why:
            left = f"Nothing was stopped: the running {kind} ({running}) was left alone."
            raise CommandFailed(*why.lines, left) from None
    if home == here and (_isOtherActive(here) if running is None else _sharesStore(here)):
        say(config, "another master uses the same store: this one starts as a standby")
        config = {**config, "standby": True}
    others = ("timeout",) if running is not None else ("timeout", "clean")  # without a master, no build runs
    stop({**{name: value for name, value in config.items() if name not in others}, "restarts": True})
    return start(config)


def _sharesStore(here: str) -> bool:
    """True if a running master waits, or another one waits for its place: it could not start as before."""
    try:
        said: Any = client.request(here, "status", {}, _KILL_GRACE)
    except (client.NotRunning, client.ControlError, OSError):
        return False
    masters = said["master"].get("masters")
    return bool(masters and (masters["state"] == "standby" or masters["others"]))


def _isOtherActive(here: str) -> bool:
    """True if another master is active on the store of a stopped one: this one could only wait."""
    with suppress(directory.Unusable):
        if directory.storeAddress(directory.readTac(here)):
            from buildbot.scripts import elsewhere  # it is slow to import, and seldom needed

            return bool(elsewhere.otherActive(here))
    return False


def _hasConfig(here: str) -> bool:
    """True if the directory's master uses a configuration file; a .tac may run one without."""
    tac = directory.readTac(here)
    if directory.kindOf(tac) is not directory.Kind.MASTER:
        return False
    return bool(directory.namedConfigFile(tac)) or os.path.exists(os.path.join(here, directory.CONFIG))


def _checkConfig(here: str) -> None:
    """Raise L{CommandFailed} if the configuration has errors: a stopped master could not be started again."""
    from buildbot.scripts.checkconfig import checkconfig  # imports Twisted, which stopping does not need

    with waiting({}, "master.cfg to be checked"):
        checkconfig({"basedir": here, "quiet": True})


def _checkStore(here: str) -> None:
    """Raise L{CommandFailed} if the database of the store is away: a start would fail."""
    from buildbot.store.address import BadAddress  # like above
    from buildbot.store.direct import held
    from buildbot.store.interface import StoreFailed
    from buildbot.store.place import placeOf

    try:
        place = placeOf(here)
        if place.server is not None:
            held(place)
    except (StoreFailed, BadAddress) as why:
        raise CommandFailed(f"cannot start again: {why}") from None


def _checkFiles(here: str) -> None:
    """Raise L{CommandFailed} if the disk is full, or a file is of a kind that prevents a start."""
    try:
        with tempfile.TemporaryFile(dir=here) as probe:
            probe.write(bytes(_ROOM))
            probe.flush()
            os.fsync(probe.fileno())
        _checkLog(os.path.join(here, directory.LOG))
        mustBePlainStore(os.path.join(here, FILE))
    except OSError as why:
        raise CommandFailed(f"cannot start again in {here}: {inWords(why)}") from None


def _checkLog(path: str) -> None:
    if not os.path.exists(path):
        return
    if not stat.S_ISCHR(os.stat(path).st_mode):  # a link to /dev/null is fine
        mustBePlain(path)
    if not os.access(path, os.W_OK):
        raise CommandFailed(directory.closed(path))


@contextmanager
def _permitted(found: lock.Holder) -> Iterator[None]:
    """Raise L{CommandFailed} if another user's process cannot be signalled."""
    try:
        yield
    except PermissionError as why:
        raise CommandFailed(
            f"cannot signal process {found.pid}: {why.strerror}; it belongs to another user"
        ) from None


class Target:
    """I am the process that held the lock of a directory, never another process with a reused pid."""

    def __init__(self, here: str, found: lock.Holder) -> None:
        self._here = here
        self._found = found
        self._handle: int | None = None
        with suppress(AttributeError, OSError):  # ended already, or not on this system
            self._handle = os.pidfd_open(found.pid)

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *why: object) -> None:
        if self._handle is not None:
            os.close(self._handle)

    def send(self, number: signal.Signals) -> None:
        """Send a signal, if the process still holds the lock."""
        # Checked after the handle was opened: so the handle is this process, even if its pid is reused.
        if self._holds():
            with suppress(ProcessLookupError), _permitted(self._found):
                if self._handle is None:
                    os.kill(self._found.pid, number)
                else:
                    signal.pidfd_send_signal(self._handle, number)

    def whenGone(self, timeout: float) -> bool:
        """Wait for the end of the process. Returns False after C{timeout} seconds."""
        giveUp = time.monotonic() + timeout
        while self._holds() or not self._hasEnded():
            if time.monotonic() > giveUp:
                return False
            time.sleep(_POLL)
        return True

    def _holds(self) -> bool:
        return lock.holder(self._here) == self._found

    def _hasEnded(self) -> bool:
        return self._handle is None or bool(select.select([self._handle], [], [], 0)[0])

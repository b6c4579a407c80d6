"""Exact schedules of faults, for weaknesses that another part of the protocol hides from random faults.

All begin alike. The beats of the active master, A, hang in its network; the rest of it works, and has not
noticed that yet, as a master that wakes after it was frozen. When its lease is over, the other one, B, begins
to take over: it ends the sessions of A that write, and stops right after that. A connects again, begins a
transaction, passes its fence, and stops before the COMMIT. Now B goes on, and does what a master does that
takes over. At last A goes on.

With the row of A locked by its fence, B waits for the end of this transaction; so A's work is there when B
reads the store. Without that lock, B reads the store first, and A's work comes late:

  - C{late-build}: the transaction begins a build. Nobody closes this build, and its request waits for ever.
  - C{late-change}: the transaction keeps a change, and B keeps another one meanwhile. With numbers from a
    sequence, the number of the late change is the lower one, and no scheduler of B looks at it any more. With
    numbers from the counter, B waits for A at its row.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from buildbot.control.client import ControlError, NotRunning
from tests.benchmarks.failover_audit import Findings, Told, audit, auditEnd
from tests.benchmarks.failover_rig import SCHEDULERS, Master, Rig
from tests.benchmarks.failover_weak import STOPPED, WANTED

#: Seconds for each step of a schedule.
PATIENCE = 60.0
#: The seconds for which B may go on while A has stopped: with the lock, it waits all the time.
ALONE = 6.0
#: The seconds after A has gone on in which all that was asked for is finished.
CALM = 10.0


def direct(
    name: str, lease: float, weaken: Sequence[str], say: Callable[[str], object], keep: str = ""
) -> Findings:
    """Let a schedule happen, and audit the store. Raises TimeoutError if a step does not happen."""
    from tests.benchmarks.failover import begin  # it imports this module

    home = os.path.realpath(tempfile.mkdtemp(prefix="failover-"))
    rig = Rig(home, lease, [*weaken, "hold"])
    try:
        with rig.running():
            begin(rig)
            return _Schedule(rig, SCHEDULES[name], say).all()
    finally:
        if keep:
            shutil.copytree(home, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
        shutil.rmtree(home, ignore_errors=True)


class _Schedule:
    """I am one schedule, with the answers that clients get meanwhile."""

    def __init__(self, rig: Rig, send: tuple[str, str, dict[str, Any]], say: Callable[[str], object]) -> None:
        self._rig, self._say = rig, say
        self._point, self._command, self._said = send
        self._told: list[Told] = []

    def all(self) -> Findings:
        """Make the steps."""
        rig = self._rig
        old = rig.active
        assert old is not None
        new = next(each for each in rig.masters if each is not old)
        self._ask(old, "load 1")
        self._finished()
        _want(new, "takeover")
        _want(old, "beat")
        self._stopped(new, "takeover")
        self._say(f"{old.name} does not beat; {new.name} is taking over, and has ended its sessions")
        _want(old, self._point)
        late = threading.Thread(target=self._ask, args=(old, "load 2"), daemon=True)
        late.start()
        self._stopped(old, self._point)
        self._say(f"{old.name} has passed its fence, and has not committed yet ({self._point})")
        _release(new, "takeover")
        with suppress(TimeoutError):
            rig.until(lambda: rig.active is new, ALONE, f"{new.name} is active")
            rig.until(lambda: self._ask(new, "load 3"), ALONE, f"{new.name} takes work")
        said = "works" if rig.active is new else f"waits for the transaction of {old.name}"
        self._say(f"{new.name} {said}")
        _release(old, self._point)
        time.sleep(1.0)
        _release(old, "beat")
        rig.until(lambda: rig.active is new, PATIENCE, f"{new.name} is active")
        late.join(PATIENCE)
        names = {each.name for each in rig.slaves}
        rig.until(lambda: new.connected() == names, PATIENCE, "all slaves are attached to the new one")
        rig.until(lambda: self._ask(new, "load 4"), PATIENCE, f"{new.name} takes work")
        with suppress(TimeoutError):
            self._finished()
        state, findings = rig.state(), Findings()
        audit(self._told, state, findings)
        auditEnd(state, SCHEDULERS, findings)
        return findings

    def _ask(self, master: Master, words: str) -> bool:
        """Send a change or a request, once. Returns True if it was acknowledged."""
        key = "comments" if self._command == "sendchange" else "reason"
        try:
            said = master.ask(self._command, 2 * PATIENCE, **{**self._said, key: words})
        except (ControlError, NotRunning, OSError):
            return False
        what = "change" if self._command == "sendchange" else "request"
        self._told.append(Told(what, said[what], words, self._said.get("builder", "")))
        return True

    def _stopped(self, master: Master, point: str) -> None:
        path = os.path.join(master.basedir, STOPPED.format(point=point))
        self._rig.until(lambda: os.path.exists(path), PATIENCE, f"{master.name} has stopped at its {point}")

    def _finished(self) -> None:
        """Wait until nothing is left to do. Raises TimeoutError."""
        left = """SELECT (SELECT COUNT(*) FROM requests WHERE state <> 'done')
            + (SELECT COUNT(*) FROM builds WHERE finished IS NULL)"""
        time.sleep(1.0)  # longer than the schedulers wait
        self._rig.until(lambda: self._rig.database.ask(left) == [(0,)], CALM, "all is finished")


def _want(master: Master, point: str) -> None:
    with open(os.path.join(master.basedir, WANTED.format(point=point)), "w"):
        pass


def _release(master: Master, point: str) -> None:
    os.unlink(os.path.join(master.basedir, WANTED.format(point=point)))


#: By name: the point, the command of the control socket that makes the late transaction, and its parameters.
SCHEDULES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "late-build": ("startBuild", "force", {"builder": "any"}),
    "late-change": ("addChange", "sendchange", {"who": "ann", "files": ["a file"]}),
}

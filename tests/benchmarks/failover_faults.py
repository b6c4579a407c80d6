"""The faults of L{tests.benchmarks.failover}, each from its begin to its end.

Half of them begin at the worst moment: when a COMMIT is on its way to the database.
"""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from tests.benchmarks.failover_rig import Master, Rig
from tests.benchmarks.machine import ROOT

#: The seconds after which a master that has ended is started again, as a supervisor would.
RESTART = 2.0


class Supervisor(threading.Thread):
    """I start masters again that have ended.

    @ivar ends: how they have ended: exit status, or minus the number of the signal; with their number.
    """

    def __init__(self, rig: Rig) -> None:
        super().__init__(daemon=True)
        self.ends: Counter[int] = Counter()
        self._rig = rig
        self._over = threading.Event()

    def stop(self) -> None:
        """Start none again."""
        self._over.set()
        self.join()

    def run(self) -> None:
        """See L{threading.Thread}."""
        ended: dict[str, float] = {}
        while not self._over.wait(0.1):
            for each in self._rig.masters:
                if each.isAlive():
                    continue
                if each.name not in ended:
                    ended[each.name] = time.monotonic()
                    self.ends[each.status or 0] += 1
                elif time.monotonic() > ended[each.name] + RESTART and not each.isKept:
                    del ended[each.name]
                    each.start()


def _active(rig: Rig, chance: random.Random) -> Master:
    """The active master; now and then the other one, or when there is none."""
    active = rig.active
    others = [each for each in rig.masters if each is not active]
    if others and (active is None or chance.random() < 0.1):
        return others[0]
    return active or rig.masters[0]


def _kill(rig: Rig, chance: random.Random) -> None:
    _active(rig, chance).kill()


def _begin(master: Master, chance: random.Random, act: Callable[[], object]) -> None:
    """Let a fault begin: now, or right before a COMMIT of the master reaches the database."""
    if chance.random() < 0.5:
        act()
    else:
        master.cable.atCommit(act)


def _freeze(rig: Rig, chance: random.Random, shortest: float, longest: float) -> None:
    """A COMMIT that is on its way waits meanwhile, so that its transaction stays open."""
    master = _active(rig, chance)

    def act() -> None:
        master.cable.hold(back=False)
        master.signal(signal.SIGSTOP)

    _begin(master, chance, act)
    time.sleep(rig.lease * chance.uniform(shortest, longest))
    master.signal(signal.SIGCONT)
    master.cable.heal()


def _freezeLong(rig: Rig, chance: random.Random) -> None:
    _freeze(rig, chance, 1.5, 3.0)


def _freezeShort(rig: Rig, chance: random.Random) -> None:
    _freeze(rig, chance, 0.1, 0.7)


def _held(rig: Rig, chance: random.Random, **which: bool) -> None:
    """Keep what goes through a cable. At the end it arrives late, or never."""
    master = _active(rig, chance)
    _begin(master, chance, lambda: master.cable.hold(**which))
    time.sleep(rig.lease * chance.uniform(0.2, 2.5))
    if chance.random() < 0.5:
        master.cable.reset()
    master.cable.heal()


def _cut(rig: Rig, chance: random.Random) -> None:
    """A COMMIT that is on its way does not arrive; or it does, and its answer does not."""
    master = _active(rig, chance)
    if chance.random() < 0.5:
        _begin(master, chance, master.cable.cut)
    else:
        _begin(master, chance, lambda: master.cable.hold(there=False))
        time.sleep(0.1)
        master.cable.cut()
    time.sleep(rig.lease * chance.uniform(0.0, 2.5))
    master.cable.heal()


def _blink(rig: Rig, chance: random.Random) -> None:
    """Some COMMITs do not arrive, or their answers do not; the next connection works."""
    cable = _active(rig, chance).cable
    for _ in range(5):
        if chance.random() < 0.3:
            cable.atCommit(cable.reset)
        else:
            cable.atCommit(lambda: cable.hold(there=False))
            time.sleep(0.05)
            cable.reset()
            cable.heal()
        time.sleep(chance.random() * 0.5)


def _dark(rig: Rig, chance: random.Random) -> None:
    _held(rig, chance)


def _mute(rig: Rig, chance: random.Random) -> None:
    _held(rig, chance, back=False)


def _deaf(rig: Rig, chance: random.Random) -> None:
    _held(rig, chance, there=False)


def _database(rig: Rig, chance: random.Random) -> None:
    _begin(rig.active or rig.masters[0], chance, rig.database.kill)
    time.sleep(rig.lease * chance.uniform(0.0, 1.5))
    rig.database.start()


def _handover(rig: Rig, chance: random.Random) -> None:
    command: list[Any] = [sys.executable, "-m", "buildbot", "handover", "--timeout", "60"]
    subprocess.run(
        [*command, (rig.active or rig.masters[0]).basedir],
        cwd=ROOT,
        env={**rig.masters[0].environ, "PYTHONPATH": ROOT},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
    )


#: By name. All but the last one are in each run; the last one is no fault, but may meet the others.
FAULTS: dict[str, Callable[[Rig, random.Random], None]] = {
    "kill": _kill,
    "freeze-long": _freezeLong,
    "freeze-short": _freezeShort,
    "blink": _blink,
    "cut": _cut,
    "dark": _dark,
    "mute": _mute,
    "deaf": _deaf,
    "database": _database,
    "handover": _handover,
}
USUAL = tuple(each for each in FAULTS if each != "handover")

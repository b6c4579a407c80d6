"""The clients of L{tests.benchmarks.failover}, and those who watch what clients and slaves see."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from itertools import count
from typing import IO

from buildbot.control.client import ControlError, NotRunning
from tests.benchmarks.failover_audit import Told
from tests.benchmarks.failover_rig import Rig

#: Seconds for which a client repeats a request that was not answered.
PATIENCE = 120.0


class Load:
    """I send changes and requests, and write each answer into a file before anything else.

    Half of the clients use the API through the balancer, and repeat what was not answered, with its key. The
    others use the control socket of a master, and repeat nothing.

    @ivar told: the answers so far; C{sent}: the number of all that was sent.
    """

    def __init__(self, rig: Rig, path: str, seed: int, clients: int = 4, pause: float = 1.2) -> None:
        self.told: list[Told] = []
        self.sent = 0
        self._rig = rig
        self._pause = pause
        self._file: IO[str] = open(path, "a", buffering=1)
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._numbers = count(1)
        names = [each.name for each in rig.slaves]
        self._builders = [f"quick-{each}" for each in names] + ["any", "locked-0", "locked-1", "slow"]
        self._threads = [
            threading.Thread(target=self._run, args=(random.Random(f"{seed} {n}"), n % 2 == 0), daemon=True)
            for n in range(clients)
        ]

    def start(self) -> None:
        """Begin."""
        for each in self._threads:
            each.start()

    def stop(self) -> None:
        """Send nothing more. Returns when the last answers are there, or given up."""
        self._over.set()
        for each in self._threads:
            each.join()
        self._file.close()

    def _run(self, chance: random.Random, repeats: bool) -> None:
        while not self._over.wait(chance.random() * 2 * self._pause):
            with self._lock:
                self.sent += 1
                words = f"load {next(self._numbers)}"
            builder = "" if chance.random() < 0.4 else chance.choice(self._builders)
            number = self._repeated(words, builder) if repeats else self._once(words, builder)
            if number is not None:
                self._keep(Told("request" if builder else "change", number, words, builder))

    def _keep(self, told: Told) -> None:
        with self._lock:
            self._file.write(json.dumps(vars(told)) + "\n")
            self.told.append(told)

    def _repeated(self, words: str, builder: str) -> int | None:
        path = f"/api/v1/builders/{builder}/force" if builder else "/api/v1/changes"
        body = {"reason": words} if builder else _change(words)
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            status, said = self._rig.call("POST", path, body, words.replace(" ", "-"))
            if status == 202:
                return int(said["request" if builder else "change"])
            if status not in (0, 429, 500, 502, 503, 504):
                return None
            time.sleep(0.3)
        return None

    def _once(self, words: str, builder: str) -> int | None:
        for master in self._rig.masters:
            try:
                if builder:
                    return int(master.ask("force", 20.0, builder=builder, reason=words)["request"])
                return int(master.ask("sendchange", 20.0, **_change(words))["change"])
            except NotRunning:
                continue  # nothing was sent
            except (ControlError, OSError) as error:
                if "standby" not in str(error):
                    return None
        return None


def _change(words: str) -> dict[str, object]:
    return {"who": "ann", "files": ["a file"], "comments": words}


class Probe(threading.Thread):
    """I ask the balancer again and again whether builds can run.

    @ivar changes: the times at which the answer has changed, each with the new answer.
    """

    def __init__(self, rig: Rig) -> None:
        super().__init__(daemon=True)
        self._rig = rig
        self._over = threading.Event()
        self.isReady = False
        self.changes: list[tuple[float, bool]] = [(time.monotonic(), False)]

    def run(self) -> None:
        """See L{threading.Thread}."""
        while not self._over.wait(0.05):
            asked = time.monotonic()
            isReady = self._rig.isReady()
            if isReady is not self.isReady:
                self.isReady = isReady
                self.changes.append((time.monotonic() if isReady else asked, isReady))

    def stop(self) -> None:
        """Ask no more."""
        self._over.set()
        self.join()

    def secondsAway(self, since: float, until: float) -> float:
        """The seconds between two times in which nobody was ready."""
        return secondsAway(self.changes, since, until)


def secondsAway(changes: Sequence[tuple[float, bool]], since: float, until: float) -> float:
    """See L{Probe.secondsAway}; C{changes} in the order of time."""
    away = 0.0
    for (begin, isReady), (end, _) in zip(changes, [*changes[1:], (until, True)], strict=True):
        if not isReady:
            away += max(0.0, min(end, until) - max(begin, since))
    return away


class SlaveWatch(threading.Thread):
    """I see in the logs of slaves when they have logged in.

    @ivar logins: the time of each login, and the name of the slave.
    """

    def __init__(self, rig: Rig) -> None:
        super().__init__(daemon=True)
        self._rig = rig
        self._over = threading.Event()
        self.logins: list[tuple[float, str]] = []

    def run(self) -> None:
        """See L{threading.Thread}."""
        for each in self._rig.slaves:
            each.attached()
        while not self._over.wait(0.1):
            for each in self._rig.slaves:
                if each.attached():
                    self.logins.append((time.monotonic(), each.name))

    def stop(self) -> None:
        """Look no more."""
        self._over.set()
        self.join()

    def again(self, faults: Sequence[float]) -> list[float]:
        """The seconds from a fault to the first login of each slave after it; none for those that stayed."""
        return again(self.logins, faults)


def again(logins: Sequence[tuple[float, str]], faults: Sequence[float]) -> list[float]:
    """See L{SlaveWatch.again}; C{faults} are the times of their begins, in order."""
    first: dict[tuple[float, str], float] = {}
    for when, name in logins:
        before = [each for each in faults if each <= when]
        if before:
            first.setdefault((before[-1], name), when - before[-1])
    return list(first.values())

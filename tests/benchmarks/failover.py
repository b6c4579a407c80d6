# -*- test-case-name: tests.integration.test_failover -*-
"""Break two masters, their network and their database under load, and check that nothing is lost.

C{python -m tests.benchmarks.failover --faults 200} runs two real masters with one real PostgreSQL behind
haproxy, with a real slave of each generation. Clients send changes and requests, through the API and through
the control socket, and write each answer into a file. Meanwhile faults happen at random:

  - C{kill}: SIGKILL of the active master, now and then of the one that waits
  - C{freeze-long}, C{freeze-short}: SIGSTOP for longer or shorter than the lease, then SIGCONT
  - C{blink}: connections of a master to the database are cut while a COMMIT is under way, five times
  - C{cut}: the connections of a master to the database are cut, and new ones refused
  - C{dark}, C{mute}, C{deaf}: the network keeps all bytes between a master and the database, or those in one
    direction; at the end they arrive late, or never
  - C{database}: SIGKILL of all processes of the database, and a restart
  - C{handover}: no fault, but a planned hand-over; only with C{--kinds}

A master that has ended is started again after some seconds, as a supervisor would do it. No slave is touched.
At the end, all that was asked for must be finished, and L{tests.benchmarks.failover_audit} compares the
tables with the answers. The exit status is 1 if a promise was broken.

C{--weaken} lets the masters run a weaker protocol, see L{tests.benchmarks.failover_weak}. Then the run ends
with the first violation that is found. C{--directed} makes one exact schedule instead of random faults, see
L{tests.benchmarks.failover_directed}.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tests.benchmarks import failover_directed
from tests.benchmarks.failover_audit import WITNESS, Findings, audit, auditEnd
from tests.benchmarks.failover_faults import FAULTS, USUAL, Supervisor
from tests.benchmarks.failover_load import Load, Probe, SlaveWatch
from tests.benchmarks.failover_rig import SCHEDULERS, Rig
from tests.benchmarks.failover_weak import WEAKENINGS
from tests.integration import generations, postgres

#: Seconds in which the masters must be there again after a fault, and the slaves attached.
PATIENCE = 120.0
#: The run gives up at its end when nothing more was finished for so many seconds.
STANDSTILL = 60.0


@dataclass
class Outcome:
    """The results of a run.

    @ivar away: by kind of fault, the seconds without an active master, one number a fault.
    @ivar again: the seconds from a fault to the next login of each slave that had lost its connection.
    @ivar touched: the slaves that would need somebody.
    @ivar foundAfter: the number of faults, and the seconds, until the first violation was found.
    @ivar ends: how the masters have ended, see L{Supervisor}.
    """

    away: dict[str, list[float]] = field(default_factory=dict)
    again: list[float] = field(default_factory=list)
    findings: Findings = field(default_factory=Findings)
    touched: list[str] = field(default_factory=list)
    sent: int = 0
    told: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    builds: int = 0
    overlaps: int = 0
    foundAfter: tuple[int, float] | None = None
    ends: Counter[int] = field(default_factory=Counter)
    tracebacks: int = 0
    seconds: float = 0.0
    balancer: str = ""

    @property
    def isGood(self) -> bool:
        """True if no promise was broken."""
        return not self.findings.wrong and not self.touched

    def lines(self) -> list[str]:
        """The results, for people."""
        away = [each for kind in self.away.values() for each in kind]
        kinds = ", ".join(f"{kind} {len(found)}" for kind, found in sorted(self.away.items()))
        ends = ", ".join(f"{status}: {number}" for status, number in sorted(self.ends.items()))
        told = ", ".join(f"{number} {what}s" for what, number in sorted(self.told.items()))
        return [
            f"faults: {len(away)} ({kinds}) in {self.seconds:.0f} s, behind {self.balancer}",
            f"sent: {self.sent}; acknowledged: {told}; requests: {self.requests}; builds: {self.builds}",
            f"seconds without an active master: {_spread(away)}",
            *(f"    {kind}: {_spread(found)}" for kind, found in sorted(self.away.items())),
            f"slaves attached again after a fault: {len(self.again)} times, seconds {_spread(self.again)}",
            f"slaves that needed touching: {len(self.touched)} {' '.join(self.touched)}".rstrip(),
            f"builds interrupted, and begun anew: {self.findings.interrupted};"
            f" requests given up after three of them: {self.findings.givenUp}",
            f"builds that began while another one had the same MasterLock: {self.overlaps}",
            f"ends of masters by status: {ends}; tracebacks in their output: {self.tracebacks}",
        ]


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "none"
    return f"median {statistics.median(values):.1f}, worst {max(values):.1f}"


def play(
    faults: int,
    seed: int,
    lease: float = 3.0,
    kinds: Sequence[str] = USUAL,
    weaken: Sequence[str] = (),
    say: Callable[[str], object] = lambda words: None,
    keep: str = "",
    masters: int = 2,
) -> Outcome:
    """Let so many faults happen, each of a random kind, and audit the store.

    @param keep: a directory to which the output of all processes is copied at the end; "" for none.
    @raise TimeoutError: the masters are not there at the begin, or slaves are not attached.
    """
    home = os.path.realpath(tempfile.mkdtemp(prefix="failover-"))
    rig = Rig(home, lease, weaken, masters)
    try:
        with rig.running():
            return _Run(rig, seed, say, bool(weaken)).all(faults, kinds)
    finally:
        if keep:
            shutil.copytree(home, keep, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
        shutil.rmtree(home, ignore_errors=True)


class _Run:
    """I am one run."""

    def __init__(self, rig: Rig, seed: int, say: Callable[[str], object], endsEarly: bool) -> None:
        self._rig, self._say, self._endsEarly = rig, say, endsEarly
        self._chance = random.Random(seed)
        self._seed = seed
        self._begins: list[float] = []
        self._outcome = Outcome(balancer=rig.balancer.name)
        self._probe, self._watch, self._supervisor = Probe(rig), SlaveWatch(rig), Supervisor(rig)

    def all(self, faults: int, kinds: Sequence[str]) -> Outcome:
        """Begin, let the faults happen, let everything finish, and look."""
        rig, outcome = self._rig, self._outcome
        begin(rig)
        load = Load(rig, os.path.join(rig.home, "told"), self._seed)
        for thread in (self._probe, self._watch, self._supervisor):
            thread.start()
        load.start()
        self._begun = time.monotonic()
        self._faults(faults, kinds, load)
        outcome.seconds = time.monotonic() - self._begun
        load.stop()
        outcome.sent, outcome.told = load.sent, Counter(each.what for each in load.told)
        wasFound = outcome.foundAfter is not None and self._endsEarly
        if not wasFound:
            _untilFinished(rig)
            outcome.touched = _unattached(rig)
        self._supervisor.stop()
        self._probe.stop()
        self._watch.stop()
        outcome.again = self._watch.again(self._begins)
        state = rig.state()
        findings = outcome.findings = Findings()
        audit(load.told, state, findings)
        if not wasFound:
            auditEnd(state, SCHEDULERS, findings)
            self._found(faults)
        outcome.requests, outcome.builds = len(state.requests), len(state.builds)
        outcome.overlaps, outcome.ends = rig.overlaps(), self._supervisor.ends
        outcome.tracebacks = sum(each.text().count("Traceback") for each in rig.masters)
        return outcome

    def _faults(self, faults: int, kinds: Sequence[str], load: Load) -> None:
        for number in range(1, faults + 1):
            # All kinds first, so that a short run has each; then at random.
            kind = kinds[number - 1] if number <= len(kinds) else self._chance.choice(list(kinds))
            began = time.monotonic()
            self._begins.append(began)
            FAULTS[kind](self._rig, self._chance)
            self._recovered()
            until = time.monotonic()
            time.sleep(self._chance.random() * 1.5)
            self._outcome.away.setdefault(kind, []).append(self._probe.secondsAway(began, until))
            told = list(load.told)
            if self._endsEarly or number % 10 == 0:
                findings = self._outcome.findings = Findings()
                audit(told, self._rig.state(), findings)
                if self._found(number) and self._endsEarly:
                    return
            if number % 10 == 0:
                self._say(
                    f"{number} faults, {len(told)} acknowledged: {str(self._outcome.findings) or 'good'}"
                )

    def _recovered(self) -> None:
        """Wait until a master is active again; mostly also for the slaves, and sometimes for both masters."""
        ends = time.monotonic() + PATIENCE
        steady = 0
        names = {each.name for each in self._rig.slaves}
        isPatient, isCalm = self._chance.random() < 0.6, self._chance.random() < 0.8
        while time.monotonic() < ends:
            steady = steady + 1 if self._probe.isReady else 0
            isWhole = not isCalm or all(each.isAlive() for each in self._rig.masters)
            if steady >= 5 and isWhole and (not isPatient or self._rig.attached() == names):
                return
            time.sleep(0.1)
        self._say(f"not within {PATIENCE:g} s after a fault: a master that is active, and all slaves")

    def _found(self, faults: int) -> bool:
        if self._outcome.findings.wrong and self._outcome.foundAfter is None:
            self._outcome.foundAfter = faults, time.monotonic() - self._begun
        return bool(self._outcome.findings.wrong)


def begin(rig: Rig) -> None:
    """Wait until a master is active, let the witness watch its tables, and start the slaves."""
    rig.until(rig.isReady, PATIENCE, "a master is active")
    rig.database.ask("CREATE SEQUENCE change_numbers")
    for statement in WITNESS.split("\n\n"):
        rig.database.ask(statement)
    rig.startSlaves()
    names = {each.name for each in rig.slaves}
    rig.until(lambda: rig.attached() == names, PATIENCE, "all slaves are attached")


def _untilFinished(rig: Rig) -> None:
    """Wait until all that was asked for is finished, or nothing is finished any more."""
    finished = "SELECT COUNT(*) FROM requests WHERE state = 'done'"
    left = """SELECT (SELECT COUNT(*) FROM requests WHERE state <> 'done')
        + (SELECT COUNT(*) FROM builds WHERE finished IS NULL)"""
    done, since = -1, time.monotonic()
    quiet = 0.0
    while time.monotonic() < since + STANDSTILL:
        now = rig.database.ask(finished)[0][0]
        if now != done:
            done, since = now, time.monotonic()
        quiet = quiet + 0.5 if rig.database.ask(left)[0][0] == 0 else 0.0
        if quiet > 3.0:  # longer than the schedulers wait
            return
        time.sleep(0.5)


def _unattached(rig: Rig) -> list[str]:
    """The slaves that do not come back by themselves."""
    names = {each.name for each in rig.slaves}
    ends = time.monotonic() + PATIENCE
    while names - rig.attached() and time.monotonic() < ends:
        time.sleep(0.3)
    return sorted(names - rig.attached())


def main(argv: Sequence[str] | None = None) -> int:
    """Run from the command line. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {__name__ if __name__ != '__main__' else 'tests.benchmarks.failover'}",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--faults", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 16))
    parser.add_argument("--lease", type=float, default=3.0, help="seconds (3)")
    parser.add_argument("--kinds", default=",".join(USUAL), help="of the faults, with commas")
    parser.add_argument("--weaken", default="", help=f"some of {', '.join(WEAKENINGS)}, with commas")
    parser.add_argument("--directed", choices=sorted(failover_directed.SCHEDULES), help="one exact schedule")
    parser.add_argument("--keep", default="", help="a directory for the output of all processes")
    options = parser.parse_args(argv)
    kinds, weaken = (tuple(filter(None, each.split(","))) for each in (options.kinds, options.weaken))
    for each in {*kinds} - {*FAULTS}:
        parser.error(f"--kinds: {each} is none of {', '.join(FAULTS)}")
    for each in {*weaken} - {*WEAKENINGS}:
        parser.error(f"--weaken: {each} is none of {', '.join(WEAKENINGS)}")
    missing = postgres.missing() or generations.missing()
    if missing:
        print(missing, file=sys.stderr)
        return 2

    def say(words: str) -> None:
        print(words, flush=True)

    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # everything is stopped on the way
    say(
        f"seed {options.seed}, lease {options.lease:g} s"
        + (f", weakened: {options.weaken}" if weaken else "")
    )
    if options.directed:
        findings = failover_directed.direct(options.directed, options.lease, weaken, say, options.keep)
        say(f"verdict: {findings}" if findings.wrong else "verdict: good")
        return 1 if findings.wrong else 0
    outcome = play(
        *(options.faults, options.seed, options.lease, kinds, weaken, say, options.keep),
    )
    for line in outcome.lines():
        say(line)
    if outcome.foundAfter is not None:
        say("the first violation was found after {} faults, {:.0f} s".format(*outcome.foundAfter))
    say(f"verdict: {'good' if outcome.isGood else outcome.findings}")
    say(f"seed: {options.seed}")
    return 0 if outcome.isGood else 1


if __name__ == "__main__":
    sys.exit(main())

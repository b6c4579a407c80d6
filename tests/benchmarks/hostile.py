# -*- test-case-name: tests.integration.test_hostile -*-
"""The cost of hostile input for the master: C{python -m tests.benchmarks.hostile [--short] [SCENARIO ...]}.

For each scenario it prints the attack, its cost for a running master, and the times of honest slaves that
attached meanwhile. L{tests.integration.test_hostile} asserts limits for the figures.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from tests import hostile
from tests.benchmarks import (
    bombs,
    hostile_budgets,
    hostile_control,
    hostile_deadlines,
    hostile_doors,
    rawpb,
    servers,
)
from tests.benchmarks.attach import farm
from tests.benchmarks.forgeries import forgeries
from tests.benchmarks.loris import Loris, slowLoris
from tests.benchmarks.machine import raiseFileLimit, settle
from tests.benchmarks.servers import PASSWORD, PATTERN, Server
from tests.benchmarks.watch import Watch
from tests.hostile import Bomb, Crowd, Guess, Leave, Outcome, Slave, addresses

#: Slaves 0 to 49 belong to attackers, all others are genuine.
HOSTILE = 50
#: The number of genuine slaves that attach all at once. Their numbers follow the others.
STORM = 500
SLAVES = 2 * HOSTILE + STORM


@dataclass(frozen=True)
class Sizes:
    """The sizes of all scenarios."""

    loris: int
    guesses: int
    sources: int
    visits: int
    namesakes: int
    random: int
    hangups: int
    seconds: float


FULL = Sizes(
    loris=5000,
    guesses=20000,
    sources=1000,
    visits=10000,
    namesakes=1000,
    random=5000,
    hangups=10000,
    seconds=10,
)
SHORT = Sizes(
    loris=1000, guesses=1000, sources=100, visits=1000, namesakes=100, random=500, hangups=500, seconds=2
)


def own(number: int) -> str:
    """The name of a slave whose password the attackers know."""
    return PATTERN % (number % HOSTILE)


# before login


def bombsBeforeLogin(server: Server, patience: float = 5.0) -> dict[str, Bomb]:
    """Deliver each bomb from a separate address; return the results by name."""
    delivered = {name: Bomb(data) for name, data in bombs.beforeLogin()}
    Crowd(server.port, addresses(200, 11), inFlight=4, patience=patience).run(delivered.values())
    return delivered


def wrongLogins(server: Server, count: int, sources: list[str], names: int = 1000) -> Outcome:
    """Log in with wrong passwords, with known and unknown names in turn, each over a new connection."""
    scripts = (Guess(PATTERN % (number % names), b"wrong") for number in range(count))
    return Crowd(server.port, sources, inFlight=50).run(scripts, seconds=90)


def stormBesideGuesses(server: Server, sources: list[str]) -> tuple[float, float]:
    """
    Measure how many of L{STORM} honest slaves attach a second, 10 at a time: first alone, then while
    attackers guess passwords as fast as they can. Slaves, attackers and master share the processors.
    """

    def perSecond() -> float:
        with farm(server, STORM, "--first", str(2 * HOSTILE), "--in-flight", "10") as honest:
            return float(honest.hear()["perSecond"])

    over = threading.Event()

    def guess() -> None:
        numbers = itertools.takewhile(lambda number: not over.is_set(), itertools.count())
        scripts = (Guess(PATTERN % (number % 1000), b"wrong") for number in numbers)
        Crowd(server.port, sources, inFlight=20).run(scripts, seconds=60)

    settle(server.pid)
    alone = perSecond()
    settle(server.pid)
    guesser = threading.Thread(target=guess)
    guesser.start()
    time.sleep(2)  # until the guesses have their full speed
    try:
        return alone, perSecond()
    finally:
        over.set()
        guesser.join()


def guessesOnOneChallenge(server: Server, guesses: int) -> Guess:
    """Answer one challenge many times."""
    guess = Guess(own(0), b"wrong", guesses)
    hostile.alone(server.port, guess, source="127.12.0.1")
    return guess


def visits(server: Server, count: int, sources: list[str]) -> Outcome:
    """Connect and disconnect, as fast as possible."""
    return Crowd(server.port, sources, inFlight=50).run(Leave() for _ in range(count))


def randomInput(server: Server, seed: int, count: int) -> Outcome:
    """Send random bytes and random structure. A connection that the server keeps open is closed after 1 s."""
    scripts = hostile.randomScripts(seed, count)
    return Crowd(server.port, addresses(250, 13), inFlight=100, patience=1.0).run(scripts)


def loris(server: Server, sockets: int) -> Loris:
    """Open sockets that never finish their login; half of them from one address."""
    one = ["127.14.0.1"] * 100
    return slowLoris(server.port, sockets, one + addresses(100, 15))


# after login


@dataclass(frozen=True)
class Forged:
    """The result of one forgery: the slave that sent it, and whether an honest one could attach after it."""

    slave: Slave
    nameFree: bool


def deliverForgeries(server: Server, patience: float = 1.0) -> dict[str, Forged]:
    """Send each forgery under a separate name, several at a time. After each, attach an honest slave."""
    told: dict[str, Forged] = {}
    everything = list(forgeries())
    for start in range(0, len(everything), 25):
        batch = everything[start : start + 25]
        bad = [make(own(start + n)) for n, (_, make) in enumerate(batch)]
        Crowd(server.port, ["127.16.0.1"], inFlight=25, patience=patience).run(bad)
        good = [Slave(own(start + n), PASSWORD, leave=True) for n in range(len(batch))]
        Crowd(server.port, ["127.16.0.2"], inFlight=25, patience=120).run(good)
        for (what, _), slave, follower in zip(batch, bad, good, strict=True):
            told[what] = Forged(slave, follower.attached)
    return told


def neverReading(server: Server, limit: int = 64 << 20) -> Slave:
    """A slave that sends calls and never reads answers until it is cut off or has sent C{limit} bytes."""
    call = b"x" * 400

    def flood(avatar: int, last: int) -> bytes:
        one = rawpb.message(1 << 20, avatar, call)
        return one * (limit // len(one))

    slave = Slave(own(1), PASSWORD, then=flood, mute=True)
    hostile.alone(server.port, slave, patience=60, source="127.17.0.1")
    return slave


def keepaliveFlood(server: Server, seconds: float) -> Slave:
    """A slave that calls keepalive as fast as it can for C{seconds}, and reads the answers."""

    def flood(avatar: int, last: int) -> bytes:
        return rawpb.message(1 << 20, avatar, b"keepalive") * int(200_000 * seconds)

    slave = Slave(own(2), PASSWORD, then=flood)
    hostile.alone(server.port, slave, patience=seconds, source="127.18.0.1")
    return slave


def namesakes(server: Server, count: int, sources: list[str]) -> list[Slave]:
    """Log in C{count} times under one name with the right password, 20 at a time; each stays until
    disconnected."""
    everybody = [Slave(own(3), PASSWORD) for _ in range(count)]
    Crowd(server.port, sources, inFlight=20, patience=3.0).run(everybody)
    return everybody


# signals


def hangups(server: Server, count: int) -> None:
    """Send the master C{count} SIGHUPs."""
    for _ in range(count):
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(0.0002)


# the report


def _outcome(outcome: Outcome) -> str:
    return (
        f"{outcome.connections} connections: {outcome.hungUp} hung up on, {outcome.left} left, "
        f"{outcome.held} held; {outcome.sent} bytes sent"
    )


def _bombs(server: Server, sizes: Sizes) -> str:
    delivered = bombsBeforeLogin(server)
    held = [name for name, bomb in delivered.items() if not bomb.hungUp]
    sent = sum(bomb.sent for bomb in delivered.values())
    return f"{len(delivered)} bombs of {sent} bytes; not hung up on at once: {', '.join(held) or 'none'}"


def _forgeries(server: Server, sizes: Sizes) -> str:
    told = deliverForgeries(server)
    blocked = [what for what, forged in told.items() if not forged.nameFree]
    cut = sum(1 for forged in told.values() if forged.slave.hungUp)
    return f"{len(told)} forgeries: {cut} hung up on; names not free after: {', '.join(blocked) or 'none'}"


def _loris(server: Server, sizes: Sizes) -> str:
    told = loris(server, sizes.loris)
    when = f"between {told.firstClosed:.1f} and {told.lastClosed:.1f} s"
    return f"{told.opened} sockets, {told.closed} closed {when}"


def _neverReading(server: Server, sizes: Sizes) -> str:
    slave = neverReading(server)
    return f"hung up on: {slave.hungUp}, after {slave.sent} bytes of calls"


def _keepalives(server: Server, sizes: Sizes) -> str:
    slave = keepaliveFlood(server, sizes.seconds)
    return f"{slave.answersHeard} keepalives answered in {slave.took:.1f} s"


def _beside(server: Server, sizes: Sizes) -> str:
    alone, disturbed = stormBesideGuesses(server, addresses(sizes.sources, 23))
    return f"{alone:.0f} honest slaves a second left alone, {disturbed:.0f} beside the guesses"


def _namesakes(server: Server, sizes: Sizes) -> str:
    everybody = namesakes(server, sizes.namesakes, addresses(10, 19))
    attached = sum(1 for slave in everybody if slave.attached)
    return f"{len(everybody)} logins of one name from 10 addresses: {attached} attached at some time"


def _hangups(server: Server, sizes: Sizes) -> str:
    from buildbot.control.server import ask

    hangups(server, sizes.hangups)
    status = ask(server.basedir, "status", timeout=60)
    assert isinstance(status, dict)
    return f"{sizes.hangups} SIGHUPs; the configuration in force is number {status['master']['generation']}"


SCENARIOS: dict[str, Callable[[Server, Sizes], str]] = {
    "bombs": _bombs,
    "random": lambda server, sizes: _outcome(randomInput(server, 1, sizes.random)),
    "guesses": lambda server, sizes: _outcome(wrongLogins(server, sizes.guesses, ["127.12.0.2"])),
    "guesses-everywhere": lambda server, sizes: _outcome(
        wrongLogins(server, sizes.guesses, addresses(sizes.sources, 20))
    ),
    "storm-beside-guesses": _beside,
    "visits": lambda server, sizes: _outcome(visits(server, sizes.visits, ["127.12.0.3"])),
    "forgeries": _forgeries,
    "unread": _neverReading,
    "keepalives": _keepalives,
    "namesakes": _namesakes,
    "hangups": _hangups,
    "loris": _loris,
    **hostile_doors.SCENARIOS,
    **hostile_deadlines.SCENARIOS,
    **hostile_budgets.SCENARIOS,
    **hostile_control.SCENARIOS,
}


def main(arguments: list[str]) -> None:
    """Run the scenarios, each against a master of its own."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.hostile")
    parser.add_argument(
        "scenarios", nargs="*", metavar="SCENARIO", help=f"some of {', '.join(SCENARIOS)} (all)"
    )
    parser.add_argument("--short", action="store_true", help="a tenth of everything")
    options = parser.parse_args(arguments)
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}")
    raiseFileLimit(12_000)
    sizes = SHORT if options.short else FULL
    for name in options.scenarios or SCENARIOS:
        with servers.master(SLAVES) as server:
            with Watch(server, HOSTILE) as watch:
                told = SCENARIOS[name](server, sizes)
            tracebacks = server.log().count("Traceback")
        print(f"{name}: {told}\n    {watch.figures}, tracebacks {tracebacks}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

"""A process that uses a store and prints what was acknowledged, to be killed meanwhile.

C{python -m tests.processes.storechild DIRECTORY SEED} prints one JSON list a line: the name of a call and its
result. After a restart on the same directory it continues.
"""

from __future__ import annotations

import json
import os
import random
import sys
from dataclasses import replace
from typing import Any

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, BuildsetRecord
from buildbot.store.sqlite import SqliteStore
from tests.stores import Turnstile


def main(directory: str, seed: int, rounds: int) -> None:
    """Make calls in groups, like a busy master, C{rounds} times."""
    turnstile = Turnstile()
    store = SqliteStore(directory, turnstile, pace=0)
    turnstile.result(store.open())
    interrupted = turnstile.result(store.interrupted(1.0))
    say("interrupted", [[each.builder, each.number, *each.requests] for each in interrupted])
    chance = random.Random(seed)
    running: list[BuildRecord] = []
    waiting = turnstile.result(store.pendingRequests())
    say("pending", [each.id for each in waiting])
    for _ in range(rounds):
        calls: list[tuple[str, Any]] = [("change", store.addChange(Change("me", [], "x" * 300, when=2.0)))]
        builders = chance.choices(("full", "quick"), k=chance.randrange(1, 4))
        calls.append(("set", store.addBuildset(BuildsetRecord(0, "why", {}, 3.0, {}), builders)))
        while waiting and chance.random() < 0.7:
            request = waiting.pop()
            build = BuildRecord(request.builder, None, "bot1", (request.id,), 4.0)
            calls.append(("start", store.startBuild(build)))
        for build in running:
            calls.append(("save", store.saveBuild(replace(build, text=("x" * chance.randrange(3000),)))))
        while running and chance.random() < 0.7:
            over = replace(running.pop(), finished=5.0, results=0)
            calls.append(("finish", store.finishBuild(over, chance.random() < 0.3).addCallback(answer(over))))
        for name, call in calls:
            result = turnstile.result(call)
            if name == "set":
                waiting += result[1]
                say(name, [result[0].id, *(each.id for each in result[1])])
            elif name == "start":
                running.append(result)
                say(name, [result.builder, result.number, *result.requests])
            elif name == "finish":
                say(name, [result.builder, result.number])
            elif name == "change":
                say(name, result.number)
    turnstile.result(store.close())


def answer(record: BuildRecord) -> Any:
    """A callback that answers with the record."""
    return lambda _: record


def say(name: str, what: Any) -> None:
    """Print one line, and flush it before anything else happens."""
    os.write(1, f"{json.dumps([name, what])}\n".encode())


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

# -*- test-case-name: tests.unit.scripts.test_log,tests.unit.scripts.test_waitbuild -*-
"""Follow one build to its end: print its steps, and perhaps their logs, as they run.

This module asks nobody: the commands pass in how to ask for the build again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, TypeVar

from buildbot.scripts import colours
from buildbot.scripts.output import Away, CommandFailed, Config, complain, say
from buildbot.scripts.progress import Progress
from buildbot.scripts.tables import doing, duration, outcome, stepOutcome
from buildbot.text.printable import plainLine

#: The exit status for each result of a build.
STATUSES = {
    "success": 0,
    "warnings": 0,
    "skipped": 0,
    "failure": 4,
    "exception": 5,
    "retry": 5,
    "cancelled": 6,
}
#: The exit status after Control-C.
INTERRUPTED = 130
#: How often a master that is away is asked again, and the seconds before each time.
AWAY, PAUSE = 60, 1.0

Answer = TypeVar("Answer")
#: A build, as the command C{build} answers.
Build = Mapping[str, Any]
#: Asks for the build again.
Again = Callable[[], Build]
#: Asks whoever has taken over from a master that is away: returns the answer, or None and the seconds in
#: which somebody will take over.
Instead = Callable[[], "tuple[Answer | None, float]"]
#: Prints a log to its end: takes the index of its step, the step, and the index of the log in the step.
#: Returns the log's damage as lines.
PrintLog = Callable[[int, Mapping[str, Any], int], "list[str]"]


def _nobody() -> tuple[None, float]:
    """Nobody takes over."""
    return None, 0.0


def followLogs(
    config: Config, name: str, build: Build, again: Again, printLog: PrintLog, pause: float
) -> int:
    """Print all logs of each step, one after the other, until the build ends.

    @param name: of the build, BUILDER/NUMBER.
    @param pause: the seconds between two questions.
    @return: the exit status for the result of the build; 1 if a log is incomplete.
    """
    wrong = False
    with leftRunning(name, lambda: build):
        at = 0
        while True:
            if at >= len(build["steps"]):
                if build["finished"] is not None:
                    break
                time.sleep(pause)
                build = again()
                continue
            step = build["steps"][at]
            _tell(config, colours.line(("==== " + plainLine(step["name"]), "bold")))
            printed = 0
            while printed < len(step["logs"]) or _isRunning(build, at):
                if printed < len(step["logs"]):
                    which = step["name"]
                    if printed:
                        which = f"{which}/{step['logs'][printed]['name']}"
                        _tell(config, colours.line(("==== " + plainLine(which), "bold")))
                    damage = printLog(at, step, printed)
                    complain(*(f"the log of {which} is incomplete: {each}" for each in damage))
                    wrong = wrong or bool(damage)
                    printed += 1
                    build = again() if step["finished"] is None else build
                else:
                    time.sleep(pause)
                    build = again()
                if at >= len(build["steps"]):
                    break  # the master was killed before it had stored this step
                step = build["steps"][at]
            else:
                _tell(config, stepLine(step, "==== "))
                at += 1
    if config.get("json"):
        print(json.dumps({"build": name, "result": build["result"], "text": list(build["text"])}), flush=True)
    else:
        sayResult(config, name, build)
    return STATUSES.get(str(build["result"]), STATUSES["exception"]) or int(wrong)


def throughRestart(
    config: Config, ask: Callable[[], Answer], *kept: str, instead: Instead[Answer] = _nobody
) -> Answer:
    """The answer to a question; also of a master that is being restarted.

    @param ask: asks it, and raises L{Away} while no master answers.
    @param kept: what to say in the end of a master that stays away.
    @param instead: asks whoever has taken over.
    """
    for asked in count(1):
        try:
            return ask()
        except Away as why:
            answer, patience = instead()
            if answer is not None:
                return answer
            if asked > AWAY + patience / PAUSE:
                raise CommandFailed(*why.lines, *kept, status=why.status) from None
            if asked == 1 and not config.get("quiet"):
                complain("the master is away: waiting for it …")
        time.sleep(PAUSE)
    raise AssertionError  # counting has no end


def followSteps(config: Config, build: Build, again: Again, pause: float) -> Build:
    """Print a line for each step that ends, until the build ends; returns the build then."""
    at = 0
    with Progress(config) as progress:
        while True:
            steps = build["steps"]
            while at < len(steps) and not _isRunning(build, at):
                progress.clear()
                _tell(config, stepLine(steps[at], "  "))
                at += 1
            if build["finished"] is not None:
                return build
            progress.show(_now(build))
            time.sleep(pause)
            build = again()


def stepLine(step: Mapping[str, Any], before: str) -> str:
    """A step, its outcome and its duration, as one line that begins with C{before}."""
    took = "" if step["finished"] is None else f" ({duration(step['finished'] - step['started'])})"
    return colours.withOutcome(f"{before}{plainLine(step['name'])}: ", plainLine(stepOutcome(step)), took)


def sayResult(config: Config, name: str, build: Build) -> None:
    """Print the result of a finished build."""
    took = f" ({duration(build['finished'] - build['started'])})"
    say(config, colours.withOutcome(f"build {name}: ", outcome(build), took))


def _now(build: Build) -> str:
    """What a running build does."""
    left = "" if build["eta"] is None else f", about {duration(build['eta'])} to go"
    return f"{doing(build) or 'about to start'}, {duration(build['lasts'])} so far{left}"


@contextmanager
def leftRunning(name: str, latest: Callable[[], Build]) -> Iterator[None]:
    """A context that says after Control-C that the build goes on."""
    try:
        yield
    except KeyboardInterrupt:
        if latest()["finished"] is not None:
            raise
        raise CommandFailed(f"interrupted; build {name} goes on", status=INTERRUPTED) from None


def _isRunning(build: Build, at: int) -> bool:
    """True while a step runs: it has no end, nothing came after it, and the build runs."""
    steps = build["steps"]
    return at == len(steps) - 1 and steps[at]["finished"] is None and build["finished"] is None


def _tell(config: Config, line: str) -> None:
    """Print a line for people: not with C{--json}."""
    if not config.get("json"):
        say(config, line)

# -*- test-case-name: tests.unit.scripts.test_log -*-
"""The command C{log}: print the output of a step from its file, also while it grows.

The master names the file, and knows if it is finished. Without a running master, this module finds the file
by its name.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from buildbot.control import client
from buildbot.daemon import directory
from buildbot.logs.directory import logTrouble
from buildbot.logs.files import LogReader, logFilename
from buildbot.logs.mounts import InNoPlace, sizeOf
from buildbot.logs.names import LOGS
from buildbot.model.records import LogRecord
from buildbot.scripts import colours
from buildbot.scripts.buildname import Wanted, readings
from buildbot.scripts.farlogs import hasFarLogs, reachFarLogs
from buildbot.scripts.following import followLogs, stepLine, throughRestart
from buildbot.scripts.output import (
    PATIENCE,
    Away,
    CommandFailed,
    Config,
    command,
    complain,
    refused,
    say,
    sayJSON,
    usable,
    waiting,
)
from buildbot.scripts.showing import Show, showing, showingOne
from buildbot.scripts.tables import outcome
from buildbot.scripts.takenover import successorOf
from buildbot.store.peek import peekBuild
from buildbot.store.place import serverOf

#: Seconds between two checks of a growing log.
POLL = 0.25
#: The name of the log with the output of a step's command.
_FIRST = "stdio"


@dataclass(frozen=True)
class Found:
    """The chosen log."""

    record: LogRecord
    finished: bool  #: True if it will not grow
    step: str = ""  #: the name of the step

    @property
    def filename(self) -> str:
        """The path of its file, relative to the directory of logs."""
        return self.record.filename


class NotThere(Exception):
    """There is no such step or log; the message lists the existing ones."""


def log(config: Config) -> int:
    """Print a log, or the list of a build's logs. Status 0 if it is complete; fails if it does not exist."""
    here = usable(config)
    reachFarLogs(here)
    wanted = readings(str(config["path"]))
    if not wanted:
        numbers = f"BUILD is a number, and `{command('builds', here)}` lists them"
        raise CommandFailed(f"name a log as BUILDER/BUILD/STEP, not {str(config['path'])!r}: {numbers}")
    try:
        one, build = _find(here, wanted)
    except client.NotRunning:
        stored = _stored(here, wanted)
        if stored is None:
            if config.get("follow"):
                _refuseElsewhere(here, wanted)
            return _withoutMaster(config, here, wanted)
        one, build = stored
        if not config.get("quiet"):
            complain(f"no buildmaster is running in {here}: this is what it has stored")
    if not one.rest:
        if config.get("follow"):
            return _followBuild(config, here, one, build)
        return printLogs(config, one, build)
    chosen = whenBegun(config, one, build, lambda: _again(config, here, one), POLL)
    over = chosen.finished or not config.get("follow")
    try:
        _print(here, chosen.filename, lambda: over or _isFinished(config, here, one), showing(config))
    except CommandFailed as why:
        raise CommandFailed(*why.lines, *([chosen.record.trouble] if chosen.record.trouble else [])) from None
    if chosen.record.length is None and config.get("follow"):
        chosen = choose(one, _again(config, here, one))
    wrong = logTrouble(os.path.join(here, LOGS, chosen.filename), chosen.record)
    return verdict(wrong)


def verdict(wrong: Sequence[str]) -> int:
    """Report the damage of a printed log; returns the exit status."""
    complain(*(f"this log is incomplete: {each}" for each in wrong))
    return 1 if wrong else 0


def _find(here: str, wanted: list[Wanted]) -> tuple[Wanted, dict[str, Any]]:
    """The first interpretation with an existing build, and the build. Raises NotRunning without a master."""
    trouble = ""
    for one in wanted:
        try:
            return one, _ask(here, one)
        except client.ControlError as why:
            trouble = trouble or str(why)
    raise CommandFailed(trouble)


def _ask(here: str, one: Wanted) -> dict[str, Any]:
    params = {"builder": one.builder, "number": one.number}
    with waiting({}, "the master to answer"):
        said: Any = client.request(here, "build", params, PATIENCE)
    return dict(said)


def choose(one: Wanted, build: Mapping[str, Any]) -> Found:
    """The log of a build that the name means. Raises L{NotThere}."""
    logs: list[str] = []
    for step in build["steps"]:
        for number, each in enumerate(step["logs"]):
            name = f"{step['name']}/{each['name']}"
            logs.append(name)
            if one.rest == name or (one.rest == step["name"] and number == 0):
                return logOf(build, step, each)
    has = f"it has {', '.join(logs)}" if logs else "it has none"
    raise NotThere(f"build {one.number} of {one.builder} has no log {one.rest!r}: {has}")


def logOf(build: Mapping[str, Any], step: Mapping[str, Any], log: Mapping[str, Any]) -> Found:
    """A log of a step of a build."""
    record = LogRecord.fromRecord({"crc": None, "trouble": "", **log})
    return Found(record, record.length is not None or build["finished"] is not None, step["name"])


def logAgain(build: Mapping[str, Any], at: int, number: int, known: Found) -> Found:
    """A log that is followed, in a newer answer about its build.

    @param at, number: the index of its step, and of the log in the step.
    @param known: the log in the answer before. A master that was killed had perhaps not stored it: then
        nothing more comes.
    """
    steps = build["steps"]
    if at < len(steps) and number < len(steps[at]["logs"]):
        return logOf(build, steps[at], steps[at]["logs"][number])
    return Found(known.record, True, known.step)


def printLogs(config: Config, one: Wanted, build: Mapping[str, Any]) -> int:
    """Print the list of a build's logs; returns the exit status."""
    if not sayJSON(config, build):
        say({}, *buildPage(one, build))
    return 0


def _followBuild(config: Config, here: str, one: Wanted, build: Mapping[str, Any]) -> int:
    """Print the logs of a build, one step after the other, to its end."""

    def printLog(at: int, step: Mapping[str, Any], number: int) -> list[str]:
        now = logOf(build, step, step["logs"][number])

        def isOver() -> bool:
            nonlocal now
            if not now.finished:
                now = logAgain(_again(config, here, one), at, number, now)
            return now.finished

        wrong = _print(here, now.filename, isOver, showingOne(config, now.step, now.record.name))
        return list(logTrouble(os.path.join(here, LOGS, now.filename), now.record)) or wrong

    return followLogs(
        config, f"{one.builder}/{one.number}", build, lambda: _again(config, here, one), printLog, POLL
    )


def whenBegun(
    config: Config,
    one: Wanted,
    build: Mapping[str, Any],
    again: Callable[[], Mapping[str, Any]],
    pause: float,
) -> Found:
    """The log that the name means. With C{--follow}, wait for it while the build runs.

    @param again: asks the master for the build again.
    @param pause: the seconds between two questions.
    """
    told = False
    while True:
        try:
            return choose(one, build)
        except NotThere as why:
            if build["finished"] is not None or not config.get("follow"):
                raise CommandFailed(str(why)) from None
        if not told:
            told = True
            complain(f"waiting for step {one.rest} of build {one.number} to start …")
        time.sleep(pause)
        build = again()


def _again(config: Config, here: str, one: Wanted) -> dict[str, Any]:
    """The build again; waits for a master that is being restarted."""

    def ask() -> dict[str, Any]:
        try:
            return _ask(here, one)
        except client.NotRunning:
            raise Away("the master has stopped: start it, and ask again") from None
        except client.HungUp as why:
            raise Away(str(why)) from None
        except client.ControlError as why:
            raise refused(str(why)) from None

    def instead() -> tuple[dict[str, Any] | None, float]:
        successor = successorOf(here)
        params = {"builder": one.builder, "number": one.number}
        return successor.answer("build", params, bool(config.get("quiet"))), successor.patience

    return throughRestart(config, ask, instead=instead)


def _isFinished(config: Config, here: str, one: Wanted) -> bool:
    try:
        return choose(one, _again(config, here, one)).finished
    except NotThere as why:  # deleted while we read
        raise CommandFailed(str(why)) from None


def _refuseElsewhere(here: str, wanted: list[Wanted]) -> None:
    """Raise L{CommandFailed} if another master runs the build: its output grows there."""
    for one in wanted:
        try:
            found = successorOf(here).answer("build", {"builder": one.builder, "number": one.number}, True)
        except CommandFailed:
            continue
        if found is not None and found["finished"] is None:
            from buildbot.scripts.elsewhere import activeElsewhere  # it is slow to import

            raise CommandFailed(activeElsewhere(here))


def _stored(here: str, wanted: list[Wanted]) -> tuple[Wanted, dict[str, Any]] | None:
    """A whole build in the store of a stopped master, if it has ended; else None."""
    from buildbot.scripts import stopped  # it is slow to import, and seldom needed

    whole = [one for one in wanted if not one.rest]
    if whole and stopped.canAnswer(here):
        for one in whole:
            try:
                params = {"builder": one.builder, "number": one.number}
                found: Any = stopped.answer(here, "build", params)
            except CommandFailed:
                continue
            if found["finished"] is not None:
                return one, dict(found)
    return None


def _withoutMaster(config: Config, here: str, wanted: list[Wanted]) -> int:
    """Print the log whose file has the expected name, or list the existing files."""
    for one in wanted:
        for filename in filenames(one):
            if _isThere(os.path.join(here, LOGS, filename)):
                wrong = _print(here, filename, lambda: True, showing(config))
                return verdict(_recorded(here, one, filename) or wrong)
    there: list[str] = []
    for one in wanted:
        files = _filesOf(here, one)
        if files and not one.rest:
            _listFiles(config, here, one, files)
            return 0
        there += files
    kind = directory.kindOf(directory.readTac(here))
    if kind is directory.Kind.SLAVE:
        raise CommandFailed(f"{here} is a buildslave's directory: its master has the logs")
    has = f"; there is {', '.join(there)}" if there else ""
    far = f", and neither has the object storage. {InNoPlace.cure}" if hasFarLogs(here) else ""
    raise CommandFailed(f"no master is running in {here}, and it has no file of this log{has}{far}")


def _isThere(path: str) -> bool:
    """True if there is a log, or it cannot be found out."""
    try:
        return sizeOf(path) >= 0
    except FileNotFoundError:
        return False
    except OSError:  # the object storage is away: the reader says so
        return True


def _recorded(here: str, one: Wanted, filename: str) -> Sequence[str]:
    """The differences between a log's file and its record in the store, as lines."""
    build = peekBuild(here, one.builder, one.number)
    logs = [] if build is None else [log for step in build.steps for log in step.logs]
    path = os.path.join(here, LOGS, filename)
    return [line for log in logs if log.filename == filename for line in logTrouble(path, log)]


def filenames(one: Wanted) -> Iterator[str]:
    """The possible file names of a log, by the names of its step and itself."""
    if not one.rest:
        return
    yield logFilename(one.builder, one.number, one.rest, _FIRST)
    for at in (match.start() for match in re.finditer("/", one.rest)):
        yield logFilename(one.builder, one.number, one.rest[:at], one.rest[at + 1 :])


def _filesOf(here: str, one: Wanted) -> list[str]:
    """The files of all logs of a build, relative to the directory of logs."""
    directory, name = os.path.split(logFilename(one.builder, one.number, "", ""))
    begin = name.rstrip("-")
    try:
        names = sorted(os.listdir(os.path.join(here, LOGS, directory)))
    except (FileNotFoundError, NotADirectoryError):
        return []
    return [f"{directory}/{each}" for each in names if each.startswith(f"{begin}-")]


def _listFiles(config: Config, here: str, one: Wanted, files: list[str]) -> None:
    if not sayJSON(config, {"builder": one.builder, "number": one.number, "files": files}):
        build = f"build {one.number} of {one.builder}"
        say({}, f"no master is running, so the steps of {build} are unknown; its log files:")
        say({}, *(f"  {os.path.join(here, LOGS, each)}" for each in files))


def _print(here: str, filename: str, isOver: Callable[[], bool], show: Show) -> list[str]:
    """Print a file until C{isOver} returns True. Returns errors in the file's format, as lines."""
    reader = LogReader(os.path.join(here, LOGS, filename))
    offset = 0
    while True:
        over = isOver()  # asked before reading, so that the last output is read, too
        while True:
            try:
                chunks, offset = reader.read(offset)
            except InNoPlace as why:
                raise CommandFailed(f"cannot read {reader.path}: {why.strerror}. {why.cure}") from None
            except FileNotFoundError:
                raise CommandFailed(*_gone(here, reader.path)) from None
            except OSError as why:
                raise CommandFailed(f"cannot read {reader.path}: {why.strerror}") from None
            if not chunks:
                break
            show(chunks)
        if over:
            show([])
            rest = sizeOf(reader.path) - offset
            return [reader.damage] if reader.damage else ["the file ends within a chunk"] if rest else []
        time.sleep(POLL)


def _gone(here: str, path: str) -> list[str]:
    """That a log has no file, in lines."""
    if serverOf(here):
        return [f"there is no file {path}: it was deleted, or is on the machine of another master"]
    return [f"the file of this log is gone: {path}"]


def buildPage(one: Wanted, build: Mapping[str, Any]) -> list[str]:
    """Format one build: its steps, and the names of their logs."""
    state = outcome(build, "failure") if build["result"] else "running"
    lines = [colours.withOutcome(f"build {one.number} of {one.builder} on {build['slave']}: ", state)]
    for step in build["steps"]:
        lines.append(stepLine(step, "  "))
        for each in step["logs"]:
            trouble = f" (incomplete: {each['trouble']})" if each.get("trouble") else ""
            lines.append(f"    {one.builder}/{one.number}/{step['name']}/{each['name']}{trouble}")
    return lines

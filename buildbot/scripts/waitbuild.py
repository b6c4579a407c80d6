# -*- test-case-name: tests.unit.scripts.test_waitbuild -*-
"""Wait for the build of a request: C{force --wait} and C{rebuild --wait}."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

from buildbot.model.records import wasInterrupted
from buildbot.scripts.following import INTERRUPTED, STATUSES, Build, followSteps, sayResult, throughRestart
from buildbot.scripts.output import CommandFailed, Config, askMaster, basedir, command, say
from buildbot.scripts.progress import Progress
from buildbot.scripts.takenover import successorOf

#: Seconds between two questions.
POLL = 1.0


def waitForBuild(config: Config, said: Mapping[str, Any]) -> int:
    """Wait for the build of a new request, and print its steps.

    @param said: the answer to C{force} or C{rebuild}.
    @return: the exit status for the result of the build.
    @raise CommandFailed: the request was cancelled, the master ended, or the user has interrupted it.
    """
    builder, request, number = said["builder"], said["request"], said["build"]
    why = said["why"]
    try:
        while True:
            if number is None:
                number = _whenBegun(config, builder, request, why)
            build = _followed(config, builder, request, number)
            isCut = wasInterrupted(build["text"])  # its master was killed
            if not isCut and build["result"] != "retry":
                break
            found = _ask(config, "request", builder, request, request=request)
            isSame = found["build"] == number and found["state"] != "waiting"
            if isSame or (isCut and found["state"] == "cancelled"):
                break
            if found["state"] == "cancelled":
                raise _cancelled(builder, request)
            _tell(config, f"build {number} of {builder} {_lost(build)}; request {request} is built again")
            number, why = (found["build"] if found["build"] != number else None), found["why"]
    except KeyboardInterrupt:
        raise CommandFailed(
            f"interrupted; {_left(config, builder, request, number)}", status=INTERRUPTED
        ) from None
    if config.get("json"):
        keys = ("slave", "started", "finished", "results", "result", "text")
        told = {"builder": builder, "request": request, "build": number, **{key: build[key] for key in keys}}
        print(json.dumps(told, indent=2))
    else:
        sayResult(config, f"{builder}/{number}", build)
    return STATUSES.get(str(build["result"]), STATUSES["exception"])


def _lost(build: Build) -> str:
    """Why a build counts no more, in words."""
    if wasInterrupted(build["text"]):
        return f"was {build['text'][0]}"
    return "was lost with its slave" if list(build["text"]) == ["slave", "lost"] else "was lost"


def _cancelled(builder: str, request: int) -> CommandFailed:
    return CommandFailed(f"request {request} for {builder} was cancelled", status=STATUSES["cancelled"])


def _whenBegun(config: Config, builder: str, request: int, why: str) -> int:
    """The number of the build of a waiting request."""
    _tell(config, f"request {request} for {builder} waits{f': {why}' if why else ''}")
    with Progress(config) as progress:
        begun = time.monotonic()
        while True:
            time.sleep(POLL)
            found = _ask(config, "request", builder, request, request=request)
            if found["state"] == "cancelled":
                progress.clear()
                raise _cancelled(builder, request)
            if found["state"] != "waiting":
                return int(found["build"])
            if found["why"] not in ("", why):
                why = found["why"]
                progress.clear()
                _tell(config, f"request {request} for {builder} waits: {why}")
            progress.show(f"waiting for {time.monotonic() - begun:.0f} s")


def _followed(config: Config, builder: str, request: int, number: int) -> Build:
    """A build, once it has ended."""

    def again() -> Build:
        return _ask(config, "build", builder, request, number=number)

    build = again()
    _tell(config, f"build {number} of {builder} has started on {build['slave']}")
    return followSteps(config, build, again, POLL)


def _left(config: Config, builder: str, request: int, number: int | None) -> str:
    """What goes on without the command, and how to go on with it."""
    here = ("--url", str(config["url"])) if config.get("url") else (str(config["basedir"]),)
    if number is None:
        cancel = command("cancel", *here, builder, str(request))
        return f"request {request} for {builder} still waits: `{cancel}` cancels it"
    follow = command("log", "-f", *here, f"{builder}/{number}")
    return f"build {number} of {builder} goes on: `{follow}` follows it"


def _ask(config: Config, verb: str, builder: str, asked: int, **params: object) -> dict[str, Any]:
    """The answer to a question; also of a master that is being restarted."""

    def ask() -> dict[str, Any]:
        said: Any = askMaster({**config, "quiet": True}, verb, {"builder": builder, **params})
        return dict(said)

    def instead() -> tuple[dict[str, Any] | None, float]:
        if config.get("url"):
            return None, 0.0
        successor, question = successorOf(basedir(config)), {"builder": builder, **params}
        return successor.answer(verb, question, bool(config.get("quiet"))), successor.patience

    kept = f"request {asked} for {builder} is kept on disk, and built when the master runs"
    return throughRestart(config, ask, kept, instead=instead)


def _tell(config: Config, line: str) -> None:
    if not config.get("json"):
        say(config, line)

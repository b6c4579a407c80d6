# -*- test-case-name: tests.unit.status.test_urls -*-
"""The paths of pages, relative to C{c['buildbotURL']}. Names are quoted.

This module knows no page. The pages, the API, mails and C{getURLForThing} take their links from here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from buildbot import interfaces
from buildbot.model.change import Change


def quoted(name: str) -> str:
    """A name as one segment of a path."""
    return quote(name, safe="", errors="surrogateescape")


def builderPath(builder: str) -> str:
    """The page of a builder."""
    return f"builders/{quoted(builder)}"


def buildPath(builder: str, number: int) -> str:
    """The page of a build."""
    return f"{builderPath(builder)}/builds/{number}"


def stepPath(builder: str, number: int, step: str) -> str:
    """The page of a step."""
    return f"{buildPath(builder, number)}/steps/{quoted(step)}"


def logPath(builder: str, number: int, step: str, log: str) -> str:
    """The page of a log."""
    return f"{stepPath(builder, number, step)}/logs/{quoted(log)}"


def slavePath(slave: str) -> str:
    """The page of a slave."""
    return f"buildslaves/{quoted(slave)}"


def changePath(number: int) -> str:
    """The page of a Change."""
    return f"changes/{number}"


def schedulerPath(name: str) -> str:
    """The page of a scheduler."""
    return f"schedulers/{quoted(name)}"


def pathOf(thing: object) -> str | None:
    """The path of an object of the status, found by its interface; None if it has no page.

    The page of a request is that of its builder. The page of the master is "".
    """
    if isinstance(thing, Change):
        return None if thing.number is None else changePath(thing.number)
    if interfaces.IStatus.providedBy(thing):
        return ""
    for interface, path in _PATHS:
        if interface.providedBy(thing):
            return path(thing)
    return None


def _ofBuild(build: interfaces.IBuildStatus) -> str:
    return buildPath(build.getBuilder().getName(), build.getNumber())


def _ofStep(step: interfaces.IBuildStepStatus) -> str:
    return f"{_ofBuild(step.getBuild())}/steps/{quoted(step.getName())}"


def _ofLog(log: interfaces.IStatusLog) -> str:
    return f"{_ofStep(log.getStep())}/logs/{quoted(log.getName())}"


_PATHS: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (interfaces.IBuilderStatus, lambda thing: builderPath(thing.getName())),
    (interfaces.IBuildStatus, _ofBuild),
    (interfaces.IBuildStepStatus, _ofStep),
    (interfaces.IStatusLog, _ofLog),
    (interfaces.ISlaveStatus, lambda thing: slavePath(thing.getName())),
    (interfaces.IBuildRequestStatus, lambda thing: builderPath(thing.getBuilderName())),
    (interfaces.ISchedulerStatus, lambda thing: schedulerPath(thing.getName())),
)

# -*- test-case-name: tests.unit.latent.test_pacing -*-
"""Rules about latent slaves: how many to start, which ones, and when to try again after a failure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

#: The most seconds between two attempts.
LONGEST_WAIT = 3600.0

_Request = TypeVar("_Request")


def waitAfter(failures: int, first: float) -> float:
    """The seconds until the next attempt after failures in a row: C{first}, then twice as many each time."""
    return min(LONGEST_WAIT, first * 2.0 ** min(failures - 1, 30)) if failures else 0.0


def buildsNeeded(
    waiting: Iterable[_Request],
    canMerge: Callable[[_Request, _Request], bool],
    most: int,
    canBegin: Callable[[_Request], bool] = lambda request: True,
) -> list[list[_Request]]:
    """The requests of each of the next builds, oldest first; requests that can be merged share a build.

    @param most: the most builds that the caller can use; further requests are left out.
    @param canBegin: called with the first request of each further build. False: it is left out.
    """
    builds: list[list[_Request]] = []
    for request in waiting:
        for build in builds:
            if canMerge(build[0], request):
                build.append(request)
                break
        else:
            if len(builds) == most:
                break
            if canBegin(request):
                builds.append([request])
    return builds


def inOrder(names: Sequence[str], failures: Callable[[str], int], lostOn: Iterable[str]) -> list[str]:
    """The slaves that can be started, the best first: not one that lost a build of the request, and with few
    failures in a row.
    """
    lost = set(lostOn)
    return sorted(names, key=lambda name: (name in lost, failures(name)))

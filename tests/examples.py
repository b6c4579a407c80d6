"""How much the fast tests try: a sample each time, and everything in a thorough run.

C{BUILDBOT_TEST_THOROUGH} in the environment asks for a thorough run, as one stage of C{.ci/run} does.
"""

from __future__ import annotations

import os
import random
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

_T = TypeVar("_T")

#: True to try everything.
THOROUGH = bool(os.environ.get("BUILDBOT_TEST_THOROUGH"))
#: The share of random examples that a quick run tries.
_SHARE = 5
_LEAST = 4
_chance = random.Random()


def examples(most: int) -> int:
    """The number of random examples: C{most} in a thorough run, else a share of them.

    C{BUILDBOT_TEST_SEQUENCES} in the environment sets another number.
    """
    fewer = most if THOROUGH else min(most, max(_LEAST, most // _SHARE))
    return int(os.environ.get("BUILDBOT_TEST_SEQUENCES") or fewer)


def sample(cases: Iterable[_T], few: int, always: Collection[_T] = ()) -> list[_T]:
    """All cases in a thorough run, else C{few} of them, in their order.

    The first case, the last one and those of C{always} are in each sample. The others differ in each run:
    a test has to say for which case it fails, as L{trying} does.
    """
    whole = list(cases)
    if THOROUGH or len(whole) <= few:
        return whole
    edges = {number for number, each in enumerate(whole) if each in always} | {0, len(whole) - 1}
    others = [number for number in range(len(whole)) if number not in edges]
    chosen = edges.union(_chance.sample(others, max(0, min(few, len(whole)) - len(edges))))
    return [whole[number] for number in sorted(chosen)]


@contextmanager
def trying(case: object) -> Iterator[None]:
    """Name the case in whatever fails within."""
    try:
        yield
    except Exception as error:
        raise AssertionError(f"with {case!r}: {error}") from error

# -*- test-case-name: tests.unit.scripts.test_log -*-
"""What a user may mean by the name of a build, a step or a log, as C{builds} and C{log} print it.

Whether there is such a build, the master says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """One way to read what the user has named."""

    builder: str
    number: int
    rest: str  #: STEP or STEP/LOG; either may have slashes; "" for all of the build


def readings(path: str) -> list[Wanted]:
    """How a path can be understood: names may have slashes and numbers in them."""
    parts = path.split("/")
    return [
        Wanted("/".join(parts[:at]), int(part), "/".join(parts[at + 1 :]))
        for at, part in enumerate(parts)
        if at and re.fullmatch(r"[0-9]{1,15}", part)
    ]

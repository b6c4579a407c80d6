# -*- test-case-name: tests.unit.scripts.test_log -*-
"""Parse the name of a build, a step or a log, as C{builds} and C{log} print it.

This module does not check that the build exists; the master does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Wanted:
    """One interpretation of the name."""

    builder: str
    number: int
    rest: str  #: STEP or STEP/LOG; both may contain slashes; "" for the whole build


def readings(path: str) -> list[Wanted]:
    """All interpretations of a name: names of builders, steps and logs may contain slashes and numbers."""
    parts = path.split("/")
    return [
        Wanted("/".join(parts[:at]), int(part), "/".join(parts[at + 1 :]))
        for at, part in enumerate(parts)
        if at and re.fullmatch(r"[0-9]{1,15}", part)
    ]

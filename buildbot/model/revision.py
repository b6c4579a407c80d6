# -*- test-case-name: tests.unit.schedulers.test_built -*-
"""The revisions that a slave found: each is safe to send to another slave, or it is not used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

#: One word that no program takes for an option. Of the unprintable characters, only controls are refused.
_REVISION = re.compile(r"(?!-)[^\s\x00-\x1f\x7f]{1,256}")


def safeRevision(found: object) -> str:
    """A revision that a slave found; empty if there is none, or it is not safe to send."""
    if isinstance(found, int):
        found = str(found)
    return found if isinstance(found, str) and _REVISION.fullmatch(found) else ""


def revisionsFound(got: object, codebases: Sequence[str]) -> list[Any]:
    """The revisions that the slave found for the codebases of a build, in their order; None if unknown.

    A source without a name may have been fetched by a step of a codebase: if there is only one such step, the
    revision is the one that it found.

    @param got: the value of the property C{got_revision}: a dictionary by codebase, or the revision of the
        first.
    """
    if isinstance(got, Mapping):
        isUnnamed = len(codebases) == 1 and not codebases[0]
        return list(got.values()) if isUnnamed and len(got) == 1 else [got.get(each) for each in codebases]
    return [got, *[None] * (len(codebases) - 1)]

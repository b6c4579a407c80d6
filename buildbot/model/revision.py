# -*- test-case-name: tests.unit.schedulers.test_built -*-
"""The revision that a slave found: it is safe to send to another slave, or it is not used."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.model.sourcestamp import lastRevision, sourcesIn

#: One word that no program takes for an option. Of the unprintable characters, only controls are refused.
_REVISION = re.compile(r"(?!-)[^\s\x00-\x1f\x7f]{1,256}")


def gotRevision(properties: Mapping[str, Any], codebase: str = "") -> str:
    """The revision in the property C{got_revision}; empty if there is none, or it is not safe to send.

    @param codebase: the codebase whose revision is wanted, if the property has those of several.
    """
    found = properties.get("got_revision")
    if isinstance(found, Mapping):
        found = found.get(codebase)
    if isinstance(found, int):
        found = str(found)
    return found if isinstance(found, str) and _REVISION.fullmatch(found) else ""


def revisionsFound(got: object, codebases: Sequence[str]) -> list[Any]:
    """The revisions that the slave found for the codebases of a build, in their order; None if unknown.

    @param got: the value of the property C{got_revision}: a dictionary by codebase, or the revision of the
        first.
    """
    if isinstance(got, Mapping):
        return [got.get(each) for each in codebases]
    return [got, *[None] * (len(codebases) - 1)]


def builtIn(source: Mapping[str, Any], got: object) -> list[tuple[Mapping[str, Any], Any]]:
    """The records of the sources of all codebases, each with the revision that was built.

    That is the one that the slave found, else the one that was asked for, else the one of the changes; None
    if it is unknown.

    @param source: the record of the source of a build.
    @param got: see L{revisionsFound}.
    """
    sources = sourcesIn(source)
    found = revisionsFound(got, [str(each.get("codebase") or "") for each in sources])
    return [
        (each, revision or each.get("revision") or _ofChanges(each))
        for each, revision in zip(sources, found, strict=True)
    ]


def _ofChanges(source: Mapping[str, Any]) -> Any:
    return lastRevision([each.get("revision") for each in source.get("changes") or ()])

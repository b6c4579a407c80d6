# -*- test-case-name: tests.unit.schedulers.test_built -*-
"""What a build has built: the revision of each codebase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot.model.revision import revisionsFound, safeRevision
from buildbot.model.sourcestamp import SourceStamp, lastRevision, sourcesIn


def safeRevisions(source: SourceStamp, properties: Mapping[str, Any]) -> dict[str, str]:
    """The revisions by codebase; without those that are unknown, or not safe to send to another slave.

    @param source: the source of the build.
    @param properties: its properties. C{got_revision} has a dictionary by codebase, or one revision: of the
        only codebase, or of the one without a name.
    """
    got = properties.get("got_revision")
    if source.beside and not isinstance(got, Mapping):
        got = {"": got}
    codebases = [each.codebase for each in source.each()]
    found = zip(codebases, map(safeRevision, revisionsFound(got, codebases)), strict=True)
    return {codebase: revision for codebase, revision in found if revision}


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

# -*- test-case-name: tests.unit.schedulers.test_built -*-
"""The revisions that a slave found for the codebases of a build."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot.model.revision import gotRevision
from buildbot.model.sourcestamp import SourceStamp


def safeRevisions(source: SourceStamp, properties: Mapping[str, Any]) -> dict[str, str]:
    """The revisions by codebase; without those that are unknown, or not safe to send to another slave.

    @param source: the source of the build.
    @param properties: its properties. C{got_revision} has a dictionary by codebase, or one revision: of the
        only codebase, or of the one without a name.
    """
    got = properties.get("got_revision")
    if not isinstance(got, Mapping):
        got = {"" if source.beside else source.codebase: got}
    found = {each.codebase: gotRevision({"got_revision": got.get(each.codebase)}) for each in source.each()}
    return {codebase: revision for codebase, revision in found.items() if revision}

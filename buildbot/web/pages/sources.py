# -*- test-case-name: tests.stories.test_webcodebases -*-
"""The source of a build on its page and in lists: branch, revision and changes, of each codebase."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot.model.found import builtIn
from buildbot.model.records import BuildRecord
from buildbot.model.sourcestamp import changesIn, sourcesIn
from buildbot.text.plural import counted
from buildbot.web.call import Call
from buildbot.web.markup import NOTHING, Markup, Value, join, link
from buildbot.web.pages.changes import changeTable, shortRevision
from buildbot.web.pages.changes import revision as shortly
from buildbot.web.pages.outside import named, revisionLink, revlinkOf
from buildbot.web.pages.pieces import paragraph, table, withoutEmpty

_NAMELESS = "without a name"


def sourceFacts(call: Call, build: BuildRecord) -> list[tuple[str, Value]]:
    """The facts about the source of a build with one codebase; empty if it has several."""
    source, options = build.sourcestamp or {}, call.world.options
    if source.get("beside"):
        return []
    return [
        ("Branch", source.get("branch")),
        ("Revision", revisionOf(call, build)),
        ("Repository", named(options.repositories, str(source.get("repository") or ""))),
        ("Project", named(options.projects, str(source.get("project") or ""))),
        ("Codebase", source.get("codebase")),
        ("Patch", "with a patch" if source.get("patch") else ""),
    ]


def sourceTable(call: Call, build: BuildRecord) -> Markup:
    """A table of the sources of several codebases; empty for a build with one."""
    source, options = build.sourcestamp or {}, call.world.options
    if not source.get("beside"):
        return NOTHING
    asked = [revision for _, revision in builtIn(source, None)]
    known = builtIn(source, _gotOf(build))[0][1]
    rows: list[list[Value]] = [
        [
            each.get("codebase") or _NAMELESS,
            each.get("branch"),
            _linked(call, wanted, each, known),
            _linked(call, built, each, known) if built != wanted else "",
            named(options.repositories, str(each.get("repository") or "")),
            named(options.projects, str(each.get("project") or "")),
            counted(len(each["changes"]), "change") if each.get("changes") else "",
            "with a patch" if each.get("patch") else "",
        ]
        for (each, built), wanted in zip(builtIn(source, _gotOf(build)), asked, strict=True)
    ]
    heads = ("Codebase", "Branch", "Revision", "Found", "Repository", "Project", "Changes", "Patch")
    return table("The sources of the build", *withoutEmpty(heads, rows, heads[1:]))


def changesOf(call: Call, build: BuildRecord) -> Markup:
    """The changes of a build, in a table for each codebase."""
    source = build.sourcestamp or {}
    if not changesIn(source):
        return paragraph("The build was not caused by a change.")
    if not source.get("beside"):
        return changeTable(call, source["changes"], "Changes in this build")
    return join(
        changeTable(call, each["changes"], f"Changes of codebase {each.get('codebase') or _NAMELESS}")
        for each in sourcesIn(source)
        if each.get("changes")
    )


def revisionOf(call: Call, build: BuildRecord, isShort: bool = False) -> Markup:
    """The revision of a build, as a link to all its builds; empty if it is unknown.

    @param isShort: True to show a long hash by its first characters, as in lists.
    """
    return revisionIn(call, build.sourcestamp or {}, _gotOf(build), isShort)


def revisionIn(call: Call, source: Mapping[str, Any], got: object, isShort: bool = False) -> Markup:
    """The revision of a source, from its record. The revisions of several codebases have their names.

    @param got: what the slave found: the value of the property C{got_revision}.
    """
    built = builtIn(source, got)
    known = built[0][1]
    if len(built) == 1:
        return _linked(call, known, source, known, isShort)
    shown = [
        join(filter(None, [each.get("codebase"), _linked(call, revision, each, known, isShort)]), " ")
        for each, revision in built
        if revision
    ]
    return join(shown, ", ")


def branchIn(source: Mapping[str, Any]) -> Any:
    """The branch of a source, from its record. Those of several codebases have their names."""
    if not source.get("beside"):
        return source.get("branch")
    said = [(each.get("codebase"), each.get("branch")) for each in sourcesIn(source)]
    return ", ".join(f"{codebase or ''} {branch}".lstrip() for codebase, branch in said if branch)


def _gotOf(build: BuildRecord) -> object:
    return (build.properties or {}).get("got_revision")


def _linked(
    call: Call, revision: object, source: Mapping[str, Any], known: object, isShort: bool = False
) -> Markup:
    """The revision of one codebase; empty if it is unknown. It is a link if its page finds the build.

    @param known: the revision that the build is listed under: that of the first codebase.
    """
    if not revision:
        return NOTHING
    outside = revisionLink(revlinkOf(call.world), revision, source.get("repository"))
    hasPage = revision == known or revision in [each.get("revision") for each in source.get("changes") or ()]
    shown: Value
    if hasPage:
        shown = (
            shortly(call, revision) if isShort else link(call.to("revision", str(revision)), str(revision))
        )
    else:
        shown = shortRevision(revision) if isShort else str(revision)
    return join(filter(None, [shown, outside]), " ")

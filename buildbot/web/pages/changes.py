# -*- test-case-name: tests.stories.test_webpages -*-
"""The changes: the newest ones, or those of an author, a branch or a time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from buildbot.events.coroutines import together
from buildbot.model.change import Change
from buildbot.model.rows import ChangeFilter, toCursor
from buildbot.status.topics import CHANGES
from buildbot.text.urls import withoutPasswords
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import Markup, Template, Value, join, link
from buildbot.web.pages.choice import field, pointIn, times, turning
from buildbot.web.pages.forms import searchForm
from buildbot.web.pages.outside import linked, revisionLink, revlinkOf
from buildbot.web.pages.pieces import paragraph, table, when, withoutEmpty
from buildbot.web.routes import Parameter, Route

#: The most characters of a comment in a table.
_COMMENTS = 300
#: A hash of git or Mercurial.
_IS_HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_HASH = Template('<a href="{to}" title="{whole}" class="whole">{text}</a>')


def changeTable(call: Call, changes: Iterable[Mapping[str, Any]], caption: str) -> Markup:
    """A table of changes, given as their records, in this order; with their codebases, if there are any."""
    rows: list[list[Value]] = [
        [
            ""
            if each.get("number") is None
            else link(call.to("changes", each["number"]), f"#{each['number']}"),
            each.get("who"),
            revisions(call, each),
            each.get("branch"),
            each.get("codebase"),
            _comments(call, each),
            when(each.get("when")),
        ]
        for each in changes
    ]
    heads = ("Change", "Who", "Revision", "Branch", "Codebase", "Comments", "When")
    return table(caption, *withoutEmpty(heads, rows, ("Codebase",)))


def revision(call: Call, value: object) -> Value:
    """A revision, as a link to all builds of it; a long hash is shown by its first characters."""
    if value in (None, ""):
        return ""
    text = str(value)
    to = call.to("revision", text)
    short = shortRevision(value)
    return _HASH(to=to, whole=text, text=short) if _IS_HASH.fullmatch(text) else link(to, short)


def shortRevision(value: object) -> str:
    """The first characters of a revision: twelve of a long hash."""
    text = str(value)
    return text[:12] if _IS_HASH.fullmatch(text) else text[:40]


def revisions(call: Call, record: Mapping[str, Any]) -> Value:
    """The revision of a change, with a link to it on another site."""
    outside = revisionLink(revlinkOf(call.world), record.get("revision"), record.get("repository"))
    return join(filter(None, [revision(call, record.get("revision")), outside]), " ")


def _comments(call: Call, record: Mapping[str, Any]) -> Markup:
    """The beginning of the comments of a change, with links to bugs and the like."""
    text = _short(str(record.get("comments") or ""))
    return linked(call.world.options.changecommentlink, text, str(record.get("project") or ""))


def _short(text: str) -> str:
    # strike the password before the cut: a cut URL is not recognised as one
    return text if len(text) <= _COMMENTS else f"{withoutPasswords(text)[:_COMMENTS]}…"


async def changesPage(call: Call) -> Page:
    """The newest changes, or those that the query chooses, and a link to older ones."""
    count, before = call.query["numchanges"], call.query["before"]
    wanted = _wanted(call)
    if wanted == ChangeFilter():
        found = await call.world.store.getChanges(count + 1, before)
        changes: list[Change] = found[:count]
        last = changes[-1].number if len(found) > count else None
    else:
        cursor = "" if before is None else toCursor(before)
        page = await call.world.store.getChangeRows(wanted, count, cursor)
        whole = await together(call.world.store.getChange(row.number) for row in page.rows)
        changes = [each for each in whole if each is not None]
        last = page.rows[-1].number if page.next else None
    rows = [each.toRecord() for each in changes]
    none = "There are no changes." if wanted == ChangeFilter() else "No change meets these conditions."
    content: list[Value] = [changeTable(call, rows, "Changes, newest first") if rows else paragraph(none)]
    content.append(turning(call, "changes", "before", last))
    return Page("Changes", [_form(call), Part("changes", join(content))], topics=(CHANGES,))


def _wanted(call: Call) -> ChangeFilter:
    """The changes that the query chooses. An empty field chooses all; "trunk" is the main line, too."""
    asked = call.query
    branch = asked["branch"] or None
    return ChangeFilter(
        branch="" if branch == "trunk" else branch,
        author=asked["author"] or None,
        abbreviated=asked["revision"] or None,
        project=asked["project"] or None,
        repository=asked["repository"] or None,
        since=pointIn(call, "since"),
        until=pointIn(call, "until"),
    )


def _form(call: Call) -> Markup:
    """The form that chooses changes."""
    fields = (
        field(call, "author", "Author"),
        field(call, "branch", "Branch (trunk is the main line)"),
        field(call, "revision", "Revision"),
        *times(call),
    )
    return searchForm(call.to("changes"), "Choose changes", fields)


ROUTES = (
    Route(
        "/changes",
        changesPage,
        "The newest changes, or those that the form chooses.",
        (
            Parameter("numchanges", "How many changes.", "integer", default=50, least=1, most=1000),
            Parameter("before", "Only changes with a lower number.", "integer"),
            Parameter("author", "Only changes whose author has this text in the name."),
            Parameter("branch", "Only changes of this branch."),
            Parameter("revision", "Only changes of this revision, or the beginning of its hash."),
            Parameter("project", "Only changes of this project."),
            Parameter("repository", "Only changes of this repository."),
            Parameter("since", "Only changes that came at this time or later."),
            Parameter("until", "Only changes that came before this time."),
        ),
    ),
)

# -*- test-case-name: tests.stories.test_webpages -*-
"""The changes: the newest ones, and the page of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from buildbot.status.topics import CHANGES
from buildbot.text.urls import withoutPasswords
from buildbot.web.call import Call, Page, Part, missing
from buildbot.web.markup import NOTHING, Markup, Template, Value, href, join, link
from buildbot.web.pages.acts import changeForm
from buildbot.web.pages.outside import linked, named, revisionLink, revlinkOf
from buildbot.web.pages.pieces import facts, paragraph, table, when
from buildbot.web.routes import Parameter, Route

#: The most characters of a comment in a table, and the most files.
_COMMENTS, _FILES = 300, 100
#: A hash of git or Mercurial.
_IS_HASH = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")
_HASH = Template('<a href="{to}" title="{whole}">{text}</a>')
_PRE = Template("<pre>{text}</pre>")
_ITEMS = Template("<ul>{items}</ul>")
_ITEM = Template("<li>{item}</li>")


def changeTable(call: Call, changes: Iterable[Mapping[str, Any]], caption: str) -> Markup:
    """A table of changes, given as their records, in this order."""
    rows = [
        [
            ""
            if each.get("number") is None
            else link(call.to("changes", each["number"]), f"#{each['number']}"),
            each.get("who"),
            _revisions(call, each),
            each.get("branch"),
            _comments(call, each),
            when(each.get("when")),
        ]
        for each in changes
    ]
    return table(caption, ("Change", "Who", "Revision", "Branch", "Comments", "When"), rows)


def revision(call: Call, value: object) -> Value:
    """A revision, as a link to all builds of it; a long hash is shown by its first characters."""
    if value in (None, ""):
        return ""
    text = str(value)
    to = call.to("revision", text)
    return _HASH(to=to, whole=text, text=text[:12]) if _IS_HASH.fullmatch(text) else link(to, text[:40])


def _revisions(call: Call, record: Mapping[str, Any]) -> Value:
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
    """The newest changes, and a link to older ones."""
    count, before = call.query["numchanges"], call.query["before"]
    changes = await call.world.store.getChanges(count, before)
    rows = [each.toRecord() for each in changes]
    content: list[Value] = [
        changeTable(call, rows, "Changes, newest first") if rows else paragraph("There are no changes.")
    ]
    if len(rows) == count:
        query = f"before={rows[-1]['number']}&numchanges={count}"
        content.append(paragraph(link(call.to("changes", query=query), "Older changes")))
    return Page("Changes", [Part("changes", join(content))], topics=(CHANGES,))


async def changePage(call: Call) -> Page:
    """One change."""
    number = call.values["number"]
    change = await call.world.store.getChange(number)
    if change is None:
        raise missing("change", number)
    record, options = change.toRecord(), call.world.options
    project = str(record.get("project") or "")
    return Page(
        f"Change {number}",
        [
            facts(
                ("Who", record.get("who")),
                ("When", when(record.get("when"))),
                ("Revision", _revisions(call, record)),
                ("Branch", record.get("branch")),
                ("Category", record.get("category")),
                ("Repository", named(options.repositories, str(record.get("repository") or ""))),
                ("Project", named(options.projects, project)),
                ("Link", _link(record.get("revlink"))),
            ),
            _PRE(text=linked(options.changecommentlink, str(record.get("comments") or ""), project)),
            _files(record.get("files") or ()),
            await changeForm(call, number),
        ],
        trail=(("Changes", call.to("changes")),),
    )


def _link(address: object) -> Markup:
    return link(href(str(address)), str(address)) if address else NOTHING


def _files(files: Sequence[str]) -> Markup:
    items = [_ITEM(item=each) for each in files[:_FILES]]
    if len(files) > _FILES:
        items.append(_ITEM(item=f"{len(files) - _FILES} more"))
    return _ITEMS(items=join(items)) if items else paragraph("The change names no files.")


ROUTES = (
    Route(
        "/changes",
        changesPage,
        "The newest changes.",
        (
            Parameter("numchanges", "How many changes.", "integer", default=50, least=1, most=1000),
            Parameter("before", "Only changes with a lower number.", "integer"),
        ),
    ),
    Route("/changes/{number:int}", changePage, "One change: who, when, what, with its files."),
)

# -*- test-case-name: tests.stories.test_webchoice -*-
"""The page of one change: who, when, what, and what became of it."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.control.lookingcommands import LookingCommands
from buildbot.status.topics import BUILDERS, BUILDS, CHANGES, QUEUE
from buildbot.web.call import Call, Page, Part, missing
from buildbot.web.markup import NOTHING, Markup, Template, Value, href, join, link
from buildbot.web.pages.acts import changeForm
from buildbot.web.pages.builders import rowTable
from buildbot.web.pages.changes import revisions
from buildbot.web.pages.outside import linked, named
from buildbot.web.pages.pieces import facts, paragraph, section, when
from buildbot.web.routes import Route

#: The most files of a change that are shown.
_FILES = 100
_PRE = Template("<pre>{text}</pre>")
_ITEMS = Template("<ul>{items}</ul>")
_ITEM = Template("<li>{item}</li>")


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
                ("Revision", revisions(call, record)),
                ("Branch", record.get("branch")),
                ("Category", record.get("category")),
                ("Repository", named(options.repositories, str(record.get("repository") or ""))),
                ("Project", named(options.projects, project)),
                ("Codebase", record.get("codebase")),
                ("Link", _link(record.get("revlink"))),
            ),
            _PRE(text=linked(options.changecommentlink, str(record.get("comments") or ""), project)),
            _files(record.get("files") or ()),
            Part("became", section("became-title", "Builds", await _became(call, number))),
            await changeForm(call, number),
        ],
        topics=(CHANGES, BUILDERS, BUILDS, QUEUE),
        ages=True,
        trail=(("Changes", call.to("changes")),),
    )


def _builder(call: Call, name: str) -> Markup:
    return link(call.to("builders", name), name)


async def _became(call: Call, number: int) -> Markup:
    """What became of a change: its builds, its waiting requests, the schedulers that will build it."""
    looking = LookingCommands(call.world.botmaster, call.world.status.getSchedulers)
    rows, waiting, pending = await looking.became(number)
    content: list[Value] = [
        paragraph(
            join([link(call.to("builders", each["builder"]), each["builder"]), " waits: ", each["why"]])
        )
        for each in waiting
    ]
    content += [
        paragraph(join(["The scheduler ", link(call.to("schedulers", name), name), " will build it."]))
        for name in pending
    ]
    if rows:
        content.append(rowTable(call, rows, "Builds with the change, newest first"))
    return join(content or [paragraph("No build has it.")])


def _link(address: object) -> Markup:
    return link(href(str(address)), str(address)) if address else NOTHING


def _files(files: Sequence[str]) -> Markup:
    items = [_ITEM(item=each) for each in files[:_FILES]]
    if len(files) > _FILES:
        items.append(_ITEM(item=f"{len(files) - _FILES} more"))
    return _ITEMS(items=join(items)) if items else paragraph("The change names no files.")


ROUTES = (Route("/changes/{number:int}", changePage, "One change: who, when, what, and what became of it."),)

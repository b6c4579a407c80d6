# -*- test-case-name: tests.unit.web.test_deliveries -*-
"""The page for the administrator about the last deliveries of forges, and their outcome."""

from __future__ import annotations

from collections.abc import Iterable

from buildbot.web.call import Call, Page
from buildbot.web.hooks.changehook import ChangeHook, HookRecord
from buildbot.web.markup import Markup, Value, join, link
from buildbot.web.pages.pieces import paragraph, section, table, when
from buildbot.web.routes import Route

_HEADS = ("Time", "Hook", "Sender", "Event", "Delivery", "Answer", "Outcome")
#: The most changes of one delivery that have a link.
_MOST_LINKS = 5


def deliveries(call: Call) -> Page:
    """The last deliveries, the newest first."""
    hooks = call.world.part(ChangeHook)
    if not hooks.dialects:
        said = "This web server has no hooks: WebStatus has no change_hook_dialects."
        return Page("Hooks of forges", [paragraph(said)])
    names = ", ".join(sorted(hooks.dialects))
    return Page(
        "Hooks of forges",
        [
            paragraph(f"Hooks in master.cfg: {names}."),
            _part(call, "taken", "Deliveries", "The last deliveries with a right proof", hooks.recent),
            _part(
                call,
                "refused",
                "Refused",
                "The last requests without proof, or of a wrong kind",
                hooks.refused,
            ),
        ],
        trail=(("About this master", call.to("about")),),
    )


def _part(call: Call, id: str, title: str, caption: str, records: Iterable[HookRecord]) -> Markup:
    rows = [_row(call, each) for each in records][::-1]
    return section(id, title, table(caption, _HEADS, rows) if rows else paragraph("None since the start."))


def _row(call: Call, record: HookRecord) -> tuple[Value, ...]:
    links = [link(call.to("changes", number), f"change {number}") for number in record.changes[:_MOST_LINKS]]
    outcome = join([record.text, *links], " ")
    sender = (record.dialect, record.address, record.event, record.id)
    return (when(record.when), *sender, str(record.status), outcome)


ROUTES = (
    Route("/about/hooks", deliveries, "The last deliveries of forges, and their outcome.", action="admin"),
)

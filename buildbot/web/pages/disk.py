# -*- test-case-name: tests.stories.test_webchoice -*-
"""The page of what takes room on the master, and of what will be removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from buildbot.control.client import ControlError
from buildbot.text.lasting import lasting
from buildbot.text.plural import counted
from buildbot.web.call import Call, Page, Problem
from buildbot.web.markup import Markup, Value, link
from buildbot.web.pages.build import sized
from buildbot.web.pages.pieces import facts, paragraph, section, table
from buildbot.web.routes import Route

#: The most builders that are shown.
_BUILDERS = 200


async def disk(call: Call) -> Page:
    """What takes room. It is measured for each look, and the page does not change by itself."""
    try:
        said: Mapping[str, Any] = await call.world.master.commands["disk"]()
    except ControlError as why:
        raise Problem(503, "The master cannot answer", str(why)) from None
    keeps, trouble = said["keeps"], said["storeTrouble"]
    return Page(
        "Disk",
        [
            facts(
                (
                    "Changes, requests and builds",
                    f"in {said['server']}" if said["server"] else sized(said["store"]),
                ),
                ("Logs", sized(said["logs"])),
                ("twistd.log", sized(said["twistdLog"])),
                ("Free", "" if said["free"] is None else sized(said["free"])),
                (
                    "Builds of each builder",
                    "all" if keeps["builds"] is None else f"the last {keeps['builds']}",
                ),
                ("Builds are kept for", "" if keeps["days"] is None else counted(keeps["days"], "day")),
                ("Kept logs of each builder", _last(keeps["logsOf"])),
                ("All logs", "" if keeps["logs"] is None else f"at most {sized(keeps['logs'])}"),
                ("Next removal", _goes(said["goes"])),
                ("Not counted", f"the store does not answer: {trouble}" if trouble else ""),
            ),
            section("logs-title", "Logs of each builder", _builders(call, said)),
        ],
        trail=(("About this master", call.to("about")),),
    )


def _last(count: int | None) -> str:
    return "" if count is None else f"the last {count}"


def _goes(goes: Mapping[str, Any] | None) -> str:
    """What the next removal removes, and when it is; empty if the store does not tell."""
    if goes is None:
        return ""
    when = "" if goes["wait"] is None else f"in {lasting(goes['wait'])}: "
    words = (("builds", "build"), ("changes", "change"))
    parts = [counted(goes[key], word) for key, word in words if goes[key]]
    if goes["logsOf"]:
        parts.append(f"the logs of {counted(goes['logsOf'], 'further build')}")
    return f"{when}{', '.join(parts)}; {sized(goes['size'])} of logs" if parts else f"{when}nothing"


def _builders(call: Call, said: Mapping[str, Any]) -> Markup:
    rows: list[list[Value]] = [
        [
            link(call.to("builders", each["builder"]), each["builder"]),
            sized(each["logs"]),
            "" if each["builds"] is None else each["builds"],
            each["withLogs"],
        ]
        for each in said["builders"][:_BUILDERS]
    ]
    if not rows:
        return paragraph("There are no builds.")
    return table("Logs, the largest first", ("Builder", "Logs", "Builds", "With logs"), rows)


ROUTES = (
    Route("/about/disk", disk, "What takes room on the master, and what will be removed.", action="admin"),
)

# -*- test-case-name: tests.unit.web.feeds.test_cctray -*-
"""The state of builders for CCTray, CCMenu and other monitors on a desk or a wall."""

from __future__ import annotations

from collections.abc import Iterable

from buildbot.model.results import EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.status.urls import builderPath
from buildbot.web.feeds.views import BuilderView, BuildView
from buildbot.web.feeds.xmltext import DECLARATION, empty, rfc3339

CONTENT_TYPE = b"application/xml; charset=utf-8"
STATUSES = {SUCCESS: "Success", WARNINGS: "Success", FAILURE: "Failure", EXCEPTION: "Exception"}
ACTIVITIES = {"building": "Building", "waiting": "CheckingModifications"}


def cctray(base: str, builders: Iterable[BuilderView]) -> bytes:
    """The document for monitors.

    While a builder builds, the status, label and time are those of the last green or red build.

    @param base: C{c['buildbotURL']}, with a slash at its end.
    """
    projects = "".join(_project(base, each) for each in builders)
    return f"{DECLARATION}<Projects>\n{projects}</Projects>\n".encode()


def _project(base: str, builder: BuilderView) -> str:
    attributes: dict[str, object] = {
        "name": builder.name,
        "activity": ACTIVITIES.get(builder.state, "Sleeping"),
        **_last(builder.decisive),
        "webUrl": base + builderPath(builder.name),
    }
    if builder.next is not None:
        attributes["nextBuildTime"] = rfc3339(builder.next)
    if builder.category:
        attributes["category"] = builder.category
    return f"  {empty('Project', **attributes)}\n"


def _last(build: BuildView | None) -> dict[str, object]:
    """Monitors need a label and a time, so a builder without builds has empty ones."""
    if build is None or build.results is None:
        return {"lastBuildStatus": "Unknown", "lastBuildLabel": "", "lastBuildTime": rfc3339(0)}
    return {
        "lastBuildStatus": STATUSES.get(build.results, "Exception"),
        "lastBuildLabel": build.number,
        "lastBuildTime": rfc3339(build.finished or 0),
    }

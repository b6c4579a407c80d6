# -*- test-case-name: tests.unit.scripts.test_audit -*-
"""The command C{audit}: who has done what on a running master."""

from __future__ import annotations

from typing import Any

from buildbot.scripts.output import Config, askMaster, say, sayJSON
from buildbot.scripts.tables import moment, table, terminalWidth

_HEADINGS = ("when", "who", "from", "action", "on", "outcome", "detail")


def audit(config: Config) -> int:
    """Show the latest actions, the latest first. Status 0, also if there is none."""
    asked = {name: config[name] for name in ("count", "who", "subject")}
    said: Any = askMaster(config, "audit", asked)
    entries = said["entries"]
    if sayJSON(config, entries):
        return 0
    if entries:
        say(config, *table(_HEADINGS, [_row(each) for each in entries], terminalWidth()))
    else:
        say(config, "no action is recorded")
    return 0


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    place = f"{entry['how']} {entry['address']}".rstrip()
    what = (entry["action"], entry["subject"], entry["outcome"], entry["detail"])
    return (moment(entry["when"]), entry["who"] or "nobody", place, *what)

# -*- test-case-name: tests.unit.scripts.test_audit -*-
"""The command C{audit}: who has done what on a master."""

from __future__ import annotations

from typing import Any

from buildbot.scripts.looking import look
from buildbot.scripts.output import Config, say, sayJSON
from buildbot.scripts.tables import moment, table, terminalWidth

#: The most actions, and the most of one answer.
MOST, PART = 10_000, 1000
_HEADINGS = ("when", "who", "from", "action", "on", "outcome", "detail")


def audit(config: Config) -> int:
    """Show the latest actions, the latest first. Status 0, even without actions."""
    entries = _latest(config, int(str(config["count"])))
    if sayJSON(config, entries):
        return 0
    if entries:
        say(config, *table(_HEADINGS, [_row(each) for each in entries], terminalWidth()))
    else:
        chosen = any(config.get(each) is not None for each in ("who", "subject", "since"))
        say(config, "no action meets these conditions" if chosen else "no action is recorded")
    return 0


def _latest(config: Config, count: int) -> list[dict[str, Any]]:
    """The latest actions, asked for in parts."""
    entries: list[dict[str, Any]] = []
    asked = {name: config[name] for name in ("who", "subject")}
    cursor = ""
    while len(entries) < min(count, MOST):
        more = {"cursor": cursor} if cursor else {}
        part = min(count - len(entries), PART)
        said: Any = look(config, "audit", {"count": part, **asked, **more}, bool(cursor))
        found = [each for each in said["entries"] if each["when"] >= (config.get("since") or 0)]
        entries += found
        cursor = said.get("next") or ""
        if not cursor or len(found) < len(said["entries"]):
            break
    return entries


def _row(entry: dict[str, Any]) -> tuple[str, ...]:
    place = f"{entry['how']} {entry['address']}".rstrip()
    what = (entry["action"], entry["subject"], entry["outcome"], entry["detail"])
    return (moment(entry["when"]), entry["who"] or "nobody", place, *what)

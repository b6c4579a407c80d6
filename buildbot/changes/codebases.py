# -*- test-case-name: tests.unit.changes.test_codebases -*-
"""Name the codebase of a change that comes without one: C{c['codebaseGenerator']}.

This module loses no change: one whose codebase cannot be told has none.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from datetime import datetime, timezone
from typing import Any

from twisted.logger import Logger

from buildbot.config.kinds import isText
from buildbot.config.messages import shown
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.text.urls import withoutPasswords

log = Logger()

#: The most characters in the name of a codebase.
LONGEST = 4096

#: A function of a change, as L{asDictionary} has it. It returns the name of a codebase.
Generator = Callable[[dict[str, Any]], object]


def withCodebase(change: Change, generator: Generator) -> Change:
    """The change, with the codebase that a function of the configuration names if it has none yet.

    If the function fails, or returns no text, that is logged, and the change stays as it is.
    """
    if change.codebase:
        return change
    told = {"who": change.who, "repository": withoutPasswords(change.repository), "revision": change.revision}
    try:
        name = generator(asDictionary(change))
    except PLUGIN_ERRORS:
        log.failure(
            "c['codebaseGenerator'] failed on the change {revision} by {who} in {repository!r}:"
            " the change is kept without a codebase",
            **told,
        )
        return change
    if not isinstance(name, str) or not isText(name) or len(name) > LONGEST:
        log.error(
            "c['codebaseGenerator'] must return the name of a codebase (text), and returned {found} for the"
            " change {revision} by {who} in {repository!r}: the change is kept without a codebase",
            found=shown(name),
            **told,
        )
        return change
    if not name:
        return change
    same = copy(change)
    same.codebase = name
    return same


def asDictionary(change: Change) -> dict[str, Any]:
    """The change under the names of 0.8; C{who} is the same as C{author}.

    C{when_timestamp} is a datetime, in UTC; None if the change has a time beyond all calendars. Each of
    C{properties} is a pair: the value, and its source.
    """
    return {
        "changeid": None,
        "author": change.who,
        "who": change.who,
        "files": list(change.files),
        "comments": change.comments,
        "is_dir": int(bool(change.isdir)),
        "revision": change.revision,
        "when_timestamp": _time(change.when),
        "branch": change.branch,
        "category": change.category,
        "revlink": change.revlink,
        "properties": change.properties.properties,
        "repository": change.repository,
        "project": change.project,
    }


def _time(when: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(when, timezone.utc)
    except (OverflowError, ValueError, OSError):
        return None

# -*- test-case-name: tests.unit.web.hooks.test_githubhandler -*-
"""Handlers of one's own for the deliveries of GitHub, as in 0.8.

L{buildbot.web.hooks.github} reads the deliveries without them.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from buildbot.model.change import Change
from buildbot.model.times import epoch2datetime
from buildbot.web.hooks.delivery import (
    MOST_CHANGES,
    BadDelivery,
    Delivery,
    HookOptions,
    change,
    codebaseOf,
    ignoring,
)

#: Gives the delivery that the master makes without a handler of one's own.
Usual = Callable[[], Delivery]
_EVENT = re.compile(r"[a-z_]{1,60}")
_COPIED = ("files", "comments", "revision", "branch", "category", "revlink")


class GitHubEventHandler:
    """I make changes of the deliveries of GitHub. Derive from me, and override C{handle_EVENT}.

    Such a method gets the body as a dictionary, and returns a list of changes and C{"git"}. A change is a
    dictionary with the names of 0.8. There is one object for each delivery, whose secret is right.
    """

    def __init__(self, secret: str | None = None, strict: object = False, codebase: Any = None) -> None:
        """@param codebase: of the changes: text, a function of the body, or None."""
        self._secret = secret
        self._strict = strict
        self._codebase = codebase

    def handle_ping(self, payload: dict[str, Any]) -> tuple[Sequence[Mapping[str, Any]], str]:
        """GitHub tries the hook: no changes."""
        return [], "git"

    def handle_push(self, payload: dict[str, Any]) -> tuple[Sequence[Mapping[str, Any]], str]:
        """The commits of a push, one change for each."""
        return self._usualChanges(), "git"

    def handle_pull_request(self, payload: dict[str, Any]) -> tuple[Sequence[Mapping[str, Any]], str]:
        """The last commit of a pull request."""
        return self._usualChanges(), "git"

    def _usualChanges(self) -> list[dict[str, Any]]:
        usual: Usual = vars(self)["_usual"]
        return [_told(each) for each in usual().changes]


def handled(body: Mapping[str, Any], options: HookOptions, event: str, id: str, usual: Usual) -> Delivery:
    """Let the handler of the configuration read a delivery.

    @param usual: gives the delivery that the master makes itself.
    @raise BadDelivery: a change has no author, or a wrong value.
    """
    assert options.handler is not None
    secret = options.secrets[0] if options.secrets else None
    handler = options.handler(secret, bool(secret), options.codebase or None)
    handler._usual = usual
    method = getattr(handler, f"handle_{event}", None) if _EVENT.fullmatch(event) else None
    if method is None:
        return ignoring(event, id, f"the handler in master.cfg has no method for the event {event[:60]!r}")
    changes, _ = method(dict(body))
    if not changes:
        return ignoring(event, id, "the handler in master.cfg makes no changes of it")
    made = [change(_read(each, options, body)) for each in changes[:MOST_CHANGES]]
    return Delivery(tuple(made), event, id, isUnique=True)


def _told(made: Change) -> dict[str, Any]:
    """A change with the names of 0.8."""
    return {
        **{name: getattr(made, name) for name in _COPIED},
        "properties": dict(made.properties),
        "author": made.who,
        "when_timestamp": epoch2datetime(made.when),
        "repository": made.repository,
        "project": made.project,
        **({"codebase": made.codebase} if made.codebase else {}),
    }


def _read(told: Any, options: HookOptions, body: Mapping[str, Any]) -> dict[str, Any]:
    """A change of a handler with the names of L{change}."""
    if not isinstance(told, Mapping):
        raise BadDelivery("the handler in master.cfg must make dictionaries of changes")
    author = told.get("author") or told.get("who")
    if not author:
        raise BadDelivery("the handler in master.cfg made a change without an author")
    when = told.get("when_timestamp", told.get("when"))
    if isinstance(when, datetime):
        when = float(calendar.timegm(when.utctimetuple()))
    return {
        **told,
        "who": author,
        "when": when,
        "files": list(told.get("files") or ()),
        "comments": told.get("comments") or "",
        "codebase": told.get("codebase") or codebaseOf(options, body),
    }

# -*- test-case-name: tests.unit.web.hooks.test_changehook -*-
"""Read the deliveries of one's own programs: one change, as the fields of a form or as JSON.

The names of the fields are those of 0.8. C{poller} calls pollers instead.
"""

from __future__ import annotations

from typing import Any

from buildbot.web.hooks.delivery import (
    BadDelivery,
    Delivery,
    HookOptions,
    Received,
    change,
    codebaseOf,
)
from buildbot.web.hooks.fields import fieldsOf, jsonOf

#: Fields that are JSON in a form.
_JSON = ("files", "links", "properties")
_TEXTS = ("comments", "revision", "branch", "category", "revlink", "repository", "project", "codebase")
_FALSE = ("", "0", "false", "False", "no")
_IDS = ("idempotency-key", "webhook-id")


def read(received: Received, options: HookOptions) -> Delivery:
    """Read a delivery.

    @raise BadDelivery: the fields are missing or wrong.
    """
    given, isForm = fieldsOf(received)
    fields: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if isForm:
        fields.update(_converted(fields))
    told: dict[str, Any] = {name: fields[name] for name in (*_TEXTS, *_JSON, "when") if name in fields}
    told["who"] = fields.get("author") or fields.get("who")
    if not told["who"]:
        raise BadDelivery("the change has no author: give the field 'author' or 'who'")
    told["isdir"] = bool(fields.get("isdir"))
    told.setdefault("files", [])
    told.setdefault("comments", "")
    if not isinstance(told["files"], list):
        raise BadDelivery("files must be a list of names")
    told["codebase"] = told.get("codebase") or codebaseOf(options, given)
    told["project"] = told.get("project") or received.asked("project")
    return Delivery((change(told),), "change", received.header(*_IDS))


def _converted(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a form that are no texts."""
    found: dict[str, Any] = {}
    for name in _JSON:
        if name in fields:
            found[name] = jsonOf(fields[name], name) if fields[name] else None
    for name in [each for each in found if found[each] is None]:
        found[name] = {} if name == "properties" else []
    if "when" in fields:
        try:
            found["when"] = float(fields["when"]) if fields["when"] else None
        except ValueError:
            raise BadDelivery("when must be a number of seconds since 1970") from None
    if "isdir" in fields:
        found["isdir"] = fields["isdir"] not in _FALSE
    return found


def readPoll(received: Received, options: HookOptions) -> Delivery:
    """Read a call of pollers: C{?poller=NAME}, once for each; without it, all are called.

    @raise BadDelivery: a poller may not be called.
    """
    names = tuple(received.query.get("poller", ()))
    if options.allowed is not None:
        wrong = [each for each in names if each not in options.allowed]
        if wrong:
            raise BadDelivery(
                f"no poller {wrong[0][:100]!r} may be called: see the option 'allowed' of the hook"
            )
        names = names or options.allowed
    return Delivery(event="poll", id="", polled=names)

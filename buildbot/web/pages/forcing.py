# -*- test-case-name: tests.stories.test_webacts -*-
"""The forms to force a build: one for each ForceScheduler of the builder, else a plain one."""

from __future__ import annotations

from typing import Any

from buildbot.web.call import Call
from buildbot.web.markup import Markup
from buildbot.web.pages.acting import command
from buildbot.web.pages.forms import Field, form
from buildbot.web.pages.pieces import section

#: The properties that the plain form has room for.
ROOM = 3


def forceForms(call: Call, builder: str) -> list[Markup]:
    """The forms."""
    to = call.to("builders", builder, "force")
    schedulers = command(call, "parameters")(builder)["schedulers"]
    if not schedulers:
        return [form(to, "Force a build", _plainFields(call))]
    return [
        section(f"force-{number}", each["label"] or each["scheduler"], form(to, "Force", _fields(call, each)))
        for number, each in enumerate(schedulers)
    ]


def _plainFields(call: Call) -> list[Field]:
    name = [] if call.who.name else [Field("username", "Your name", _given(call, "username"))]
    properties = [
        Field(f"property{number}{part}", f"Property {number} {part}", _given(call, f"property{number}{part}"))
        for number in range(1, ROOM + 1)
        for part in ("name", "value")
    ]
    return [
        *name,
        Field("comments", "Reason", _given(call, "comments") or _given(call, "reason")),
        Field("branch", "Branch", _given(call, "branch")),
        Field("revision", "Revision", _given(call, "revision")),
        *properties,
    ]


def _fields(call: Call, scheduler: dict[str, Any]) -> list[Field]:
    shown = [Field("forcescheduler", value=scheduler["scheduler"], kind="hidden")]
    for each in scheduler["parameters"]:
        if each["type"] == "fixed" or (each["person"] and call.who.name):
            continue
        shown.append(_field(each, _given(call, each["name"])))
    return shown


def _field(parameter: dict[str, Any], given: str) -> Field:
    name, label = parameter["name"], parameter["label"]
    default = parameter["default"]
    text = given or ("" if default is None else str(default))
    if parameter["type"] == "bool":
        return Field("checkbox", label, name, "checkbox", isOn=bool(default))
    choices = parameter["choices"]
    if choices:
        return Field(name, label, text, "select", choices=tuple(choices), multiple=parameter["multiple"])
    kind = parameter["type"] if parameter["type"] == "textarea" else "text"
    return Field(name, label, text, kind, bool(parameter["required"]))


def _given(call: Call, name: str) -> str:
    return (call.given.get(name) or [""])[-1]

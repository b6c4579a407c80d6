# -*- test-case-name: tests.stories.test_webacts -*-
"""The forms to force a build: one for each ForceScheduler of the builder, else a plain one."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from buildbot.web.call import Call
from buildbot.web.lastforced import LastForced, Values
from buildbot.web.markup import NOTHING, Markup, join
from buildbot.web.pages.acting import command
from buildbot.web.pages.forms import Field, form
from buildbot.web.pages.pieces import paragraph, section

#: The properties that the plain form has room for.
ROOM = 3
NO_VALUES: Values = MappingProxyType({})


async def forceForms(call: Call, builder: str) -> list[Markup]:
    """The forms, with the values that the visitor used last."""
    last = await call.world.part(LastForced).of(call.world.store, builder, call.who.name)
    to = call.to("builders", builder, "force")
    schedulers = command(call, "parameters")(builder)["schedulers"]
    if not schedulers:
        return [join([form(to, "Force a build", _plainFields(call, last)), _note(last)])]
    found = []
    for number, each in enumerate(schedulers):
        own = last if (last.get("forcescheduler") or [""])[-1] == each["scheduler"] else {}
        content = join([form(to, each["button"] or "Force", _fields(call, each, own)), _note(own)])
        found.append(section(f"force-{number}", each["label"] or each["scheduler"], content))
    return found


def _note(last: Values) -> Markup:
    used = any("".join(texts) for name, texts in last.items() if name != "forcescheduler")
    return paragraph("The fields have the values that were used last.") if used else NOTHING


def _plainFields(call: Call, last: Values) -> list[Field]:
    name = [] if call.who.name else [Field("username", "Your name", _given(call, "username"))]
    properties = [
        Field(field := f"property{number}{part}", f"Property {number} {part}", _given(call, field, last))
        for number in range(1, ROOM + 1)
        for part in ("name", "value")
    ]
    return [
        *name,
        Field("comments", "Reason", _given(call, "comments") or _given(call, "reason")),
        Field("branch", "Branch", _given(call, "branch", last)),
        Field("revision", "Revision", _given(call, "revision", last)),
        *properties,
    ]


def _fields(call: Call, scheduler: dict[str, Any], last: Values) -> list[Field]:
    shown = [Field("forcescheduler", value=scheduler["scheduler"], kind="hidden")]
    for each in scheduler["parameters"]:
        if each["type"] == "fixed" or each["hide"] or (each["person"] and call.who.name):
            continue
        shown.append(_field(call, each, last))
    return shown


def _field(call: Call, parameter: dict[str, Any], last: Values) -> Field:
    name, label, default = parameter["name"], parameter["label"], parameter["default"]
    if parameter["type"] == "bool":
        # The boxes of visitors without a login are not kept.
        isOn = name in last.get("checkbox", ()) if last and call.who.name else bool(default)
        return Field("checkbox", label, name, "checkbox", isOn=isOn)
    text = _given(call, name, last) or ("" if default is None else str(default))
    if parameter["choices"]:
        return _select(call, parameter, text, last)
    kind = parameter["type"] if parameter["type"] == "textarea" else "text"
    return Field(name, label, text, kind, bool(parameter["required"]))


def _select(call: Call, parameter: dict[str, Any], text: str, last: Values) -> Field:
    """A field to choose a text, or several: those that were chosen last, or the default."""
    name, choices, isMultiple = parameter["name"], tuple(parameter["choices"]), parameter["multiple"]
    default = parameter["default"]
    usual = map(str, default) if isinstance(default, list) else (text,)
    chosen = tuple(call.given.get(name) or last.get(name) or usual) if isMultiple else (text,)
    if not isMultiple and text not in choices:
        choices = ("", *choices)
    return Field(
        *(name, parameter["label"], text, "select", bool(parameter["required"])),
        choices=choices,
        multiple=isMultiple,
        chosen=chosen,
    )


def _given(call: Call, name: str, last: Values = NO_VALUES) -> str:
    return (call.given.get(name) or last.get(name) or [""])[-1]

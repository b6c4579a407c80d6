# -*- test-case-name: tests.stories.test_webacts -*-
"""The forms to force a build: one for each ForceScheduler of the builder, else a plain one."""

from __future__ import annotations

from dataclasses import replace
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
#: The kind of a parameter -> that of its field.
_KINDS = {"int": "number"}
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
        shown += _shown(call, each, last)
    return shown


def _shown(call: Call, parameter: dict[str, Any], last: Values) -> list[Field]:
    """The field of a parameter, or two: to choose a text, and for another text."""
    name, label, default, group = (parameter[key] for key in ("name", "label", "default", "group"))
    if parameter["type"] == "bool":
        # The boxes of visitors without a login are not kept.
        isOn = name in last.get("checkbox", ()) if last and call.who.name else bool(default)
        return [Field("checkbox", label, name, "checkbox", isOn=isOn, group=group)]
    size, required = parameter["size"] or 0, bool(parameter["required"])
    if parameter["choices"]:
        return _choice(call, parameter, last)
    text = _given(call, name, last) or ("" if default is None else str(default))
    if parameter["type"] == "textarea":
        rows = parameter["rows"] or 0
        return [Field(name, label, text, "textarea", required, size=size, rows=rows, group=group)]
    return [Field(name, label, text, _KINDS.get(parameter["type"], "text"), required, size=size, group=group)]


def _choice(call: Call, parameter: dict[str, Any], last: Values) -> list[Field]:
    """A field to choose a text, or several: those that were chosen last, or the default."""
    name, choices, isMultiple = parameter["name"], tuple(parameter["choices"]), parameter["multiple"]
    default, isFree = parameter["default"], parameter["free"]
    usual = default if isinstance(default, list) else [] if default is None else [default]
    texts = [each for each in call.given.get(name) or last.get(name) or () if each.strip()]
    texts = texts or [str(each) for each in usual]
    texts = texts if isMultiple else texts[-1:]
    chosen = tuple(each for each in texts if each in choices)
    others = [each for each in texts if each and each not in choices]
    if not isMultiple and not chosen:
        choices = ("", *choices)
    select = Field(
        *(name, parameter["label"], "", "select", bool(parameter["required"]) and not isFree),
        choices=choices,
        multiple=isMultiple,
        chosen=chosen,
        group=parameter["group"],
    )
    if not isFree:
        return [select]
    other = Field(name, f"{parameter['label']} (another)", ", ".join(others[-1:]), group=parameter["group"])
    return [select, replace(other, size=parameter["size"] or 0)]


def _given(call: Call, name: str, last: Values = NO_VALUES) -> str:
    return (call.given.get(name) or last.get(name) or [""])[-1].replace("\r\n", "\n")

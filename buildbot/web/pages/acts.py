# -*- test-case-name: tests.stories.test_webacts -*-
"""Actions on builds: force, rebuild, stop, and those on requests and changes.

A GET shows a form that asks for confirmation, and changes nothing: old links and crawlers do no harm.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

from buildbot.control.audit import MASTER, aboutBuilder
from buildbot.control.client import ControlError
from buildbot.status.topics import builderTopic
from buildbot.text.plural import counted
from buildbot.web.accounts.redirects import CAME_FROM
from buildbot.web.call import Answer, Call, Page, Problem, missing
from buildbot.web.lastforced import LastForced
from buildbot.web.markup import NOTHING, Href, Markup, join
from buildbot.web.outcomes import showOn
from buildbot.web.pages.acting import (
    Deed,
    act,
    carriedOut,
    comeBack,
    command,
    loginOffer,
    mustBeAllowed,
    said,
    whoSays,
)
from buildbot.web.pages.forcing import forceForms
from buildbot.web.pages.forms import Field, folded, form, group
from buildbot.web.pages.pieces import paragraph
from buildbot.web.reach import reached
from buildbot.web.reading import builderOf, buildOf
from buildbot.web.routes import Parameter, Route

#: What the fields of a plain form may have. A revision or a branch goes to the commands of slaves.
_PLAIN = re.compile(r"(?!-)[\w./~:@+#=, -]*")
#: The most properties of a plain form.
MOST_PROPERTIES = 30
#: Fields that are none of a ForceScheduler's own.
_OWN = {CAME_FROM, "forcescheduler", "checkbox", "passwd", "comments", "done", "selected"}
#: The field of a reason, as in 0.7.
REASON = Field("comments", "Reason")
#: The field of a change.
CHANGE = Field("change", "Change (a number)")


def confirm(title: str, button: str, *fields: Field) -> Callable[[Call], Awaitable[Page]]:
    """Makes the handler of a GET: a page with a form for the action, which a POST carries out.

    The handler raises L{Problem} if what the action is about does not exist.

    @param title: the question, with the names of the path's segments in braces.
    @param fields: those of the action; values in the address are put into the form.
    """

    hidden = Field(CAME_FROM, kind="hidden")

    async def page(call: Call) -> Page:
        trail = await _above(call)
        shown = [
            Field(each.name, each.label, (call.given.get(each.name) or [each.value])[-1], each.kind)
            for each in (*fields, *([hidden] if CAME_FROM in call.given else ()))
        ]
        return Page(
            title.format(**call.values),
            [
                paragraph("Nothing has been changed yet."),
                form(call.to(*call.segments), button, shown),
            ],
            trail=trail,
        )

    return page


async def _above(call: Call) -> list[tuple[str, Href]]:
    """The links to what an action is about, and to the list of all. Raises L{Problem} if it is missing."""
    if "slave" in call.values:
        name = call.values["slave"]
        if name not in call.world.botmaster.slaves:
            raise missing("slave", name)
        return [("Slaves", call.to("buildslaves")), (name, call.to("buildslaves", name))]
    if "builder" not in call.values:
        return []
    name = call.values["builder"]
    trail = [("Builders", call.to("builders")), (name, call.to("builders", name))]
    if "number" in call.values:
        number = (await buildOf(call))[0].number or 0
        return [*trail, (f"Build {number}", call.to("builders", name, "builds", number))]
    builderOf(call)
    return trail


# force


async def forcePage(call: Call) -> Page:
    """The forms to force a build."""
    name = builderOf(call).getName()
    may = await call.may("forceBuild", name)
    offer = NOTHING if may else await loginOffer(call, ("forceBuild",), name)
    return Page(
        f"Force a build of {name}",
        [paragraph("Nothing has been changed yet."), offer, *await forceForms(call, name)],
        trail=(("Builders", call.to("builders")), (name, call.to("builders", name))),
    )


async def force(call: Call) -> Answer:
    """Force a build. The answer leads to the build if it begins soon."""
    name = builderOf(call).getName()
    schedulers = command(call, "parameters")(name)["schedulers"]
    reason = said(call, "reason", "comments")
    deeds = [
        Deed("forceBuild", aboutBuilder(name), name, branch, reason) for branch in _branches(call, schedulers)
    ]
    for each in deeds:
        await mustBeAllowed(call, each)
    try:
        wanted = wish(call, schedulers)
        reach = await reached(call, "force", {"builder": name, **wanted})
        deed = replace(deeds[0], reach=reach)
        value = await carriedOut(call, deed, lambda: command(call, "force")(name, **wanted))
    except ControlError as why:
        raise Problem(
            503 if call.world.botmaster.health.trouble else 400,
            "The build was not forced",
            "; ".join(str(why).splitlines()),
            "Go back in the browser: the form keeps its values.",
        ) from None
    await call.world.part(LastForced).keep(call.world.store, name, call.who.name, call.given)
    call.world.topics.touch(builderTopic(name))
    if value["build"] is not None:
        return showOn(call, ("builders", name, "builds", value["build"]), "The build is forced.")
    text = f"Request {value['request']} waits: {value['why'] or 'its build is about to begin'}."
    return showOn(call, ("builders", name), text)


def _branches(call: Call, schedulers: list[dict[str, Any]]) -> list[str | None]:
    """All branches that the request names, for rules by branch; [None] for the main line."""
    found: set[str | None] = set()
    for each in (p for scheduler in schedulers for p in scheduler["parameters"]):
        if each["name"] == "branch" or each["name"].endswith("_branch"):
            default = each["default"]
            found.update(call.given.get(each["name"]) or [default if isinstance(default, str) else ""])
    found.update(call.given.get("branch") or [])
    return sorted({(each or "").strip() or None for each in found} or {None}, key=str)


def wish(call: Call, schedulers: list[dict[str, Any]]) -> dict[str, Any]:
    """The arguments of the command C{force} from a form. Raises L{ControlError} with all that is wrong."""
    if not schedulers:
        return _plain(call)
    known = {each["scheduler"]: each for each in schedulers}
    chosen = said(call, "forcescheduler") or (next(iter(known)) if len(known) == 1 else "")
    if chosen not in known:
        raise ControlError(f"choose one of the schedulers {', '.join(known)}")
    return {"scheduler": chosen, "who": whoSays(call), "params": _params(call, known[chosen]["parameters"])}


def _params(call: Call, parameters: list[dict[str, Any]]) -> dict[str, list[str]]:
    """The values for a ForceScheduler, by the full names of its parameters."""
    given = {name: list(texts) for name, texts in call.given.items() if name not in _OWN}
    checked = call.given.get("checkbox") or []
    for each in parameters:
        name = each["name"]
        if each["type"] == "textarea" and name in given:
            given[name] = [text.replace("\r\n", "\n") for text in given[name]]  # browsers send both
        if each["free"] and name in given:  # there are two fields: one to choose a text, and one for another
            texts = [text for text in given[name] if text.strip()]
            given[name] = texts if each["multiple"] else texts[-1:]
        if each["type"] == "bool" and name not in given:
            given[name] = ["true" if name in checked else "false"]
        if each["person"] and call.who.name:
            given.pop(name, None)  # nobody acts under another name
        elif each["person"] and not "".join(given.get(name, [])).strip():
            given.pop(name, None)
    if "comments" in call.given and any(each["name"] == "reason" for each in parameters):
        given.setdefault("reason", list(call.given["comments"]))
    names = {each["name"] for each in parameters}
    return {name: texts for name, texts in given.items() if name in names or name != "username"}


def _plain(call: Call) -> dict[str, Any]:
    """The values of the form without a ForceScheduler."""
    wrong = []
    values: dict[str, Any] = {}
    for name in ("branch", "revision"):
        text = said(call, name)
        if not _PLAIN.fullmatch(text):
            wrong.append(
                f"the {name} may have letters, digits and any of ./~:@+#=,_- and must not begin with -"
            )
        values[name] = text or None
    properties: dict[str, str] = {}
    for number in range(1, MOST_PROPERTIES + 1):
        name, value = said(call, f"property{number}name"), said(call, f"property{number}value")
        if not _PLAIN.fullmatch(name) or not _PLAIN.fullmatch(value):
            wrong.append(f"property {number} may have letters, digits and any of ./~:@+#=,_- and spaces")
        elif name:
            properties[name] = value
        elif value:
            wrong.append(f"property {number} has a value, but no name")
    if wrong:
        raise ControlError("; ".join(wrong))
    reason = said(call, "reason", "comments")
    return {**values, "reason": reason, "properties": properties, "who": whoSays(call)}


# builds


async def stop(call: Call) -> Answer:
    """Stop a running build."""
    build, status = await buildOf(call)
    name, number = build.builder, build.number or 0
    reason = said(call, "comments", "reason")
    args = () if status is None else (status,)
    reach = await reached(call, "stopbuild", {"builder": name, "number": number})
    deed = Deed("stopBuild", aboutBuilder(name, number), name, detail=reason, args=args, reach=reach)
    return await act(
        call,
        deed,
        lambda: command(call, "stopbuild")(name, number, reason, whoSays(call)),
        lambda value: f"Build {number} is being stopped.",
        ("builders", name, "builds", number),
    )


async def rebuild(call: Call) -> Answer:
    """Build the source of a finished build again."""
    build, _ = await buildOf(call)
    name, number = build.builder, build.number or 0
    reason = said(call, "comments", "reason")
    isExact = said(call, "useSourcestamp") != "updated"
    reach = await reached(call, "rebuild", {"builder": name, "number": number})
    return await act(
        call,
        Deed("rebuild", aboutBuilder(name, number), name, detail=reason, reach=reach),
        lambda: command(call, "rebuild")(name, number, reason, whoSays(call), isExact),
        lambda value: (
            f"Build {number} is built again."
            if value["build"] is not None
            else f"Request {value['request']} waits: {value['why'] or 'its build is about to begin'}."
        ),
        ("builders", name, "builds", number),
        lambda value: ("builders", name, "builds", number if value["build"] is None else value["build"]),
    )


async def buildForms(call: Call, name: str, number: int, isRunning: bool) -> Markup:
    """The form to stop or rebuild a build, if the visitor may; else a link to the login."""
    if name not in call.world.botmaster.builders:
        return NOTHING  # the builder is removed from the configuration
    action, button = ("stopBuild", "Stop the build") if isRunning else ("rebuild", "Rebuild")
    if not await call.may(action, name):
        return await loginOffer(call, (action,), name)
    to = call.to("builders", name, "builds", number, "stop" if isRunning else "rebuild")
    return group([form(to, button, [REASON])])


async def builderForms(call: Call, name: str) -> Markup:
    """The forms for the actions on a builder that the visitor may do; else a link to the login."""
    forms: list[Markup] = []
    if await call.may("forceBuild", name):
        forms.append(folded("Force a build", join(await forceForms(call, name))))
    if await call.may("pingBuilder", name):
        forms.append(form(call.to("builders", name, "ping"), "Ping the slaves", [comeBack(call)]))
    if forms:
        return group(forms)
    return await loginOffer(call, ("forceBuild",), name)


def cancelForm(call: Call, name: str, id: int | str, button: str = "Cancel") -> Markup:
    """The button that cancels a waiting request, or all."""
    fields = [Field("id", value=str(id), kind="hidden"), comeBack(call)]
    return form(call.to("builders", name, "cancelbuild"), button, fields)


async def changeForm(call: Call, number: int) -> Markup:
    """The form to stop the builds of a change everywhere, if the visitor may; else a link to the login."""
    if not await call.may("stopChange"):
        return await loginOffer(call, ("stopChange",))
    fields = [Field("change", value=str(number), kind="hidden"), comeBack(call)]
    return group(
        [form(call.to("builders", "_all", "stopchangeall"), "Stop the builds of this change", fields)]
    )


# requests and changes


async def cancel(call: Call) -> Answer:
    """Cancel one waiting request of a builder, or all."""
    name = builderOf(call).getName()
    wanted = said(call, "id", "cancel") or ("all" if "cancelall" in call.given else "")
    if wanted == "all":
        reach = await reached(call, "cancel", {"builder": name})
        return await act(
            call,
            Deed("cancelAllPendingBuilds", aboutBuilder(name), name, reach=reach),
            lambda: command(call, "cancel")(name, None, whoSays(call)),
            lambda value: f"{counted(len(value['cancelled']), 'request')} cancelled.",
            ("builders", name),
        )
    if not wanted.isascii() or not wanted.isdigit() or len(wanted) > 15:
        raise Problem(400, "A field is wrong", "The field id must be the number of a request, or all.")
    reach = await reached(call, "cancel", {"builder": name, "request": int(wanted)})
    return await act(
        call,
        Deed("cancelRequest", aboutBuilder(name), name, detail=f"request {wanted}", reach=reach),
        lambda: command(call, "cancel")(name, int(wanted), whoSays(call)),
        lambda value: f"Request {wanted} is cancelled.",
        ("builders", name),
    )


async def stopChange(call: Call) -> Answer:
    """Stop the builds of a change, and cancel its requests, on one builder."""
    name = builderOf(call).getName()
    return await _stopChange(call, name, ("builders", name))


async def stopChangeEverywhere(call: Call) -> Answer:
    """Stop the builds of a change, and cancel its requests, on all builders."""
    return await _stopChange(call, None, ("builders",))


async def _stopChange(call: Call, builder: str | None, back: tuple[str, ...]) -> Answer:
    number = said(call, "change")
    if not number.isascii() or not number.isdigit() or len(number) > 15:
        raise Problem(400, "A field is wrong", "The field change must be the number of a change.")
    subject = MASTER if builder is None else aboutBuilder(builder)
    reach = await reached(call, "stopchange", {"builder": builder, "change": int(number)})
    return await act(
        call,
        Deed("stopChange", subject, builder, detail=f"change {number}", reach=reach),
        lambda: command(call, "stopchange")(int(number), builder, whoSays(call)),
        _stopped,
        back,
    )


def _stopped(value: Mapping[str, Any]) -> str:
    stopped, cancelled = len(value["stopped"]), len(value["cancelled"])
    return f"{counted(stopped, 'build')} stopped, {counted(cancelled, 'request')} cancelled."


async def ping(call: Call) -> Answer:
    """Ping the slaves of a builder."""
    name = builderOf(call).getName()
    return await act(
        call,
        Deed("pingBuilder", aboutBuilder(name), name),
        lambda: _pinged(call, name),
        lambda value: f"All slaves have answered ({value['slaves']}).",
        ("builders", name),
    )


async def _pinged(call: Call, name: str) -> dict[str, Any]:
    value: dict[str, Any] = await command(call, "ping")(name)
    if not value["answered"]:
        raise ControlError("no slave is connected" if not value["slaves"] else "a slave has not answered")
    return value


_STOP = confirm("Stop build {number} of {builder}?", "Stop the build", REASON)
_REBUILD = confirm("Build the source of build {number} of {builder} again?", "Rebuild", REASON)
_CANCEL = confirm("Cancel requests of {builder}?", "Cancel", Field("id", "Request (a number, or all)", "all"))
_STOPCHANGE = confirm("Stop the builds of a change on {builder}?", "Stop the builds", CHANGE)
_PING = confirm("Ping the slaves of {builder}?", "Ping")


def both(
    path: str, page: Any, done: Any, about: str, parameters: tuple[Parameter, ...] = ()
) -> tuple[Route, Route]:
    """The routes of an action: the form that asks, and the action itself."""
    return (
        Route(path, page, f"The form: {about[:1].lower()}{about[1:]}", parameters),
        Route(path, done, about, method="POST", kind="action"),
    )


_PAIRS = (
    *(
        pair
        for above in ("/builders/{builder}", "/{builder}")
        for pair in (
            both(f"{above}/force", forcePage, force, "Force a build."),
            both(f"{above}/ping", _PING, ping, "Ping the slaves of a builder."),
            both(f"{above}/builds/{{number:int}}/stop", _STOP, stop, "Stop a running build."),
            both(
                f"{above}/builds/{{number:int}}/rebuild", _REBUILD, rebuild, "Build a build's source again."
            ),
        )
    ),
    both("/builders/{builder}/cancelbuild", _CANCEL, cancel, "Cancel one waiting request, or all."),
    both("/builders/{builder}/stopchange", _STOPCHANGE, stopChange, "Stop the builds of a change."),
)
ROUTES = tuple(route for pair in _PAIRS for route in pair)

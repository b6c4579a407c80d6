# -*- test-case-name: tests.stories.test_webacts -*-
"""Actions on many builders at once: force, stop, cancel; and stop a change everywhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from twisted.internet.defer import ensureDeferred, gatherResults

from buildbot.control.audit import aboutBuilder
from buildbot.control.client import ControlError
from buildbot.text.plural import counted
from buildbot.web.call import Answer, Call, Page, Problem
from buildbot.web.markup import Template, Value, join
from buildbot.web.outcomes import showOn
from buildbot.web.pages.acting import (
    ON_BUILDERS,
    Deed,
    carriedOut,
    comeBack,
    command,
    loginOffer,
    mayOnAny,
    mustBeAllowed,
    said,
    whoSays,
)
from buildbot.web.pages.acts import CHANGE, both, confirm, stopChangeEverywhere, wish
from buildbot.web.pages.builders import PARAMETERS, chosen
from buildbot.web.pages.forms import Field
from buildbot.web.pages.pieces import activity, paragraph, table
from buildbot.web.reach import Reached, reached
from buildbot.web.routes import Route

#: The most builders whose trouble the message names.
_NAMED = 10
_FORM = Template(
    '<form class="act" method="post" action="{to}">{content}{back}<p>{reason}</p><p>{buttons}</p></form>'
)
_BUTTON = Template('<button formaction="{to}">{text}</button> ')
_BOX = Template('<label><input type="checkbox" name="selected" value="{name}"> {name}</label>')
#: Action -> its command.
_COMMANDS = {
    **dict.fromkeys(("forceBuild", "forceAllBuilds"), "force"),
    **dict.fromkeys(("stopBuild", "stopAllBuilds"), "stopbuild"),
    **dict.fromkeys(("cancelRequest", "cancelAllPendingBuilds"), "cancel"),
}
#: One action on one builder: returns how many things it was done to.
One = Callable[[str], Awaitable[int]]


async def selectPage(call: Call) -> Page:
    """Builders to choose from, and the actions on the chosen ones."""
    rows: list[list[Value]] = [
        [_BOX(name=name), activity(call.world.status.getBuilder(name).getState()[0])] for name in chosen(call)
    ]
    buttons = [
        _BUTTON(to=call.to("builders", "_selected", each), text=text)
        for each, action, text in (
            ("forceselected", "forceBuild", "Force builds"),
            ("stopselected", "stopBuild", "Stop their builds"),
            ("cancelpendingselected", "cancelRequest", "Cancel their requests"),
        )
        if await mayOnAny(call, action, chosen(call))
    ]
    trail = (("Builders", call.to("builders")),)
    if not buttons:
        text = paragraph("You may do nothing to these builders.")
        return Page("Act on several builders", [text, await loginOffer(call, ON_BUILDERS)], trail=trail)
    content = _FORM(
        to=call.to("builders", "_selected", "stopselected"),
        content=table("Builders", ("Builder", "State"), rows),
        back=comeBack(call).html(),
        reason=Field("comments", "Reason").html(),
        buttons=join(buttons),
    )
    return Page("Act on several builders", [content], trail=trail)


def _selected(call: Call) -> list[str]:
    names = list(dict.fromkeys(call.given.get("selected") or ()))
    known = call.world.config.builders
    wrong = [name for name in names if name not in known]
    if wrong:
        raise Problem(404, f"There is no builder {wrong[0]}")
    if not names:
        raise Problem(400, "No builder is chosen", "Mark the builders first.", "Go back in the browser.")
    return names


def _all(call: Call) -> list[str]:
    return list(call.world.status.getBuilderNames())


async def _many(call: Call, names: Sequence[str], action: str, words: str, one: One) -> Answer:
    """Act on builders, as far as the visitor may, and tell the outcome.

    @param words: the words for the done actions, as in "3 {words}".
    """
    detail = said(call, "comments", "reason")
    allowed: list[tuple[str, Deed]] = []
    refused = []
    for name in names:
        reach = await _reached(call, action, name)
        deed = Deed(action, aboutBuilder(name), name, detail=detail, reach=reach)
        try:
            await mustBeAllowed(call, deed)
            allowed.append((name, deed))
        except Problem as problem:
            refused.append((name, problem))
    if refused and not allowed:
        raise refused[0][1]

    async def tried(name: str, deed: Deed) -> tuple[int, str]:
        try:
            return await carriedOut(call, deed, lambda: one(name)), ""
        except ControlError as why:
            return 0, f"{name}: {why}"

    done = await gatherResults([ensureDeferred(tried(*each)) for each in allowed])
    troubles = [f"{name}: {problem.detail}" for name, problem in refused] + [why for _, why in done if why]
    count, served = sum(number for number, _ in done), sum(1 for _, why in done if not why)
    text = f"{counted(count, words)} on {counted(served, 'builder')}."
    if troubles:
        more = f" and {len(troubles) - _NAMED} more" if len(troubles) > _NAMED else ""
        text += f" Not done: {'; '.join(troubles[:_NAMED])}{more}."
    return showOn(call, ("builders",), text, isGood=not troubles, isPartly=count > 0)


async def _reached(call: Call, action: str, name: str) -> tuple[Reached, ...]:
    """The branches that an action on a builder affects."""
    wanted: dict[str, Any] = {"builder": name}
    if _COMMANDS[action] == "force":
        try:
            wanted.update(wish(call, command(call, "parameters")(name)["schedulers"]))
        except ControlError:
            return ()  # the action itself reports the error
    return await reached(call, _COMMANDS[action], wanted)


def _force(call: Call) -> One:
    async def one(name: str) -> int:
        schedulers = command(call, "parameters")(name)["schedulers"]
        await command(call, "force")(name, **wish(call, schedulers))
        return 1

    return one


def _stop(call: Call) -> One:
    async def one(name: str) -> int:
        numbers = [build.build_status.number for build in call.world.botmaster.builders[name].building]
        for number in numbers:
            await command(call, "stopbuild")(name, number, said(call, "comments", "reason"), whoSays(call))
        return len(numbers)

    return one


def _cancel(call: Call) -> One:
    async def one(name: str) -> int:
        if not call.world.botmaster.builders[name].waiting:
            return 0
        return len((await command(call, "cancel")(name, None, whoSays(call)))["cancelled"])

    return one


async def forceAll(call: Call) -> Answer:
    """Force a build on every builder."""
    return await _many(call, _all(call), "forceAllBuilds", "forced build", _force(call))


async def stopAll(call: Call) -> Answer:
    """Stop the builds of all builders."""
    return await _many(call, _all(call), "stopAllBuilds", "stopped build", _stop(call))


async def cancelAll(call: Call) -> Answer:
    """Cancel the waiting requests of all builders."""
    return await _many(call, _all(call), "cancelAllPendingBuilds", "cancelled request", _cancel(call))


async def forceSelected(call: Call) -> Answer:
    """Force a build on each chosen builder."""
    return await _many(call, _selected(call), "forceBuild", "forced build", _force(call))


async def stopSelected(call: Call) -> Answer:
    """Stop the builds of the chosen builders."""
    return await _many(call, _selected(call), "stopBuild", "stopped build", _stop(call))


async def cancelSelected(call: Call) -> Answer:
    """Cancel the waiting requests of the chosen builders."""
    return await _many(call, _selected(call), "cancelRequest", "cancelled request", _cancel(call))


_FORCE_ALL = confirm("Force a build on all builders?", "Force", Field("comments", "Reason"))
_STOP_ALL = confirm("Stop the builds of all builders?", "Stop", Field("comments", "Reason"))
_CANCEL_ALL = confirm("Cancel all waiting requests?", "Cancel")
_CHANGE_ALL = confirm("Stop the builds of a change on all builders?", "Stop the builds", CHANGE)
_PAIRS = (
    *(both(f"/builders/_all/{each}", _FORCE_ALL, forceAll, "Force all.") for each in ("force", "forceall")),
    *(both(f"/builders/_all/{each}", _STOP_ALL, stopAll, "Stop all builds.") for each in ("stop", "stopall")),
    both("/builders/_all/cancelpendingall", _CANCEL_ALL, cancelAll, "Cancel all waiting requests."),
    both("/builders/_all/stopchangeall", _CHANGE_ALL, stopChangeEverywhere, "Stop a change everywhere."),
    both(
        "/builders/_selected/forceselected",
        selectPage,
        forceSelected,
        "Force builds on some builders.",
        PARAMETERS,
    ),
    both(
        "/builders/_selected/stopselected",
        selectPage,
        stopSelected,
        "Stop the builds of some builders.",
        PARAMETERS,
    ),
    both(
        "/builders/_selected/cancelpendingselected",
        selectPage,
        cancelSelected,
        "Cancel requests of some.",
        PARAMETERS,
    ),
)
ROUTES = (
    Route("/builders/_selected", selectPage, "Choose builders to act on.", PARAMETERS),
    *(route for pair in _PAIRS for route in pair),
)

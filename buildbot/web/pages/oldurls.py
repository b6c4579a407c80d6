# -*- test-case-name: tests.stories.test_oldurls -*-
"""The old URLs of 0.7.5 to 0.8.14: each one leads to the page that shows the same today.

0.7.5 has its builders at the root, as in C{/full/builds/3/step-test/0}. These routes are looked up after
all other routes and own files, so a builder called "waterfall" hides no page.
"""

from __future__ import annotations

from urllib.parse import urlencode

from buildbot.text.similar import closest
from buildbot.web.call import TEXT, Answer, Call, Problem, missing, redirect
from buildbot.web.pages.waterfall import PARAMETERS as WATERFALL
from buildbot.web.pages.waterfall import waterfall
from buildbot.web.reading import buildOf, stepOf
from buildbot.web.routes import Parameter, Route, Table
from buildbot.web.static import ICON, STYLE

#: The path of a build in 0.7.5, and in 0.7.6 and later.
_FIRST = "/{builder}/builds/{number:int}"
_LATER = "/builders/{builder}/builds/{number:int}"
_STEP = "step-"


def _moved(call: Call, *segments: str | int) -> Answer:
    """The page is at another address, for good. Its query stays."""
    pairs = [(name, text) for name, texts in call.given.items() for text in texts]
    return redirect(call.to(*segments, query=urlencode(pairs)), 301)


def toHome(call: Call) -> Answer:
    """The first page."""
    return redirect(call.to(), 301)


def toBuilder(call: Call) -> Answer:
    """The page of a builder."""
    name = call.values["builder"]
    names = call.world.status.getBuilderNames()
    if name not in names:
        near = closest(name, names)
        hint = f"There is a builder {near}; its page is in the list of builders." if near else ""
        raise Problem(404, "There is no such page", "/" + "/".join(call.segments), hint)
    return _moved(call, "builders", name)


def toAuthors(call: Call) -> Answer:
    """The changes, which name their authors: the users of 0.8. A builder called "users" comes first."""
    if "users" in call.world.status.getBuilderNames() and len(call.segments) == 1:
        return _moved(call, "builders", "users")
    return redirect(call.to("changes"), 302)


async def toBuild(call: Call) -> Answer:
    """The page of a build; also for the results of its tests."""
    await buildOf(call)
    return _moved(call, "builders", call.values["builder"], "builds", call.values["number"])


async def toStep(call: Call) -> Answer:
    """The page of a step; 0.7.5 writes "step-" before its name."""
    return await _below(call)


async def toLog(call: Call) -> Answer:
    """The page of a log, which 0.7.5 names by its number in the step."""
    return await _below(call, "page")


async def toText(call: Call) -> Answer:
    """The text of a log, which 0.7.5 names by its number in the step."""
    return await _below(call, "text")


async def _below(call: Call, view: str = "") -> Answer:
    """The address of a step of 0.7.5, or of one of its logs.

    @param view: "" for the step, "page" or "text" for a log of it.
    """
    name = call.values["step"]
    if name == "tests":
        return await toBuild(call)
    if not name.startswith(_STEP):
        raise Problem(404, "There is no such page", "/" + "/".join(call.segments))
    build, _running = await buildOf(call)
    step = stepOf(Call(call.world, call.route, {"step": name.removeprefix(_STEP)}), build)
    place = ("builders", call.values["builder"], "builds", call.values["number"], "steps", step.name)
    if not view:
        return _moved(call, *place)
    number = call.values["log"]
    if not (number.isdecimal() and int(number) < len(step.logs)):
        raise missing("log", f"{number} of the step {step.name}")
    more = ("text",) if view == "text" else ()
    return _moved(call, *place, "logs", step.logs[int(number)].name, *more)


def toStepOfLog(call: Call) -> Answer:
    """The page of a step, whose logs had a page of their own."""
    values = call.values
    return _moved(call, "builders", values["builder"], "builds", values["number"], "steps", values["step"])


async def buildStatus(call: Call) -> Answer:
    """The page of the build that the query names."""
    builder, number = call.query["builder"], call.query["number"]
    if not builder or number is None:
        raise Problem(400, "A parameter is missing", "The address needs builder= and number=.")
    values = {"builder": builder, "number": number}
    await buildOf(Call(call.world, call.route, values))
    return redirect(call.to("builders", builder, "builds", number), 301)


def style(call: Call) -> Answer:
    """Our style sheet."""
    return redirect(call.to("static", STYLE.address), 302)


def icon(call: Call) -> Answer:
    """Our icon."""
    return redirect(call.to("static", ICON.address), 302)


def robots(call: Call) -> Answer:
    """The rules for crawlers. They leave out the many changing pages of builds and logs."""
    lines = ["User-agent: *", *(f"Disallow: /{each}" for each in _NOT_FOR_CRAWLERS)]
    return Answer("\n".join([*lines, ""]).encode(), TEXT)


#: The pages that a crawler must not read: they are too many, or too slow to make.
_NOT_FOR_CRAWLERS = (
    *("builders/", "buildslaves/", "changes/", "revision/", "waterfall", "grid", "tgrid", "console"),
    *("one_line_per_build", "search", "live", "api/", "json", "xmlrpc", "login"),
)
_BUILD_STATUS = (
    Parameter("builder", "The name of the builder."),
    Parameter("number", "The number of the build; -1 is the newest one.", "integer"),
)
_VIEW_LOGS = "viewLogs"

ROUTES = (
    Route("/index.html", toHome, "The first page.", kind="old"),
    Route("/buildbot.css", style, "The style sheet, if the site has no own one.", kind="old"),
    Route("/favicon.ico", icon, "The icon, if the site has no own one.", kind="old"),
    Route(
        "/robots.txt", robots, "The rules for crawlers, if the site has no own file.", kind="old", action=""
    ),
    Route("/buildstatus", buildStatus, "The build that the query names.", _BUILD_STATUS, kind="old"),
    Route("/builders/{builder}/builds", toBuilder, "The builder of these builds.", kind="old"),
    Route(f"{_LATER}/steps", toBuild, "The build of these steps.", kind="old"),
    Route(f"{_LATER}/tests", toBuild, "The build of these tests.", kind="old"),
    Route(f"{_LATER}/tests/{{test:rest}}", toBuild, "The build of this test.", kind="old"),
    Route(f"{_LATER}/steps/{{step}}/logs", toStepOfLog, "The step of these logs.", kind="old"),
    Route("/users", toAuthors, "The changes with their authors: the users of 0.8.", kind="old"),
    Route("/users/{user:int}", toAuthors, "The changes, in place of a user of 0.8.", kind="old"),
    Route("/{builder}", toBuilder, "A builder, as in 0.7.5.", kind="old"),
    Route("/{builder}/builds", toBuilder, "The builder of these builds, as in 0.7.5.", kind="old"),
    Route(_FIRST, toBuild, "A build, as in 0.7.5.", kind="old"),
    Route(f"{_FIRST}/{{step}}", toStep, "A step, as in 0.7.5: step-NAME; or tests.", kind="old"),
    Route(
        f"{_FIRST}/{{step}}/{{log}}",
        toLog,
        "A log, as in 0.7.5: step-NAME/NUMBER.",
        action=_VIEW_LOGS,
        kind="old",
    ),
    Route(
        f"{_FIRST}/{{step}}/{{log}}/text",
        toText,
        "The text of a log, as in 0.7.5: step-NAME/NUMBER/text.",
        action=_VIEW_LOGS,
        kind="old",
    ),
)
#: The routes that are looked up last.
OLD = Table(ROUTES)
_FIRST_PAGE = Route("/", waterfall, "The waterfall, as in 0.7.5.", WATERFALL)


def ofWaterfall(table: Table) -> Table:
    """The routes of a site whose first page is the waterfall, as that of 0.7.5."""
    return Table([_FIRST_PAGE, *(route for route in table if route.path != "/" or route.method != "GET")])

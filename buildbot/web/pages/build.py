# -*- test-case-name: tests.stories.test_webpages -*-
"""The page of one build, and the page of one step: everything about it in one place."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.control.audit import aboutBuilder
from buildbot.model.records import BuildRecord, StepRecord, TestRecord
from buildbot.model.results import SKIPPED, SUCCESS
from buildbot.status.build import BuildStatus
from buildbot.status.topics import builderTopic, buildTopic
from buildbot.text.lasting import lasting
from buildbot.text.plural import counted
from buildbot.text.urls import withoutPasswords
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import NOTHING, Href, Markup, Template, Value, href, join, link
from buildbot.web.pages.acting import doneHere
from buildbot.web.pages.acts import buildForms
from buildbot.web.pages.logtail import lastLines
from buildbot.web.pages.pieces import (
    RENEWAL,
    bar,
    facts,
    paragraph,
    result,
    section,
    since,
    table,
    timeLeft,
    when,
    whole,
)
from buildbot.web.pages.sources import changesOf, sourceFacts, sourceTable
from buildbot.web.properties import withoutSecrets
from buildbot.web.reading import buildOf, stepOf
from buildbot.web.routes import Route
from buildbot.web.sight import withoutHidden
from buildbot.web.static import LOG_STYLE

#: The most characters of a property's value on the page; more than C{SHORT_VALUE} are shown on demand.
LONGEST_VALUE, SHORT_VALUE = 2000, 200
#: The most properties, tests and steps on the page.
MOST_PROPERTIES, MOST_TESTS, MOST_STEPS = 500, 200, 500
#: The durations of shorter steps are shown with a tenth of a second.
_SHORT = 9.95
_LONG = Template("<details><summary>{beginning}</summary>{text}</details>")
_REPORT = Template("<details><summary>{name}</summary><pre>{text}</pre></details>")


def buildPath(build: BuildRecord) -> tuple[str, str, str, int]:
    """The segments of a build's path."""
    return "builders", build.builder, "builds", build.number or 0


async def buildPage(call: Call) -> Page:
    """One build."""
    build, status = await buildOf(call)
    mayProperties = await call.may("viewProperties", build.builder)
    name, number = build.builder, build.number or 0
    newest = await call.world.store.getBuilds(name, 1)
    isNewest = not newest or (newest[0].number or 0) <= number
    parts = [
        Part(
            "summary",
            join([_summary(call, build, status), sourceTable(call, build), _around(call, build, isNewest)]),
        ),
        Part("failed", await lastLines(call, build, status)),
        Part("steps", section("steps-title", "Steps", steps(call, build, status))),
        Part("changes", section("changes-title", "Changes", changesOf(call, build))),
        Part("acts", await buildForms(call, name, number, status is not None)),
        Part("done", await doneHere(call, aboutBuilder(name, number))),
    ]
    if await call.may("viewLogs", name):
        parts.append(Part("tests", tests(build)))
    if mayProperties:
        parts.append(Part("properties", section("properties-title", "Properties", _properties(call, build))))
    return Page(
        f"{name} #{number}",
        parts,
        topics=(buildTopic(name, number), *([builderTopic(name)] if isNewest else [])),
        ages=status is not None,
        renews=RENEWAL if status is not None else 0.0,
        trail=(("Builders", call.to("builders")), (name, call.to("builders", name))),
        styles=(LOG_STYLE.address,),
    )


def _summary(call: Call, build: BuildRecord, status: BuildStatus | None) -> Markup:
    left = "" if status is None else timeLeft(status.getTimeLeft())
    ended = build.finished
    lasts: Value = since(build.started, call.world.now()) if ended is None else lasting(ended - build.started)
    return facts(
        ("Result", join([result(build.results), " ".join(build.text)], " ")),
        ("Note", "" if status is None else withoutHidden(call.sight, status.note)),
        ("Reason", build.reason),
        ("Slave", link(call.to("buildslaves", build.slave), build.slave)),
        ("Started", when(build.started)),
        ("Finished", when(ended)),
        ("Duration" if ended is not None else "For", lasts),
        ("Time left", left),
        *sourceFacts(call, build),
        ("Requests", ", ".join(map(str, build.requests))),
    )


def _around(call: Call, build: BuildRecord, isNewest: bool) -> Markup:
    """Links to the builds before and after."""
    number, builder = build.number or 0, build.builder
    links = []
    if number > 0:
        links.append(link(call.to("builders", builder, "builds", number - 1), f"Build {number - 1}"))
    if not isNewest:
        links.append(link(call.to("builders", builder, "builds", number + 1), f"Build {number + 1}"))
    return paragraph(join(links, " · ")) if links else NOTHING


def steps(call: Call, build: BuildRecord, status: BuildStatus | None = None) -> Markup:
    """The steps of a build: result, duration as a bar, and logs."""
    visible = [each for each in build.steps if not each.hidden]
    shown = visible if len(visible) <= MOST_STEPS else _chosen(visible)
    now = call.world.now()
    longest = max((_lasts(each, now) for each in shown), default=0.0)
    rows = [
        [
            link(call.to(*buildPath(build), "steps", step.name), step.name),
            join(filter(None, [result(step.results), " ".join(step.text), statistics(step)]), " "),
            join(
                [
                    whole(join([bar(_lasts(step, now), longest), _duration(step, now)], " ")),
                    _left(status, step),
                ],
                " ",
            ),
            logs(call, build, step),
        ]
        for step in shown
    ]
    if not rows:
        return paragraph("No step has started.")
    hidden, more = len(build.steps) - len(visible), len(visible) - len(shown)
    notes = [
        f"{counted(hidden, 'step')} hidden by the configuration." if hidden else "",
        f"{counted(more, 'step')} without problems, in the middle, not shown here." if more else "",
    ]
    content = table("Steps of the build", ("Step", "Result", "Duration", "Logs and links"), rows)
    return join([content, *(paragraph(each) for each in notes if each)])


def _chosen(steps: Sequence[StepRecord]) -> list[StepRecord]:
    """L{MOST_STEPS} of very many steps: the steps with problems, the first and the last steps."""
    bad = [each for each in steps if each.results not in (SUCCESS, SKIPPED)][-MOST_STEPS // 2 :]
    room = MOST_STEPS - len(bad)
    kept = {id(each) for each in (*bad, *steps[: room // 2], *steps[len(steps) - room // 2 :])}
    return [each for each in steps if id(each) in kept]


def _lasts(step: StepRecord, now: float) -> float:
    return (now if step.finished is None else step.finished) - step.started


def _duration(step: StepRecord, now: float) -> Value:
    if step.finished is None:
        return since(step.started, now)
    lasts = step.finished - step.started
    return f"{lasts:.1f} s" if 0 < lasts < _SHORT else lasting(lasts)


def logs(call: Call, build: BuildRecord, step: StepRecord) -> Markup:
    """Links to the logs of a step, and to the pages that the step names."""
    path = (*buildPath(build), "steps", step.name, "logs")
    links = []
    for log in step.logs:
        size = "" if log.length is None else f" ({sized(log.length)} on disk)"
        trouble = f" - incomplete: {log.trouble}" if log.trouble else ""
        links.append(join([link(call.to(*path, log.name), log.name), size, trouble]))
    links += [link(_external(url), name) for name, url in (step.urls or {}).items()]
    return join(links, ", ")


def statistics(step: StepRecord) -> str:
    """The numbers that a step has counted, in words."""
    return ", ".join(f"{name}: {value}" for name, value in (step.statistics or {}).items())


def _external(url: object) -> Href:
    return href(str(url))


def sized(count: int) -> str:
    """A number of bytes for people."""
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _properties(call: Call, build: BuildRecord) -> Markup:
    values = withoutSecrets(build.properties or {}, call.world.config.secrets)
    if not values:
        return paragraph("The build has no properties.")
    shown = sorted(values.items())[:MOST_PROPERTIES]
    rows = [[name, _shown(value), build.sourceOf(name) or "unknown"] for name, value in shown]
    notes = [
        f"The API has all {len(values)} properties." if len(shown) < len(values) else "",
        "The sources are unknown: an earlier release stored this build." if build.sources is None else "",
    ]
    return join(
        [table("Properties", ("Name", "Value", "Source"), rows), *(paragraph(each) for each in notes if each)]
    )


def tests(build: BuildRecord) -> Markup:
    """The results of single tests; an empty part if the build has none."""
    if not build.tests:
        return NOTHING
    shown = sorted(build.tests, key=lambda each: (each.results == SUCCESS, each.name))[:MOST_TESTS]
    rows = [
        [".".join(each.name), result(each.results, " ".join(each.text)), _reports(each)] for each in shown
    ]
    more = len(build.tests) - len(shown) + build.moreTests
    note = paragraph(f"{counted(more, 'more test result')} of this build.") if more else NOTHING
    content = join([table("Results of tests", ("Test", "Result", "Report"), rows), note])
    return section("tests-title", "Test results", content)


def _reports(test: TestRecord) -> Markup:
    return join(
        _REPORT(name=name, text=text) for name, text in (test.logs or {}).items() if str(text).strip()
    )


def _shown(value: object) -> Value:
    """A property as text; a long one can be opened. The passwords in its URLs are struck out."""
    text = withoutPasswords(value if isinstance(value, str) else repr(value))
    if len(text) <= SHORT_VALUE:
        return text
    rest = text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]}…"
    return _LONG(beginning=f"{text[: SHORT_VALUE // 4]}… ({len(text)} characters)", text=rest)


def _left(status: BuildStatus | None, step: StepRecord) -> str:
    """The time left of a running step, in brackets; "" if unknown."""
    steps = [] if status is None or step.finished is not None else status.steps
    running = next((each for each in steps if each.name == step.name and each.isRunning()), None)
    forecast = None if running is None else running.getTimeLeft()
    if forecast is None:
        return ""
    return f"({timeLeft(forecast)})" if forecast.late else f"({timeLeft(forecast)} left)"


async def stepPage(call: Call) -> Page:
    """One step of a build."""
    build, status = await buildOf(call)
    step = stepOf(call, build)
    now = call.world.now()
    content = facts(
        ("Result", join([result(step.results), " ".join(step.text)], " ")),
        ("Started", when(step.started)),
        ("Finished", when(step.finished)),
        (
            "Duration" if step.finished is not None else "For",
            join([_duration(step, now), _left(status, step)], " "),
        ),
        ("Logs and links", logs(call, build, step)),
        ("Counted", statistics(step)),
    )
    content = join([content, _aroundStep(call, build, step)])
    name, number = build.builder, build.number or 0
    return Page(
        step.name,
        [Part("step", content)],
        topics=(buildTopic(name, number),),
        ages=status is not None,
        renews=RENEWAL if status is not None else 0.0,
        trail=(
            ("Builders", call.to("builders")),
            (name, call.to("builders", name)),
            (f"Build {number}", call.to(*buildPath(build))),
        ),
    )


def _aroundStep(call: Call, build: BuildRecord, step: StepRecord) -> Markup:
    """Links to the steps before and after."""
    shown = [each for each in build.steps if not each.hidden or each is step]
    place = next(place for place, each in enumerate(shown) if each is step)
    links = [
        join([f"{word} step: ", link(call.to(*buildPath(build), "steps", shown[at].name), shown[at].name)])
        for word, at in (("Previous", place - 1), ("Next", place + 1))
        if 0 <= at < len(shown)
    ]
    return paragraph(join(links, " · ")) if links else NOTHING


ROUTES = (
    Route(
        "/builders/{builder}/builds/{number:int}", buildPage, "One build: steps, logs, changes, properties."
    ),
    Route(
        "/builders/{builder}/builds/{number:int}/steps/{step}",
        stepPage,
        "One step of a build: result, times, logs and links.",
    ),
)

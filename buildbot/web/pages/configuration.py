# -*- test-case-name: tests.stories.test_webabout -*-
"""The page of the configuration: the last reconfig, and the names of all that is configured.

It shows names, never values: a value may be a secret.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from buildbot.schedulers.outlook import nameOf
from buildbot.status.looks import Look
from buildbot.text.plural import counted
from buildbot.web.call import Call, Page
from buildbot.web.markup import Markup, Template, Value, join, link
from buildbot.web.pages.pieces import facts, looks, paragraph, section, table, when
from buildbot.web.routes import Route

#: The place at the begin of an error, such as "master.cfg:12".
_PLACE = re.compile(r"([^\s:]+(?::\d+)?): ")
#: A line about a changed plug-in, whose end has values of its arguments.
_PLUGIN = re.compile(r"(~ (?:scheduler|source|status) .*?): .*", re.DOTALL)
_APPLIED = Look("applied", "check", "✓", "green", "success")
_REFUSED = Look("refused", "cross", "✗", "red", "failure")
_ITEMS = Template("<ul>{items}</ul>")
_ITEM = Template("<li>{item}</li>")


async def configuration(call: Call) -> Page:
    """The last reconfig and all names."""
    maySeeAll = await call.may("reconfig")
    return Page(
        "Configuration",
        [
            facts(("Generation", call.world.master.generation)),
            section("last-title", "Last reconfig", _last(call, maySeeAll)),
            section("warnings-title", "Warnings", _warnings(call, maySeeAll)),
            *_names(call),
        ],
        trail=(("About this master", call.to("about")),),
    )


def namesOnly(line: str) -> str:
    """A line about a change without values of arguments, which may be secrets."""
    match = _PLUGIN.fullmatch(line)
    return line if match is None else match.group(1)


def placeOf(line: str) -> str:
    """The place of an error or a warning, without its words, which may quote the file."""
    match = _PLACE.match(line)
    return match.group(1) if match else "a place that is not known"


def _last(call: Call, maySeeAll: bool) -> Markup:
    outcome = call.world.master.lastReconfig
    if outcome is None:
        return paragraph("There was none since the start.")
    content: list[Value] = [
        facts(
            ("Outcome", looks(_APPLIED if outcome["applied"] else _REFUSED)),
            ("When", when(outcome["when"])),
            ("By", outcome["who"] or "a signal"),
        )
    ]
    content += _lines("Errors", outcome["errors"], maySeeAll)
    content += _lines("Consequences and warnings", outcome["warnings"], maySeeAll)
    if outcome["changes"]:
        content += [paragraph("Changes:"), _list(map(namesOnly, outcome["changes"]))]
    return join(content)


def _lines(title: str, lines: Sequence[str], maySeeAll: bool) -> list[Value]:
    """A titled list of lines; for visitors who may not reconfigure, only the places."""
    if not lines:
        return []
    if maySeeAll:
        return [paragraph(f"{title}:"), _list(lines)]
    places = ", ".join(dict.fromkeys(map(placeOf, lines)))
    words = f"{title}: {counted(len(lines), 'line')}, about {places}."
    return [paragraph(f"{words} Visitors who may reconfigure the master see the words here.")]


def _warnings(call: Call, maySeeAll: bool) -> Markup:
    lines = _lines("In force", [str(each) for each in call.world.config.warnings], maySeeAll)
    return join(lines) if lines else paragraph("The configuration in force has none.")


def _list(lines: Iterable[str]) -> Markup:
    return _ITEMS(items=join(_ITEM(item=each) for each in lines))


def _names(call: Call) -> list[Markup]:
    """The names of builders, slaves, schedulers, change sources, status receivers and ports."""
    config = call.world.config
    builders: list[list[Value]] = [
        [
            link(call.to("builders", each.name), each.name),
            each.category,
            ", ".join(each.tags),
            join([link(call.to("buildslaves", name), name) for name in each.slavenames], ", "),
        ]
        for each in config.builders.values()
    ]
    slaves: list[list[Value]] = [
        [
            link(call.to("buildslaves", each.name), each.name),
            each.max_builds,
            len(config.builderList(each.name)),
        ]
        for each in config.slaves.values()
    ]
    schedulers: list[list[Value]] = [
        [link(call.to("schedulers", nameOf(each)), nameOf(each)), type(each).__name__]
        for each in config.schedulers
    ]
    return [
        section("ports-title", "Ports", paragraph(", ".join(call.world.master.describePorts()) or "none")),
        section(
            "builders-title",
            "Builders",
            table("Builders in master.cfg", ("Builder", "Category", "Tags", "Slaves"), builders),
        ),
        section(
            "slaves-title",
            "Slaves",
            table("Slaves in master.cfg", ("Slave", "Most builds", "Builders"), slaves),
        ),
        section(
            "schedulers-title",
            "Schedulers",
            table("Schedulers in master.cfg", ("Scheduler", "Kind"), schedulers)
            if schedulers
            else paragraph("There are none."),
        ),
        section("sources-title", "Change sources", _kinds(config.sources)),
        section("status-title", "Status receivers", _kinds(config.status)),
    ]


def _kinds(plugins: Iterable[object]) -> Markup:
    """The classes of plug-ins."""
    names = [type(each).__name__ for each in plugins]
    return _list(names) if names else paragraph("There are none.")


ROUTES = (
    Route(
        "/about/configuration",
        configuration,
        "The last reconfig with its errors, and the names of builders, slaves, schedulers and ports.",
    ),
)

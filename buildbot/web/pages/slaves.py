# -*- test-case-name: tests.stories.test_webslaves -*-
"""The slaves: a list of all, and the page of one with its connection, its pause and its builds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from buildbot.control.audit import aboutSlave
from buildbot.model.rows import BuildFilter, BuildRow
from buildbot.status.topics import BUILDS, SLAVES, slaveTopic
from buildbot.text.plural import counted
from buildbot.text.similar import closest
from buildbot.web.call import Answer, Call, Page, Part, Problem, redirect
from buildbot.web.markup import NOTHING, Markup, Value, join, link
from buildbot.web.pages.acting import doneHere
from buildbot.web.pages.builders import rowTable
from buildbot.web.pages.choice import turning
from buildbot.web.pages.pieces import activity, facts, paragraph, section, since, table, unbroken, when
from buildbot.web.pages.slaveacts import slaveForms
from buildbot.web.routes import Parameter, Route
from buildbot.wire.dialect import collectsOutput

#: The states that the connection tells already.
_PLAIN = ("ready", "absent")
#: The most builders of a slave that the list names.
_BUILDERS = 10


#: The kinds of slaves of which the list can have only one: its name, and the function that knows them.
_KINDS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "connected": lambda each: each["connected"],
    "offline": lambda each: not each["connected"],
    "building": lambda each: bool(each["running"]),
    "paused": lambda each: each["paused"] is not None,
    "troubled": lambda each: bool(_note(each) or each["failing"] or each["refused"]),
}


async def slaves(call: Call) -> Page:
    """One line for each slave."""
    every = call.world.master.commands["status"]()["slaves"]
    kind = call.query["only"]
    shown = [each for each in every if _KINDS[kind](each)] if kind else every
    heads = ("Slave", "State", "Builds", "Builders", "Version", "Since", "Address", "Note")
    showsBuilders = not call.query["no_builders"]
    rows = [
        [
            link(call.to("buildslaves", each["name"]), each["name"]),
            join([_state(each), pauseWords(each)], " "),
            each["running"] or "",
            _builders(call, each) if showsBuilders else len(each["builders"]),
            each["version"] or each["generation"],
            _since(call, each),
            unbroken(each["address"]),
            _troubles(each),
        ]
        for each in shown
    ]
    none = f"No slave is {kind}." if kind else "There are no slaves."
    content: Markup = table("Slaves", heads, rows, "slave") if rows else paragraph(none)
    parts = [Part("numbers", _numbers(call, every)), Part("slaves", content)]
    return Page("Slaves", parts, topics=(SLAVES, BUILDS), ages=True)


def _numbers(call: Call, every: Sequence[Mapping[str, Any]]) -> Markup:
    """How many slaves there are of each kind, with links that show only these."""
    counts = {kind: sum(map(belongs, every)) for kind, belongs in _KINDS.items()}
    parts: list[Value] = [link(call.to("buildslaves"), counted(len(every), "slave"))]
    parts += [
        link(call.to("buildslaves", query=f"only={kind}"), f"{count} {kind}")
        for kind, count in counts.items()
        if count
    ]
    return paragraph(join(parts, " · ")) if every else NOTHING


def _state(slave: Mapping[str, Any]) -> Markup:
    if not slave["connected"]:
        look = activity("offline")
    else:
        look = activity("building" if slave["running"] else "idle")
    instance = slave["instance"]
    return look if instance is None else join([look, instance["words"]], " ")


def _since(call: Call, slave: Mapping[str, Any]) -> Value:
    """The time of the state: that of the instance of a latent slave, or else that of the connection."""
    began = (slave["instance"] or slave)["since"]
    return "" if began is None else since(began, call.world.now())


def _note(slave: Mapping[str, Any]) -> str:
    """The problem of a slave, or the last failure of its start or stop."""
    instance = slave["instance"]
    return slave["note"] or (instance["why"] if instance is not None else "")


def _troubles(slave: Mapping[str, Any]) -> str:
    """All that is wrong with a slave, in a few words."""
    refused, failing = slave["refused"], len(slave["failing"])
    words = (
        _note(slave),
        counted(refused["logins"], "refused login") if refused else "",
        f"cannot use {counted(failing, 'builder')}" if failing else "",
    )
    return "; ".join(filter(None, words))


def pauseWords(slave: Mapping[str, Any]) -> str:
    """Who paused a slave, and why; "" if it is not paused."""
    paused = slave["paused"]
    if paused is None:
        return ""
    word = "drained" if slave["drained"] else paused["kind"]
    by = f" by {paused['who']}" if paused["who"] else ""
    return f"{word}{by}{': ' if paused['why'] else ''}{paused['why']}"


def _builders(call: Call, slave: Mapping[str, Any]) -> Markup:
    names = slave["builders"]
    links: list[Value] = [link(call.to("builders", name), name) for name in names[:_BUILDERS]]
    if len(names) > _BUILDERS:
        links.append(f"{len(names) - _BUILDERS} more")
    return join(links, ", ")


async def slave(call: Call) -> Page | Answer:
    """One slave. The address of one that is removed from the configuration leads to its builds."""
    name = call.values["slave"]
    known = call.world.botmaster.slaves
    if name not in known:
        if (await call.world.store.getBuildRows(BuildFilter(slave=name), 1)).rows:
            return redirect(call.to("one_line_per_build", query=urlencode({"slave": name})))
        near = closest(name, known)
        raise Problem(404, f"There is no slave {name}", hint=f"Did you mean {near}?" if near else "")
    (said,) = call.world.master.commands["status"](name)["slaves"]
    count = call.query["numbuilds"]
    found = await call.world.store.getBuildRows(BuildFilter(slave=name), count, call.query["cursor"])
    newest = () if call.query["cursor"] else found.rows[:1]  # a page of older builds does not have it
    builds: list[Value] = [
        rowTable(call, found.rows, "Builds on the slave, newest first")
        if found.rows
        else paragraph("There are no builds.")
    ]
    builds.append(turning(call, "builds", "cursor", found.next or None))
    return Page(
        name,
        [
            Part("summary", _summary(call, said, newest)),
            Part("acts", await slaveForms(call, name, (said["paused"] or {}).get("kind", ""))),
            Part("builders", section("builders-title", "Builders", _failing(call, said))),
            Part("builds", section("builds-title", "Builds", join(builds))),
            Part("events", section("events-title", "Events", _events(said))),
            Part("done", await doneHere(call, aboutSlave(name))),
        ],
        topics=(slaveTopic(name), SLAVES, BUILDS),
        ages=True,
        trail=(("Slaves", call.to("buildslaves")),),
    )


def _summary(call: Call, slave: Mapping[str, Any], builds: Sequence[BuildRow]) -> Markup:
    """What is known of a slave.

    @param builds: its newest build, if that is known.
    """
    return facts(
        (
            "State",
            join(
                [_state(slave), "" if slave["instance"] or slave["state"] in _PLAIN else slave["state"]], " "
            ),
        ),
        *_instance(slave),
        ("Paused", pauseWords(slave)),
        ("Running builds", slave["running"]),
        ("Since", "" if slave["since"] is None else when(slave["since"])),
        ("Not seen since", _unseen(call, slave)),
        ("Last build", _lastBuild(call, builds[0]) if builds else ""),
        ("Address", slave["address"]),
        ("Generation", slave["generation"]),
        ("Version", slave["version"]),
        ("Output of commands", _pace(slave)),
        ("Administrator", slave["admin"]),
        ("Host", slave["host"]),
        ("Told at its login", _told(slave)),
        ("Note", slave["note"]),
        ("Refused logins", _refused(slave["refused"])),
        ("Builder list", "not accepted yet" if slave["pending"] else ""),
    )


def _unseen(call: Call, slave: Mapping[str, Any]) -> Value:
    """The start of the master, if the slave has not connected since then: nothing is known from before."""
    if slave["connected"] or slave["instance"] or slave["since"] is not None:
        return ""
    return join(["the start of the master,", when(call.world.master.since)], " ")


def _told(slave: Mapping[str, Any]) -> Value:
    """When a slave that is offline has told these facts."""
    return "" if slave["connected"] or slave["told"] is None else when(slave["told"])


def _lastBuild(call: Call, row: BuildRow) -> Value:
    """The newest build on a slave. It is in the store, so it is known after a restart of the master, too."""
    to = call.to("builders", row.builder, "builds", row.number)
    words = ("began", row.started) if row.finished is None else ("ended", row.finished)
    return join([link(to, f"{row.builder}/{row.number}"), words[0], when(words[1])], " ")


def _instance(slave: Mapping[str, Any]) -> list[tuple[str, Value]]:
    """The instance of a latent slave."""
    instance = slave["instance"]
    if instance is None:
        return []
    return [
        ("In this state since", when(instance["since"])),
        ("Instance", instance["id"]),
        ("Last failure", instance["why"]),
        ("Next attempt", when(instance["nextTry"])),
    ]


def _pace(slave: Mapping[str, Any]) -> str:
    """When the slave sends output."""
    if not slave["connected"]:
        return ""
    if collectsOutput(slave["generation"], slave["version"]):
        return "sent every 5 seconds, or when there are 64 KB"
    return "sent at once"


def _refused(refused: Mapping[str, Any] | None) -> Value:
    if refused is None:
        return ""
    return join([f"{refused['logins']}, the last from", refused["address"], "at", when(refused["when"])], " ")


def _failing(call: Call, slave: Mapping[str, Any]) -> Markup:
    rows = [
        [
            link(call.to("builders", name), name),
            "attached" if name in slave["attachedTo"] else "",
            slave["failing"].get(name, ""),
        ]
        for name in slave["builders"]
    ]
    if not rows:
        return paragraph("No builder uses this slave.")
    return table("Builders of the slave", ("Builder", "State", "Trouble"), rows)


def _events(slave: Mapping[str, Any]) -> Markup:
    rows = [[when(each["when"]), each["text"]] for each in reversed(slave["events"])]
    return (
        table("Events, newest first", ("When", "What"), rows) if rows else paragraph("Nothing has happened.")
    )


ROUTES = (
    Route(
        "/buildslaves",
        slaves,
        "All slaves: connection, pause, builds.",
        (
            Parameter("no_builders", "Show only the number of builders.", "flag", default=False),
            Parameter(
                "only",
                "Show only these; troubled are those with a note, a failing builder or refused logins.",
                default="",
                choices=("", *_KINDS),
            ),
        ),
    ),
    Route(
        "/buildslaves/{slave}",
        slave,
        "One slave: connection, pause, builders, builds, events.",
        (
            Parameter("numbuilds", "How many builds.", "integer", default=10, least=1, most=1000),
            Parameter("maxsearch", "It has no effect; old addresses have it."),
            Parameter("cursor", "Where an older list begins.", default=""),
        ),
    ),
)

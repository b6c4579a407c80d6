# -*- test-case-name: tests.stories.test_webabout -*-
"""The page about the master itself: versions, ports, store, troubles, and the headers of a proxy."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Mapping

from twisted import __version__ as twistedVersion

from buildbot import version
from buildbot.status.topics import MASTER, SLAVES
from buildbot.text.masters import mastersLine
from buildbot.text.plural import counted
from buildbot.web.call import Call, Page, Part
from buildbot.web.markup import Markup, Value, join, link
from buildbot.web.pages.build import sized
from buildbot.web.pages.pieces import facts, paragraph, section, since, table, when
from buildbot.web.pages.slaveacts import aboutForms
from buildbot.web.routes import Route

#: Words in the names of headers whose values are secrets.
_SECRET = ("authorization", "cookie", "token", "secret", "key", "password", "assertion", "signature")


async def about(call: Call) -> Page:
    """Versions, ports, store and troubles, and since when the master runs."""
    master = call.world.master
    configuration = join(
        [f"generation {master.generation}, ", link(call.to("about", "configuration"), "what is configured")]
    )
    isAdmin = await call.may("admin")
    more = [link(call.to("about", "disk"), "what takes room")] if isAdmin else []
    return Page(
        "About this master",
        [
            Part(
                "about",
                facts(
                    ("Project", call.world.config.projectName),
                    ("Buildbot", version),
                    ("Twisted", twistedVersion),
                    ("Python", platform.python_version()),
                    *([] if call.world.botmaster.health.server else [("SQLite", sqlite3.sqlite_version)]),
                    ("Running since", when(master.since)),
                    ("For", since(master.since, call.world.now())),
                    ("Configuration", configuration),
                    ("Slave ports", ", ".join(master.describePorts()) or "none"),
                    ("Store", _store(call)),
                    *(_masters(call) if isAdmin else []),
                    *_storage(call),
                    ("Builds are kept", join([_kept(call), *more], ", ")),
                    ("Actions", link(call.to("audit"), "who has done what") if isAdmin else ""),
                    ("Forges", link(call.to("about", "hooks"), "their last deliveries") if isAdmin else ""),
                    ("This request", link(call.to("about", "proxy"), "its headers, as they arrive")),
                ),
            ),
            Part("troubles", section("troubles-title", "Troubles", _troubles(call))),
            Part("acts", await aboutForms(call)),
        ],
        topics=(MASTER, SLAVES),
        ages=True,
    )


def _store(call: Call) -> str:
    health = call.world.botmaster.health
    if health.trouble:
        return f"cannot be written: {health.trouble}"
    return health.lapse or (f"works: {health.server}" if health.server else "works")


def _masters(call: Call) -> list[tuple[str, Value]]:
    """The masters of the store, as C{buildbot status} tells them. Their names have paths."""
    told = call.world.master.commands["status"]()["master"].get("masters")
    return [("Masters", f"{told['name']}: {mastersLine(told)}")] if told else []


def _storage(call: Call) -> list[tuple[str, Value]]:
    """Where the logs of finished builds are, if there is object storage."""
    found = call.world.botmaster.reportLogStorage()
    if found is None:
        return []
    words = "in object storage"
    if found["waiting"]:
        words += (
            f"; those of {counted(found['waiting'], 'build')} wait for it, {sized(found['waitingBytes'])}"
        )
    if found["hold"]:
        words += ": no build begins until there is room"
    return [("Logs", words)]


def _kept(call: Call) -> str:
    keeps = call.world.botmaster.retention
    horizon = keeps.horizon
    most = "all builds" if horizon is None else f"the last {counted(horizon, 'build')} of each builder"
    return most if keeps.days is None else f"{most}, for {keeps.days:g} days"


def _troubles(call: Call) -> Markup:
    """The present troubles. The reasons may name paths, so they are not for everybody."""
    troubles = call.world.botmaster.troubles.current()
    if not troubles:
        return paragraph("There are none.")
    rows: list[list[Value]] = [[each.subject, each.symptom.what, when(each.since)] for each in troubles]
    content = table("Troubles of the master", ("Part", "Trouble", "Since"), rows)
    return join([content, paragraph("The command buildbot status shows the reasons, and what to do.")])


def proxy(call: Call) -> Page:
    """The headers of this request, as they arrive here."""
    rows: list[list[Value]] = [[name, value] for name, value in shown(call.headers)]
    return Page(
        "What a proxy sends",
        [
            paragraph(
                "These are the headers of this request. A proxy in front of the master should send Host, "
                "X-Forwarded-For and X-Forwarded-Proto. Values that are secrets are not shown."
            ),
            facts(("Address of the client", call.who.address), ("Login by", call.who.how)),
            table("Headers", ("Header", "Value"), rows),
        ],
        trail=(("About this master", call.to("about")),),
    )


def shown(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """The headers, sorted by name, without secrets."""
    return [
        (name, f"not shown, {counted(len(value), 'character')}" if _isSecret(name) else value)
        for name, value in sorted(headers.items())
    ]


def _isSecret(name: str) -> bool:
    return any(word in name.lower() for word in _SECRET)


ROUTES = (
    Route("/about", about, "The versions, ports, store and troubles of the master, and how long it runs."),
    Route("/about/proxy", proxy, "The headers of the request, as they arrive.", action="admin"),
)

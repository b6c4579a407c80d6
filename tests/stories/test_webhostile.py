"""No name and no text of a build, a slave or a change becomes markup on a page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote

from twisted.internet.defer import ensureDeferred

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, LogRecord, StepRecord
from buildbot.web.accounts.door import Door
from buildbot.web.routes import Route
from buildbot.web.table import TABLE
from tests.examples import THOROUGH, sample
from tests.stories.web import WebWorld

#: It would be an element, end an attribute of either kind, and run a script.
EVIL = "x\"'><evil onload='e()'></td><script>e()</script>&lt;"
CONFIG = f"""
from buildbot.process.factory import BuildFactory
from buildbot.steps.shell import ShellCommand
from buildbot.scheduler import Scheduler
from buildbot.status import html
EVIL = {EVIL!r}
c = BuildmasterConfig = {{}}
c['bots'] = [(EVIL, 'sekrit')]
c['slavePortnum'] = 9989
c['projectName'] = EVIL
f = BuildFactory()
f.addStep(ShellCommand, name='compile', command=['make', EVIL])
c['builders'] = [{{'name': EVIL, 'slavename': EVIL, 'builddir': 'full', 'factory': f, 'category': EVIL,
    'tags': [EVIL], 'description': EVIL}}]
c['schedulers'] = [Scheduler(EVIL, EVIL, 120, [EVIL])]
c['status'] = [html.WebStatus(http_port=8010)]
"""
#: The value of each part of a path.
VALUES = {"builder": EVIL, "slave": EVIL, "step": EVIL, "log": EVIL, "scheduler": EVIL, "revision": EVIL}


class Elements(HTMLParser):
    """The elements and attributes of a page."""

    def __init__(self, html: str) -> None:
        HTMLParser.__init__(self)
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


async def everything(self: Door, who: object, action: str, builder: str | None = None) -> bool:
    """Permission for everything."""
    return True


class HostileCase(WebWorld):
    """Everything that people, slaves and changes name is markup."""

    STATUS = ""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.write(CONFIG)
        self.successResultOf(self.start())
        self.patch(Door, "may", everything)
        for _ in range(2):
            change = Change(EVIL, [EVIL], EVIL, revision=EVIL, branch=EVIL, category=EVIL, revlink=EVIL)
            change.project = change.repository = EVIL
            stored = self.successResultOf(self.master.addChange(change))
        self.build(0, stored)
        self.build(2, stored)
        ensureDeferred(self.master.commands["force"](EVIL, reason=EVIL, who=EVIL, branch=EVIL))
        self.wait(3)

    def build(self, results: int, change: Change) -> None:
        """Store a finished build."""
        now = self.reactor.seconds()
        source = {"branch": EVIL, "revision": EVIL, "changes": [change.toRecord()]}
        values = (EVIL, None, EVIL, (), now)
        started = self.successResultOf(self.store.startBuild(BuildRecord(*values, sourcestamp=source)))
        step = StepRecord(EVIL, now, now + 1, results, (EVIL,), logs=(LogRecord(EVIL, "none", 5, 1),))
        properties = {EVIL: [EVIL, EVIL]}
        self.successResultOf(
            self.store.finishBuild(
                BuildRecord(
                    *(EVIL, started.number, EVIL, (), now, now + 1, results, (EVIL,), EVIL, source),
                    *(properties, (step,)),
                )
            )
        )
        self.reactor.advance(2)
        self.settle()

    def address(self, route: Route) -> str:
        """The address of a page of this route."""

        def value(match: Any) -> str:
            return "1" if match.group(2) else quote(VALUES[match.group(1)], safe="")

        return re.sub(r"\{(\w+)(:int)?\}", value, route.path)


class HostileTests(HostileCase):
    """People look at pages."""

    def test_noForeignMarkup(self) -> None:
        """Each page for people has only its own elements, none with an attribute that runs a script."""
        pages = sample((each for each in TABLE if each.kind == "page" and each.method == "GET"), 25)
        shown = 0
        for route in pages:
            for query in ("", f"?q={quote(EVIL)}&builder={quote(EVIL)}&fold={quote(EVIL)}&revs=3"):
                path = f"{self.address(route)}{query}"
                answer = self.ask(path)
                self.assertIn(answer.status, (200, 303, 401, 404), f"{path}: {answer.text}")
                shown += "&lt;evil" in answer.text
                for tag, attributes in Elements(answer.text).found:
                    self.assertNotEqual(tag, "evil", path)
                    self.assertFalse([each for each in attributes if each.startswith("on")], path)
                    self.assertNotIn("style", attributes, path)
                    if tag == "script":
                        self.assertIn("static/", attributes.get("src") or "", path)
                    for each in ("href", "src", "action"):
                        self.assertFalse((attributes.get(each) or "").lower().startswith("javascript"), path)
        self.assertGreater(shown, len(pages) if THOROUGH else 5)

    def test_pagesAreThere(self) -> None:
        """The pages about things of such names exist: the names are quoted in links as a whole."""
        name = quote(EVIL, safe="")
        for path in (
            f"/builders/{name}",
            f"/builders/{name}/builds/1",
            f"/builders/{name}/builds/1/steps/{name}",
            f"/buildslaves/{name}",
            f"/schedulers/{name}",
            f"/revision/{name}",
            f"/search?q={name}",
        ):
            self.assertEqual(self.ask(path).status, 200, path)

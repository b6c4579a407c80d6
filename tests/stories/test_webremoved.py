"""A reconfig removes the subject of a page, or the store fails, while the page is made."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from twisted.internet.defer import ensureDeferred, fail

from buildbot.model.change import Change
from buildbot.store.interface import StoreFailed
from buildbot.web.cache import PageCache
from buildbot.web.routes import Route
from buildbot.web.table import TABLE
from tests.examples import sample
from tests.stories.web import WebWorld

BUILDER = "{'name': 'full', 'slavename': 'bot1', 'builddir': 'full', 'factory': f}"
CONFIG = f"""
from buildbot.process.factory import BuildFactory
from buildbot.scheduler import Scheduler
from buildbot.schedulers.forcesched import ForceScheduler
from buildbot.status import html
from buildbot.steps.shell import ShellCommand
c = BuildmasterConfig = {{}}
c['bots'] = [('bot1', 'sekrit'), ('bot2', 'sekrit')]
c['slavePortnum'] = 9989
f = BuildFactory()
f.addStep(ShellCommand, name='compile', command=['make'])
c['builders'] = [{BUILDER}, {{'name': 'other', 'slavename': 'bot2', 'builddir': 'other', 'factory': f}}]
c['schedulers'] = [Scheduler('quick', None, 120, ['full']), ForceScheduler('force', ['full'])]
c['status'] = [html.WebStatus(http_port=8010, allowForce=True)]
"""
#: The parts that the second configuration lacks.
REMOVED = (
    ("('bot1', 'sekrit'), ", ""),
    (f"{BUILDER}, ", ""),
    ("Scheduler('quick', None, 120, ['full']), ForceScheduler('force', ['full'])", ""),
)
VALUES = {
    **{"builder": "full", "number": "0", "slave": "bot1", "step": "compile", "log": "stdio"},
    **{"scheduler": "quick", "revision": "r1", "badge": "full.svg", "path": "builders", "file": "none"},
}


class RemovedTests(WebWorld):
    """A person looks while the world changes."""

    STATUS = ""

    def setUp(self) -> None:
        WebWorld.setUp(self)
        self.write(CONFIG)
        self.successResultOf(self.start())
        self.commands: list[Any] = []
        self.connect(name="bot1", onCommand=self.commands.append)
        for _ in range(2):
            self.successResultOf(self.master.addChange(Change("ann", ["a.c"], "words", revision="r1")))
        self.force()
        self.commands[0].update(stdout="error: no\n")
        self.commands[0].end(2)
        self.wait(2)
        self.force()
        self.patch(PageCache, "get", lambda *args: None)
        self.before: Callable[[], object] | None = None
        self.left = 0
        for name in dir(self.store):
            method = getattr(self.store, name)
            if name.startswith("get") and callable(method):
                self.patch(self.store, name, self.meddled(method))

    def meddled(self, method: Any) -> Any:
        """A question to the store, before which something happens."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0 and self.before is not None:
                result = self.before()
                if result is not None:
                    return result
            return method(*args, **kwargs)

        return call

    def force(self) -> None:
        """Force a build."""
        ensureDeferred(self.master.commands["force"]("full", reason="r", who="ann"))
        self.wait(2)

    def answers(
        self, before: Callable[[], object], after: Callable[[], object]
    ) -> Iterator[tuple[Route, Any]]:
        """The answers of all routes that read, each with something that happens at each of its questions."""
        for route in sample((each for each in TABLE if each.method == "GET" and each.kind != "stream"), 25):
            path = re.sub(r"\{(\w+)(:\w+)?\}", lambda match: VALUES[match.group(1)], route.path)
            number = 0
            while number == 0 or self.left <= 0:
                number += 1
                self.before, self.left = before, number
                answer = self.ask(path)
                self.before = None
                if self.left <= 0:
                    after()
                yield route, answer

    def remove(self) -> None:
        """Remove the subject of the page."""
        for old, new in REMOVED:
            self.edit(old, new)
        self.assertTrue(self.reconfig()["applied"])

    def restore(self) -> None:
        """Put it back."""
        self.write(CONFIG)
        self.assertTrue(self.reconfig()["applied"])

    def test_removed(self) -> None:
        """A page whose builder, slave or scheduler is removed while it is made does not fail."""
        for route, answer in self.answers(self.remove, self.restore):
            self.assertLess(answer.status, 500, route.path)

    def test_storeFails(self) -> None:
        """If the store fails, a page says so. It never fails in another way."""
        for route, answer in self.answers(lambda: fail(StoreFailed("disk full")), lambda: None):
            self.assertIn(answer.status, (200, 301, 303, 400, 401, 403, 404, 503), route.path)
            if answer.status == 503 and route.path != "/health":
                self.assertIn("disk full", answer.text)

    def test_noText(self) -> None:
        """A builder or slave whose name in the address is no text does not exist, on each page."""
        values = {**VALUES, "builder": "%ff", "slave": "%ff"}
        for route in TABLE:
            names = set(re.findall(r"\{(\w+)", route.path))
            if route.method == "GET" and names & {"builder", "slave"}:
                path = re.sub(r"\{(\w+)(:\w+)?\}", lambda match: values[match.group(1)], route.path)
                self.assertIn(self.ask(path).status, (301, 404), path)

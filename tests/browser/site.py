"""A real master with a slave and builds of every kind, for a browser to look at."""

from __future__ import annotations

import atexit
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import urlopen

from twisted.trial.unittest import SkipTest

from buildbot.control import client
from buildbot.web.routes import Route
from buildbot.web.table import TABLE
from tests.browser import axe
from tests.browser.chromium import Browser, Device, Tab, executable
from tests.integration.directories import LIMIT, ProcessCase

HOSTILE = "<img src=x onerror=alert(1)> \"&amp;'"
#: Added to the configuration of the demo. GO is a file that ends the running build.
MORE = r"""
def recipe(*commands):
    made = factory.BuildFactory()
    for name, command in commands:
        made.addStep(ShellCommand, name=name, command=command, haltOnFailure=True)
    return made

colours = r"printf '\033[1;31mred\033[0m \033[32mgreen\033[0m \033[44mback\033[0m <b>&\n'"
sections = r"printf '::group::Get\nhay\n::endgroup::\n::group::Make\na.c:1: error: no\n::endgroup::\n'"
c['builders'] += [
    {'name': "broken", 'slavename': "bot1", 'builddir': "broken", 'category': "unit", 'factory': recipe(
        ("compile", colours), ("test", "for i in $(seq 300); do echo $i; done; echo 'error: no'; exit 1"),
        ("install", "true"))},
    {'name': "long", 'slavename': "bot1", 'builddir': "long", 'factory': recipe(
        ("compile", "echo begun; until test -e GO; do sleep 0.1; done; " + sections), ("test", "echo over"))},
    {'name': HOSTILE, 'slavename': "bot1", 'builddir': "hostile", 'category': KIND, 'factory': recipe(
        ("STEP", "echo 'STEP'"))},
    {'name': "idle", 'slavename': "bot2", 'builddir': "idle", 'factory': recipe(("compile", "true"))},
]
c['bots'].append(("bot2", "another-password"))
from buildbot.status.web.authz import Authz
c['status'] = [WebStatus(http_port=WEB, authz=Authz(RIGHTS))]
"""
#: The values of the segments of a path, by name. Each route is opened with each combination of them.
EXAMPLES: Mapping[str, tuple[Mapping[str, object], ...]] = {
    "builder": (
        {"builder": "broken", "number": 0, "step": "test", "log": "stdio"},
        {"builder": "long", "number": 0, "step": "compile", "log": "stdio"},
        {"builder": HOSTILE, "number": 0, "step": "<script>alert(1)</script>", "log": "stdio"},
        {"builder": "idle", "number": 0, "step": "compile", "log": "stdio"},
    ),
    "number": ({"number": 1},),
    "slave": ({"slave": "bot1"}, {"slave": "bot2"}),
    "scheduler": ({"scheduler": "quick"},),
    "revision": ({"revision": "r1"},),
}
#: Addresses with parameters, and of no page, besides those of the table.
MORE_ADDRESSES = ("search?q=o", "search?q=%3Cb%3E", "nothing/here")
_FIELD = re.compile(r"\{(\w+)(?::\w+)?\}")
#: The attributes of a test that the readers share, and their values, once the first reader has begun.
_SHARED = ("home", "here", "environ", "master", "root", "browser")
_shared: dict[str, Any] = {}


def pages() -> list[Route]:
    """The routes of the table that answer with a page."""
    return [route for route in TABLE.routes if route.kind == "page" and route.method == "GET"]


def addresses() -> Iterator[str]:
    """The addresses of all pages, relative to the root; C{idle} has no build."""
    for route in pages():
        names = _FIELD.findall(route.path)
        found: Any = EXAMPLES[names[0]] if names else ({},)
        for values in found:
            if values.get("builder") == "idle" and "number" in names:
                continue
            missing = [name for name in names if name not in values]
            if missing:
                raise KeyError(f"{route.path}: the browser's tests have no example of {missing[0]}")
            yield _filled(route.path, values)
    yield from MORE_ADDRESSES


def oneOfEach(builder: str) -> list[str]:
    """One address of each page route; those with a builder show this one."""
    values = {name: each[0] for name, each in EXAMPLES.items()}
    values["builder"] = next(each for each in EXAMPLES["builder"] if each["builder"] == builder)
    found = []
    for route in pages():
        names = _FIELD.findall(route.path)
        found.append(_filled(route.path, values[names[0]] if names else {}))
    return found


def _filled(path: str, values: Mapping[str, object]) -> str:
    """The path of a route with values for its fields, without the first slash."""
    return _FIELD.sub(lambda field: quote(str(values[field[1]]), safe=""), path)[1:]


class BrowserCase(ProcessCase):
    """A browser, and a running master: builds that succeeded, failed and run, and a change."""

    timeout = 600
    #: The name of a builder, and the name and command of its step.
    odd: tuple[str, str] = (HOSTILE, "<script>alert(1)</script>")

    #: The category of the builder with the odd name.
    category = "<i>u</i>"

    #: The arguments of C{Authz}.
    rights = "default_action=True, admin=True"

    #: The time zone of the master.
    zone = "UTC"

    #: True if the tests only look at the master: all such tests of a process share one, and one browser.
    isReader = False

    def setUp(self) -> None:
        path = executable()
        if path is None:
            raise SkipTest("no Chromium here: apt-get install chromium")
        if self.isReader and _shared:
            vars(self).update(_shared)
            return
        super().setUp()
        self.begin(path)
        if self.isReader:
            _shared.update({name: getattr(self, name) for name in _SHARED})
            atexit.register(super().killAll)
        else:
            self.addCleanup(self.browser.stop)

    def killAll(self) -> None:
        """Kill all processes of this test, but not those that other tests share."""
        if _shared.get("home") != self.home:
            super().killAll()

    def begin(self, path: str) -> None:
        """Start the master, its slave, and the browser with this path."""
        self.environ["TZ"] = self.zone
        self.master = self.path("master")
        said = self.ok("demo", self.here)
        found = re.search(r"http://localhost:(\d+)/", said.out)
        assert found is not None, said
        self.root = f"http://127.0.0.1:{found[1]}/"
        self.addBuilders(int(found[1]))
        self.browser = Browser(path, self.makeProfile())

    def makeProfile(self) -> str:
        """An empty directory for the browser; the end of the test kills what runs with it."""
        return self.path("profile")

    def addBuilders(self, web: int) -> None:
        """Add the builders, and wait for their builds."""
        text = MORE.replace("GO", self.path("go")).replace("HOSTILE", repr(self.odd[0]))
        text = text.replace("STEP", self.odd[1]).replace("KIND", repr(self.category))
        text = text.replace("RIGHTS", self.rights)
        text = text.replace("WEB", repr(f"tcp:{web}:interface=127.0.0.1"))
        with open(self.path("master/master.cfg"), "a") as stream:
            stream.write(text)
        self.ok("reconfig", self.master)
        self.until(
            lambda: len(self.asked("status", slave="bot1")["slaves"][0]["attachedTo"]) == 4, "attached"
        )
        self.request("long")  # its output comes after seconds, while the others are built
        for builder in ("broken", self.odd[0]):
            self.request(builder, f"try {self.odd[0]}")
        for builder in ("broken", self.odd[0]):
            self.whenFinished(builder, 0)
        self.sendChange()
        self.until(lambda: self.hasBegun("long"), "the long build has begun")
        self.request("idle", "bot2 is away")

    def sendChange(self, build: int = 1) -> None:
        """Send a change with hostile comments, and wait until it is built.

        @param build: the number of the build of C{first} that the change begins.
        """
        with open(self.path("master/master.cfg")) as stream:
            text = stream.read()
        port = re.search(r"slavePortnum'\] = 'tcp:(\d+)", text)
        password = re.search(r'passwd="(\w+)"', text)
        assert port and password
        words = [
            "--comments",
            f"Mend {self.odd[0]}",
            "--revision",
            "r1",
            "--username",
            "ann",
            "src/<main>.c",
            "README",
        ]
        master = ["--master", f"localhost:{port[1]}", "--auth", f"change:{password[1]}"]
        self.ok("sendchange", *master, *words)
        self.whenFinished("first", build)

    def asked(self, command: str, **params: Any) -> Any:
        """The answer of the master."""
        return client.ask(self.master, command, LIMIT, **params)

    def request(self, builder: str, reason: str = "a test asks") -> None:
        """Request a build, as C{buildbot force} does."""
        self.asked("force", builder=builder, reason=reason, who="tester")

    def whenFinished(self, builder: str, number: int) -> None:
        """Wait for the end of a build."""

        def isOver() -> bool:
            found = self.asked("builds", builder=builder, count=5)["finished"]
            return any(build["number"] == number for build in found)

        self.until(isOver, f"build {number} of {builder} is over")

    def hasBegun(self, builder: str) -> bool:
        """True if the log of the running build has the output that its first step prints before it waits.

        A worker collects output for up to five seconds. After that, the page of the log does not change.
        """
        try:
            log = f"{self.root}builders/{builder}/builds/0/steps/compile/logs/stdio/text"
            with urlopen(log, timeout=LIMIT) as answer:
                return b"begun" in answer.read()
        except HTTPError:
            return False  # the build, the step or the log is not there yet

    def isGood(self, tab: Tab, what: str) -> None:
        """Check the open page: the rules of axe-core in light and dark, its width, and that it has text."""
        self.assertGreater(len(tab.value("document.querySelector('main').innerText")), 20, what)
        script = axe.source()
        for width in (1280, 360):
            tab.show(Device(width, 740))
            self.assertLessEqual(tab.sideways(), 0, what)
        for scheme in ("light", "dark"):
            tab.scheme(scheme)
            if script is not None:
                self.assertEqual(axe.violations(tab, script, isRepainted=scheme == "dark"), [], what)
        tab.show(Device(1280))

    def go(self) -> None:
        """End the running build."""
        with open(self.path("go"), "w"):
            pass

    def tab(self, device: Device) -> Tab:
        """A new page on this device."""
        tab = self.browser.tab()
        if self.isReader:
            self.addCleanup(tab.close)
        tab.show(device)
        return tab

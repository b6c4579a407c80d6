"""The command C{show}."""

from __future__ import annotations

import json
from typing import Any

from buildbot.control import client
from buildbot.scripts import show
from buildbot.scripts.tables import size
from buildbot.text.printable import width
from tests.commandline import command
from tests.unit.scripts.test_ask import AskingTests

NOW = 1_800_000_000.0
LOG = {"name": "stdio", "filename": "f", "length": 12_345, "crc": 1, "trouble": "", "html": False}
STEP: dict[str, Any] = {
    **{"name": "compile", "started": NOW, "finished": NOW + 61, "results": 0, "result": "success"},
    **{"text": ["compile"], "logs": [LOG], "urls": {"report": "http://x/"}, "hidden": False},
}
BUILD: dict[str, Any] = {
    **{"builder": "full", "number": 7, "slave": "bot1", "started": NOW, "finished": NOW + 100},
    **{"results": 2, "result": "failure", "text": ["failed", "test"], "reason": "commit", "step": None},
    **{"eta": None, "note": "", "logTrouble": "", "gotRevision": "r8", "branch": "trunk", "revision": "r7"},
    **{"project": "", "repository": "", "codebase": "", "changes": [3], "changeCount": 1, "lasts": 100.0},
    **{"steps": [STEP, {**STEP, "name": "test", "result": "failure", "results": 2, "text": ["2", "bad"]}]},
    **{"requests": [12, 13], "properties": {"os": "linux", "n": [1, "é"]}, "sources": {"os": "slave"}},
    **{"tests": [{"name": ["a", "b"], "results": 2, "text": [], "logs": None}], "moreTests": 4},
    "sourcestamp": {
        "patch": None,
        "changes": [{"number": 3, "who": "ann", "revision": "r7", "comments": "mend\x1b[2J it\n\nmore"}],
    },
}


class ShowTests(AskingTests):
    """One build."""

    def request(self, *arguments: Any) -> object:
        """The master has the builds of C{full}, up to the seventh."""
        self.asked.append(arguments)
        _, verb, params, _ = arguments
        if isinstance(self.answer, Exception):
            raise self.answer
        if params["builder"] != "full":
            raise client.ControlError(f"no builder {params['builder']!r} in c['builders'] (there: full)")
        if verb == "build" and params["number"] != 7:
            raise client.ControlError(f"builder 'full' has no build {params['number']}")
        return BUILD if verb == "build" else {"running": [], "finished": self.finished}

    def setUp(self) -> None:
        super().setUp()
        self.finished: list[Any] = [BUILD]

    def test_page(self) -> None:
        """A build is shown with its facts, steps, changes, tests and properties; text of others is safe."""
        said = command("show", self.here, "full/7")
        self.assertEqual((said.status, said.err), (0, ""))
        facts, steps, changes, tests, properties = said.out.split("\n\n")
        for line in (
            *(
                "build:     full/7",
                "result:    failed: test",
                "took:      1 min 40 s",
                "who:       ann",
            ),
            *("revision:  r8 (r7 was asked for)", "requests:  12, 13"),
        ):
            self.assertIn(line, facts.splitlines())
        self.assertIn("compile  success        1 min 1 s  stdio (12.3 kB)", steps)
        self.assertIn("compile: report: http://x/", steps)
        self.assertIn("3       ann  r7        mend\\x1b[2J it", changes)
        self.assertEqual(tests, "5 tests, 1 not successful\n  a.b: failure")
        self.assertIn("os        linux     slave", properties)
        self.assertIn('n         [1, "é"]', properties)

    def test_json(self) -> None:
        """With --json everything is printed."""
        self.assertEqual(json.loads(command("show", "-j", self.here, "full/7").out), BUILD)

    def test_newest(self) -> None:
        """Without a number it is the newest build; before the first build there is none."""
        self.assertIn("full/7", command("show", self.here, "full").out)
        self.finished = []
        self.assertEqual(self.failure("show", self.here, "full"), "full has no build yet\n")

    def test_wrong(self) -> None:
        """The refusal of an unknown build or builder is the master's."""
        self.assertIn("has no build 8", self.failure("show", self.here, "full/8"))
        self.assertIn("no builder 'ful' ", self.failure("show", self.here, "ful/7"))
        self.assertIn("no builder 'ful' ", self.failure("show", self.here, "ful"))
        self.assertIn("no builder 'full/999", self.failure("show", self.here, "full/" + "9" * 40))
        self.assertEqual(command("show", self.here).status, 2)

    def test_running(self) -> None:
        """A running build has its time so far, its time to go, and a growing log."""
        log = {**LOG, "length": None}
        step = {**STEP, "finished": None, "result": None, "results": None, "text": [], "logs": [log]}
        build = {**BUILD, "finished": None, "result": None, "results": None, "eta": 130.0, "steps": [step]}
        lines = show.showPage(build, NOW + 75)
        for line in ("result:       running", "running for:  1 min 40 s", "to go:        about 2 min 10 s"):
            self.assertIn(line, lines)
        self.assertTrue(any("stdio (growing)" in line for line in lines))
        self.assertIn("no step has begun", show.showPage({**build, "steps": []}, NOW))

    def test_visitor(self) -> None:
        """Somebody on another machine who may not see properties gets the rest."""
        build = {key: value for key, value in BUILD.items() if key not in ("properties", "sources")}
        self.assertIn("build:     full/7", show.showPage(build, NOW))

    def test_narrow(self) -> None:
        """All lines of the tables fit the terminal, also with wide characters."""
        wide = {**BUILD, "reason": "日本語 " * 50, "properties": {"p" * 50: "値" * 100}}
        for room in (60, 80, 200):
            lines = show.showPage(wide, NOW, room)
            self.assertLessEqual(max(map(width, lines)), room)

    def test_sizes(self) -> None:
        """Numbers of bytes have at most three digits, and a unit."""
        sizes = [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (123_456_789, "123 MB"), (2e13, "20 TB")]
        for count, words in sizes:
            self.assertEqual(size(count), words)

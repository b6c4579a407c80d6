"""Tests of buildbot.web.feeds.json08."""

from __future__ import annotations

import json

from twisted.trial import unittest

from buildbot.model.results import FAILURE, SUCCESS
from buildbot.web.feeds import json08
from buildbot.web.feeds.json08 import BadFlag, Flags, filtered, flags, selected, written

CHANGE = json08.change(
    number=1,
    branch=None,
    category=None,
    who="joe",
    comments="c",
    revision="abc",
    when=5.0,
    at="Thu 01 Jan",
    files=["a.c"],
)
STAMP = json08.sourceStamp(revision="abc", branch=None, changes=[CHANGE])
STEP = json08.step(
    name="compile",
    number=0,
    text=["failed"],
    results=FAILURE,
    words=["compile"],
    times=(1.0, None),
    statistics={},
    eta=None,
    urls={},
    logs=[("stdio", "http://x/")],
)
BUILD = json08.build(
    builder="linux",
    number=7,
    sourceStamps=[STAMP],
    reason="forced",
    blame=["joe"],
    properties=[("branch", None, "Build")],
    times=(1.0, 2.0),
    text=["failed", "compile"],
    results=SUCCESS,
    slave="bot1",
    logs=[],
    eta=None,
    steps=[STEP],
    currentStep=None,
)


class ShapeTests(unittest.TestCase):
    """Programs for 0.8 find the keys that they read (table G, row 59)."""

    def assertKeys(self, value: dict[str, object], keys: str) -> None:
        self.assertEqual(sorted(value), sorted(keys.split()))

    def test_builds(self) -> None:
        """A build, a step, a source stamp and a change have the keys of 0.8.14."""
        self.assertKeys(
            BUILD,
            "builderName number sourceStamps reason blame properties times text results slave logs eta steps"
            " currentStep",
        )
        self.assertKeys(
            STEP,
            "name text results isStarted isFinished statistics times expectations eta urls step_number hidden"
            " logs",
        )
        self.assertKeys(STAMP, "revision hasPatch branch changes project repository codebase")
        self.assertKeys(
            CHANGE,
            "number branch category who comments revision rev when at files revlink properties repository"
            " codebase project",
        )
        self.assertEqual(CHANGE["files"], [{"name": "a.c"}])
        self.assertEqual(STEP["results"], [2, ["compile"]])
        self.assertEqual((STEP["isStarted"], STEP["isFinished"]), (True, False))

    def test_patch(self) -> None:
        """A source stamp with a patch has its level and its text."""
        stamp = json08.sourceStamp(revision=None, branch=None, changes=[], patch=(1, "--- a"))
        self.assertEqual((stamp["hasPatch"], stamp["patch_level"], stamp["patch_body"]), (True, 1, "--- a"))

    def test_others(self) -> None:
        """A project, a builder, a slave and a request have the keys of 0.8.14."""
        self.assertKeys(json08.project("t", "u", "b"), "title titleURL buildbotURL")
        builder = json08.builder(
            basedir="b",
            category="core",
            slaves=["bot1"],
            schedulers=[],
            cached=[1],
            current=[],
            state="idle",
            pending=0,
        )
        self.assertKeys(
            builder,
            "basedir tags category slaves schedulers cachedBuilds currentBuilds state pendingBuilds",
        )
        self.assertEqual(builder["tags"], ["core"])
        slave = json08.slave(
            name="bot1",
            host=None,
            admin=None,
            version="0.7.5",
            isConnected=True,
            running=[],
            builders={"linux": (1, 2)},
        )
        self.assertKeys(slave, "name access_uri host admin version connected runningBuilds info builders")
        request = json08.pendingRequest(source=STAMP, properties=[], builder="linux", submitted=5.0)
        self.assertKeys(request, "source properties builderName submittedAt builds")


class FlagTests(unittest.TestCase):
    """The parameters of an address decide how an answer is written."""

    def test_asText(self) -> None:
        """Text for people is indented and has no empty values, unless the address says otherwise."""
        self.assertEqual(flags({}), Flags(False, True, False))
        self.assertEqual(flags({"as_text": ["1"]}), Flags(True, False, True))
        self.assertEqual(flags({"as_text": ["1"], "filter": ["0"]}), Flags(True, False, False))
        self.assertEqual(flags({"as_text": ["1"]}).contentType, b"text/plain; charset=utf-8")

    def test_callback(self) -> None:
        """JSONP is refused with advice."""
        self.assertIn("fetch()", str(self.assertRaises(BadFlag, flags, {"callback": ["f"]})))

    def test_tooManyPaths(self) -> None:
        """One question asks for at most 100 paths."""
        self.assertEqual(flags({"select": ["/builders/a/", "project"]}).select, ("builders/a", "project"))
        self.assertRaises(BadFlag, flags, {"select": ["project"] * 101})

    def test_filter(self) -> None:
        """A filter drops null, false and empty values, but no number."""
        self.assertEqual(
            filtered({"a": None, "b": False, "c": [], "d": {"e": ""}, "results": 0, "f": [None, [], ""]}),
            {"results": 0},
        )
        self.assertEqual(filtered({"times": (1.0, None)}), {"times": [1.0, None]})

    def test_selected(self) -> None:
        """Several resources make one answer, each at its path."""
        found = [("project", {"title": "t"}), ("builders/a", {"state": "idle"}), ("builders/a/builds/-1", 5)]
        self.assertEqual(
            selected(found),
            {"project": {"title": "t"}, "builders": {"a": {"state": "idle", "builds": {"-1": 5}}}},
        )

    def test_selectedItself(self) -> None:
        """An empty path is the resource itself, whose keys stand beside the others."""
        self.assertEqual(
            selected([("", {"state": "idle"}), ("slaves", {}), ("nothing", json08.MISSING)]),
            {"state": "idle", "slaves": {}, "nothing": {"error": "Not available"}},
        )
        self.assertEqual(selected([("", None)]), {})

    def test_written(self) -> None:
        """An answer is compact, or indented."""
        self.assertEqual(written({"b": [1, 2], "a": None}, Flags()), b'{"a":null,"b":[1,2]}')
        self.assertEqual(written({"a": None, "b": 1}, Flags(True, False, True)), b'{\n  "b": 1\n}\n')
        self.assertEqual(json.loads(written(BUILD, Flags()))["number"], 7)

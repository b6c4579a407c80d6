"""Old builds and changes become records, also if parts of them are missing or wrong."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from buildbot.importing.shapes import NotABuild, builderName, buildOf, changeOf, changesOf
from buildbot.model.records import INTERRUPTED, BuildRecord
from buildbot.model.results import EXCEPTION, FAILURE, SKIPPED, SUCCESS

_WRONG: tuple[Any, ...] = (
    None,
    True,
    -1,
    1 << 70,
    1.5,
    "text",
    [],
    [None],
    {},
    {"": "?x"},
    [[[1]]],
    [{"": 1}],
)


def _build(**more: Any) -> dict[str, Any]:
    return {"": "BuildStatus", "started": 10.0, "finished": 12.0, "results": 0, "steps": [], **more}


class BuildTests(SynchronousTestCase):
    """Builds."""

    def record(self, **more: Any) -> BuildRecord:
        return buildOf(_build(**more), "full", 3).record

    def test_plain(self) -> None:
        """The builder and the number are those of the import."""
        record = self.record(slavename="bot", reason="forced", text=["failed", "compile"])
        self.assertEqual((record.builder, record.number, record.slave), ("full", 3, "bot"))
        self.assertEqual(
            (record.text, record.reason, record.results), (("failed", "compile"), "forced", SUCCESS)
        )

    def test_interrupted(self) -> None:
        """A build without an end was interrupted, at the last end of a step."""
        steps = [{"name": "a", "started": 10, "finished": 11, "results": 0}, {"name": "b", "started": 11}]
        record = self.record(finished=None, results=None, steps=steps)
        self.assertEqual((record.finished, record.results, record.text), (11, EXCEPTION, (INTERRUPTED,)))
        self.assertEqual([step.results for step in record.steps], [SUCCESS, EXCEPTION])

    def test_stepResults(self) -> None:
        """A result may stand with words; an unknown one is an exception; a skipped step is skipped."""
        common = {"started": 10, "finished": 11}
        steps = [{**common, "results": [2, ["x"]]}, {**common, "results": 99}, {"skipped": True}]
        found = [step.results for step in self.record(steps=steps).steps]
        self.assertEqual(found, [FAILURE, EXCEPTION, SKIPPED])

    def test_oldStamp(self) -> None:
        """The earliest releases have a source of three values, and properties without sources."""
        record = self.record(sourceStamp=["trunk", 17, None], properties={"color": "red"})
        assert record.sourcestamp is not None
        self.assertEqual((record.sourcestamp["branch"], record.sourcestamp["revision"]), ("trunk", "17"))
        self.assertEqual((record.properties, record.sourceOf("color")), ({"color": "red"}, "unknown"))

    def test_codebases(self) -> None:
        """The sources of all codebases are kept."""
        record = self.record(sources=[{"branch": "b"}, {"codebase": "lib", "changes": [{"number": 7}]}])
        assert record.sourcestamp is not None
        (lib,) = record.sourcestamp["beside"]
        self.assertEqual((record.sourcestamp["branch"], lib["codebase"]), ("b", "lib"))
        self.assertEqual([each["number"] for each in lib["changes"]], [7])
        alone = self.record(sources=[{"branch": "b", "codebase": "lib"}]).sourcestamp
        assert alone is not None
        self.assertNotIn("beside", alone)

    def test_patch(self) -> None:
        """A patch is kept, with its directory if it has one."""
        for patch, kept in (
            ([1, "--- a\n"], [1, "--- a\n"]),
            ([0, "--- a\n", "lib"], [0, "--- a\n", "lib"]),
            ([1, "--- a\n", None], [1, "--- a\n"]),
            (["x", "--- a\n"], [0, "--- a\n"]),
            ([1, None], None),
        ):
            record = self.record(source={"branch": None, "patch": patch})
            assert record.sourcestamp is not None
            self.assertEqual(record.sourcestamp["patch"], kept)

    def test_tests(self) -> None:
        """The results of single tests are kept."""
        record = self.record(
            testResults={"a.b": {"name": ["a", "b"], "results": 2, "text": ["x"], "logs": {}}}
        )
        self.assertEqual([(each.name, each.results) for each in record.tests], [(("a", "b"), FAILURE)])

    def test_notBuilds(self) -> None:
        """A value of another shape is not a build."""
        for each in (*_WRONG, _build(started=None), _build(started="x")):
            self.assertRaises(NotABuild, buildOf, each, "full", 0)

    def test_wrongValues(self) -> None:
        """Whatever a value is, a record is made that can be stored."""
        names = ("finished", "results", "text", "reason", "slavename", "source", "sources", "changes")
        for name in (*names, "properties", "testResults", "steps", "sourceStamp"):
            for wrong in _WRONG:
                record = self.record(**{name: wrong})
                self.assertEqual(BuildRecord.fromRecord(record.toRecord()), record, (name, wrong))
        for name in ("name", "started", "finished", "results", "text", "text2", "urls", "statistics", "logs"):
            for wrong in _WRONG:
                record = self.record(steps=[{"started": 10, "finished": 11, "results": 0, name: wrong}])
                self.assertEqual(BuildRecord.fromRecord(record.toRecord()), record, (name, wrong))


class ChangeTests(SynchronousTestCase):
    """Changes."""

    def test_wrongValues(self) -> None:
        """Whatever a value is, a change is made; without a number it is not imported."""
        for name in (
            "who",
            "files",
            "comments",
            "when",
            "revision",
            "branch",
            "links",
            "properties",
            "isdir",
        ):
            for wrong in _WRONG:
                self.assertEqual(changeOf({"number": 4, name: wrong}).number, 4)
        self.assertEqual(changesOf({"changes": [{"who": "x"}, 7, {"number": 2}]})[0].number, 2)

    def test_farFuture(self) -> None:
        """A time for which there is no date counts as missing."""
        for when in (260_000_000_000, 10**11):
            change = changeOf({"number": 1, "when": when})
            self.assertEqual((change.when, bool(change.getTime())), (0.0 if when > 10**11 else when, True))

    def test_noList(self) -> None:
        """A value of another shape is not a list of changes."""
        nothing: tuple[Any, ...] = (None, [], {}, {"changes": 5})
        for each in nothing:
            self.assertRaises(NotABuild, changesOf, each)

    def test_builder(self) -> None:
        """The name of a builder is a text, or missing."""
        self.assertEqual([builderName(each) for each in ({"name": "full"}, {"name": 5}, 7)], ["full", "", ""])

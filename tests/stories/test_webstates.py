"""The pages of one build and one step, in every state that a build can have."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from twisted.internet.defer import succeed

from buildbot.model.records import BuildRecord, LogRecord, StepRecord, TestRecord, interrupt
from buildbot.model.results import EXCEPTION, FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS
from buildbot.status.topics import buildTopic
from tests.stories.test_webpages import BuildingCase
from tests.stories.web import Response

BUILD = "/builders/full/builds/7"


def step(name: str, results: int | None = SUCCESS, **more: Any) -> StepRecord:
    """A step of one second."""
    logs = (LogRecord("stdio", f"full/7-log-{quote(name)}-stdio", 10),)
    finished = None if results is None else 11.0
    return StepRecord(name, 10.0, finished, results, (name,), logs=logs).altered(**more)


def build(**more: Any) -> BuildRecord:
    """A finished build of the builder "full"."""
    usual = BuildRecord("full", 7, "bot1", (3,), 10.0, 20.0, SUCCESS, ("build successful",), "why not")
    return usual.altered(**{"sourcestamp": {"changes": []}, **more})


class StatesCase(BuildingCase):
    """The store has one build."""

    def show(self, record: BuildRecord, below: str = "") -> Response:
        """The page of a build, or one below it. It is always an answer, and never a fault."""
        self.store.getBuild = lambda builder, number: succeed(record)  # type: ignore[method-assign]
        self.master.status.topics.touch(buildTopic("full", 7))
        answer = self.ask(BUILD + below)
        self.assertEqual(answer.status, 200, answer.text[-3000:])
        return answer


class BuildTests(StatesCase):
    """A person looks at one build."""

    def test_results(self) -> None:
        """Each result is told in words."""
        for results, word in (
            (SUCCESS, "success"),
            (WARNINGS, "warnings"),
            (FAILURE, "failure"),
            (SKIPPED, "skipped"),
            (EXCEPTION, "exception"),
            (RETRY, "retry"),
            (99, "exception"),
        ):
            text = self.show(build(results=results, text=("build", "ended"))).text
            self.assertIn(f"</span> {word}</span>", text.split('id="summary"')[1][:500])

    def test_interrupted(self) -> None:
        """A build that the end of the master has interrupted says so, and so does its step."""
        running = build(finished=None, results=None, steps=(step("make", None),))
        page = self.show(interrupt(running, 30.0)).text
        self.assertIn("interrupted by a restart of the master", page)
        self.assertIn("make interrupted", page)

    def test_steps(self) -> None:
        """Skipped steps are shown, hidden ones are counted; a build without steps says so."""
        page = self.show(build(steps=(step("a", SKIPPED), step("b", hidden=True), step("c", FAILURE)))).text
        self.assertIn("skipped", page)
        self.assertIn("1 step hidden by the configuration.", page)
        self.assertNotIn("steps/b", page)
        self.assertIn("No step has started.", self.show(build()).text)

    def test_manySteps(self) -> None:
        """Of 1,000 steps, the failed, the first and the last ones are shown, and the others are counted."""
        steps = [step(f"s{number}", FAILURE if number == 500 else SUCCESS) for number in range(1000)]
        page = self.show(build(steps=tuple(steps)))
        for name in ("s0", "s500", "s999"):
            self.assertIn(f'steps/{name}"', page.text)
        self.assertIn("501 steps without problems, in the middle, not shown here.", page.text)
        self.assertLess(len(page.body), 500_000)

    def test_properties(self) -> None:
        """A property has its source; those that the build sets itself are of the build."""
        values = {"buildername": "full", "os": "linux", "<x>": "<y>"}
        page = self.show(build(properties=values, sources={"os": "slave", "<x>": "Force <ann>"})).text
        self.assertRegex(page, r">os</td>.*>linux</td>.*>slave</td>")
        self.assertRegex(page, r">buildername</td>.*>full</td>.*>build</td>")
        self.assertIn("Force &lt;ann&gt;", page)

    def test_neighbours(self) -> None:
        """The page of a step has links to the steps before and after it."""
        record = build(steps=(step("a"), step("b"), step("c")))
        page = self.show(record, "/steps/b").text
        self.assertIn('Previous step: <a href="../../../../../builders/full/builds/7/steps/a">', page)
        self.assertIn('Next step: <a href="../../../../../builders/full/builds/7/steps/c">', page)

    def test_oldProperties(self) -> None:
        """The sources of a build of an earlier release are unknown, and the page says why."""
        page = self.show(build(properties={"a": 1})).text
        self.assertIn("The sources are unknown: an earlier release stored this build.", page)

    def test_manyProperties(self) -> None:
        """300 properties are shown; 2 MB in one are cut; of thousands, the API has all."""
        page = self.show(build(properties={f"p{number}": number for number in range(300)}, sources={})).text
        self.assertIn(">p299<", page)
        self.assertLess(len(self.show(build(properties={"big": "x" * (2 << 20)})).body), 50_000)
        page = self.show(build(properties={f"p{number}": number for number in range(3000)})).text
        self.assertIn("The API has all 3000 properties.", page)

    def test_changes(self) -> None:
        """A build of 500 changes is shown within limits; one without changes says so."""
        changes = [
            {"number": number, "who": f"dev{number}", "comments": "x" * 5000, "files": ["a.c"] * 100}
            for number in range(500)
        ]
        page = self.show(build(sourcestamp={"changes": changes}))
        self.assertLess(len(page.body), 2_000_000)
        self.assertIn("not caused by a change", self.show(build()).text)

    def test_tests(self) -> None:
        """Results of single tests are shown, failures first, with the beginnings of their reports."""
        tests = (
            TestRecord(("a", "test_ok"), SUCCESS, ("expected failure",)),
            TestRecord(("a", "test_<b>"), FAILURE, ("failed",), {"log": "Traceback <1>", "empty": " "}),
        )
        page = self.show(build(tests=tests, moreTests=5)).text
        self.assertIn("Traceback &lt;1&gt;", page)
        self.assertLess(page.index("a.test_&lt;b&gt;"), page.index("a.test_ok"))
        self.assertIn("5 more test results", page)

    def test_statistics(self) -> None:
        """The numbers that a step has counted stand on the pages of the build and of the step."""
        record = build(steps=(step("make", statistics={"warnings": 12}),))
        self.assertIn("warnings: 12", self.show(record).text)
        self.assertIn("warnings: 12", self.show(record, "/steps/make").text)


class WholeTests(BuildingCase):
    """A build runs, ends and is read from the store."""

    def test_kept(self) -> None:
        """Sources, statistics and test results of a finished build are those of the running one."""
        self.force()
        status = self.master.botmaster.builders["full"].building[0].build_status
        status.addTestResult(TestRecord(("test_a",), FAILURE, ("failed",), {"log": "no"}))
        status.steps[0].setStatistic("tests-failed", 1)
        status.setProperty("plugin", "x")
        for command in (0, 1):
            self.commands[command].end(0)
            self.wait(2)
        page = self.ask("/builders/full/builds/0").text
        for text in ("test_a", "tests-failed: 1", ">build<"):
            self.assertIn(text, page)
        found = self.successResultOf(self.store.getBuild("full", 0))
        assert found is not None
        self.assertEqual(found.sourceOf("buildername"), "build")
        again = self.ask("/api/v1/builders/full/builds/0").json
        self.assertEqual(again["sources"]["slavename"], "build")
        self.assertEqual(again["tests"][0]["name"], ["test_a"])
        fetched = self.successResultOf(self.master.status.getBuilder("full").fetchBuild(0))
        self.assertEqual(list(fetched.getTestResults()), [("test_a",)])
        self.assertEqual(fetched.getSteps()[0].getStatistic("tests-failed"), 1)
        self.assertEqual(fetched.getProperties().getPropertySource("slavename"), "build")

    def test_expired(self) -> None:
        """A build that was deleted is told as such."""
        for _ in range(2):
            self.force()
            for _step in range(2):
                self.commands[-1].end(0)
                self.wait(2)
        self.successResultOf(self.store.prune(1))
        answer = self.ask("/builders/full/builds/0")
        self.assertEqual(answer.status, 404)
        self.assertIn("Old builds are deleted after some time.", answer.text)

    def test_renamed(self) -> None:
        """The builds of a builder that was renamed keep their pages."""
        self.force()
        for command in (0, 1):
            self.commands[command].end(0)
            self.wait(2)
        self.edit("'name': 'full'", "'name': 'other'")
        self.assertTrue(self.reconfig()["applied"])
        for below in ("", "/steps/compile", "/steps/compile/logs/stdio"):
            self.assertEqual(self.ask(f"/builders/full/builds/0{below}").status, 200, below)

    def test_lostSlave(self) -> None:
        """A build whose slave is lost says so, and its request waits again."""
        self.force()
        self.slaves[0].pump.client.loseConnection()
        self.wait(2)
        page = self.ask("/builders/full/builds/0").text
        self.assertIn("</span> retry</span>", page)

"""Builds with several codebases: their sources, changes, properties and requests."""

from __future__ import annotations

from typing import Any

from buildbot.model.change import Change
from buildbot.model.results import SKIPPED, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.base import Build
from buildbot.process.buildfactory import BuildFactory
from buildbot.process.properties import Interpolate
from buildbot.process.request import BuildRequest
from buildbot.status.report import reportBuild
from buildbot.steps.shell import ShellCommand
from buildbot.steps.source.git import Git
from buildbot.steps.transfer import JSONPropertiesDownload
from tests.unit.process.test_builds import BuildCase


def changeOf(number: int, codebase: str, who: str = "ann", **values: Any) -> Change:
    """A change with a number."""
    values = {"revision": f"r{number}", "repository": f"git://h/{codebase}", **values}
    return Change(who, [f"{codebase}.c"], "why", codebase=codebase, **values).numbered(number)


def both(*changes: Change, **lib: Any) -> SourceStamp:
    """A source of two codebases: C{app} has the changes, C{lib} these values."""
    app = SourceStamp(None if changes else "trunk", changes=changes, codebase="app")
    return SourceStamp.together([app, SourceStamp(**{"codebase": "lib", "repository": "git://h/lib", **lib})])


class BuildsTests(BuildCase):
    """Builds on a fake slave."""

    def build(self, source: SourceStamp, factory: BuildFactory) -> Any:
        """The record of a build of a source."""
        self.configure(factory)
        self.slave = self.green()
        self.submit(source)
        (build,) = self.builds()
        return build

    def submit(self, source: SourceStamp) -> None:
        """Submit a build set."""
        request = BuildRequest("because", source)
        self.botmaster.builders["full"].submitBuildRequest(request)
        self.settle()

    def test_properties(self) -> None:
        """Without one codebase, there is no property of its branch or revision; changes give theirs."""
        factory = BuildFactory()
        text = "%(src:app:branch)s %(src:app:revision)s %(src:lib:branch)s %(src:lib:repository)s"
        more = "%(src:lib:project:-none)s %(src:old:branch:-none)s <%(src::branch)s> %(src:lib:codebase)s"
        factory.addStep(ShellCommand, command=["echo", Interpolate(text), Interpolate(more)])
        change = changeOf(7, "app", branch="dev")
        change.properties.setProperty("ticket", "12", "Change")
        other = changeOf(8, "lib", "bob")
        other.properties.setProperty("size", "big", "Change")
        build = self.build(both(change, changes=[other]), factory)
        self.assertEqual(build.results, SUCCESS)
        names = {"branch", "revision", "repository", "project", "codebase"}
        self.assertEqual(names & set(build.properties), set())
        self.assertEqual([build.properties[name] for name in ("ticket", "size")], ["12", "big"])
        sent = [each.decode() for each in self.slave.commands[-1].args[b"command"]]
        self.assertEqual(sent, ["echo", "dev r7  git://h/lib", " none <> lib"])
        self.assertEqual(build.sourcestamp["beside"][0]["codebase"], "lib")
        said = reportBuild(build.toRecord())
        self.assertEqual((said["codebase"], said["changes"], said["changeCount"]), ("app", [7, 8], 2))

    def test_named(self) -> None:
        """A build with one codebase has its properties; a place with another name stays empty."""
        factory = BuildFactory()
        text = "%(src:app:branch)s %(src::branch)s <%(src:lib:branch)s>"
        factory.addStep(ShellCommand, command=["echo", Interpolate(text)])
        build = self.build(SourceStamp("dev", "1", codebase="app"), factory)
        self.assertEqual([build.properties[name] for name in ("branch", "codebase")], ["dev", "app"])
        self.assertEqual(self.slave.commands[-1].args[b"command"][1], b"dev dev <>")

    def test_unnamed(self) -> None:
        """A source without a name is that of each codebase, as in source steps."""
        factory = BuildFactory()
        factory.addStep(ShellCommand, command=["echo", Interpolate("%(src:app:branch)s %(src:lib:branch)s")])
        self.build(SourceStamp("dev"), factory)
        self.assertEqual(self.slave.commands[-1].args[b"command"][1], b"dev dev")

    def test_absent(self) -> None:
        """A source step whose codebase the build does not have is skipped, and the build goes on."""
        factory = BuildFactory()
        factory.addStep(Git("git://h/old", codebase="old", workdir="old"))
        factory.addStep(Git("git://h/any"))
        factory.addStep(ShellCommand, command=["make"])
        build = self.build(both(), factory)
        old, unnamed, make = build.steps
        self.assertEqual((old.results, unnamed.results, make.results), (SKIPPED, SKIPPED, SUCCESS))
        self.assertEqual(old.text, ("Codebase old", "not in build"))
        self.assertEqual(build.results, SUCCESS)
        read = self.botmaster.resources.logs.reader
        self.assertIn(
            "has: app, lib", read(old.logs[0].filename).text().replace("codebases of the build", "has")
        )
        self.assertIn("without a name not in build", read(unnamed.logs[0].filename).text())

    def test_merged(self) -> None:
        """Requests share a build if they are alike in each codebase; each codebase gets its changes."""
        self.configure(BuildFactory())
        for source in (
            both(changeOf(1, "app"), changes=[changeOf(2, "lib")]),
            both(changeOf(3, "app"), changes=[changeOf(4, "lib", "bob")]),
            both(changeOf(5, "app")),
        ):
            self.submit(source)
        self.green()
        first, second = self.builds()
        self.assertEqual([len(first.requests), len(second.requests)], [0, 0])
        self.assertEqual([each["number"] for each in first.sourcestamp["changes"]], [1, 3])
        self.assertEqual([each["number"] for each in first.sourcestamp["beside"][0]["changes"]], [2, 4])
        self.assertEqual(second.sourcestamp["beside"][0]["changes"], [])

    def test_learned(self) -> None:
        """A build with a patch in a further codebase teaches nothing about the duration of steps."""
        self.build(both(patch=(1, "diff")), BuildFactory())
        self.assertTrue(SourceStamp.fromRecord(self.builds()[0].sourcestamp).isPatched)
        self.assertFalse(both().isPatched)

    def test_json(self) -> None:
        """The file of the properties and the source has the sources of all codebases."""
        factory = BuildFactory()
        factory.addStep(JSONPropertiesDownload("here.json"))
        step = JSONPropertiesDownload("here.json")
        step.build = Build([BuildRequest("", both())])
        said = step.content()
        self.assertIn('"sourcestamps": [', said)
        step.build = Build([BuildRequest("", SourceStamp("b"))])
        self.assertNotIn("sourcestamps", step.content())

    def test_views(self) -> None:
        """A build and its request list the sources, changes, files and authors of all codebases."""
        source = both(changeOf(1, "app"), changes=[changeOf(2, "lib", "bob"), changeOf(3, "lib")])
        request = BuildRequest("", source)
        build = Build([request])
        app, lib = source.each()
        self.assertEqual(build.getAllSourceStamps(), [app, lib])
        self.assertEqual(build.sources, [app, lib])
        self.assertIs(build.getSourceStamp(), source)
        self.assertEqual(build.getSourceStamp("lib"), lib)
        self.assertIsNone(build.getSourceStamp(""))
        self.assertEqual(request.sources, {"app": app, "lib": lib})
        self.assertEqual([each.number for each in build.allChanges()], [1, 2, 3])
        self.assertEqual(build.allFiles(), ["app.c", "lib.c", "lib.c"])
        self.assertEqual(build.blamelist(), ["ann", "bob"])
        self.assertEqual(build.changesText().count("why"), 3)


del BuildCase

"""The directory of a build, as its factory gives it."""

from __future__ import annotations

from typing import Any

from buildbot.model.interpolate import Interpolate
from buildbot.model.results import EXCEPTION, SUCCESS
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildfactory import BuildFactory
from buildbot.steps.shell import ShellCommand
from buildbot.steps.transfer import JSONPropertiesDownload
from tests.unit.process.test_builds import BuildCase, shell


class WorkdirTests(BuildCase):
    """The workdir of a factory is that of all steps that have none of their own."""

    def workdirs(self, workdir: Any) -> list[bytes]:
        """The directories of the commands of a build of branch C{b}."""
        factory = shell("make")
        factory.addStep(JSONPropertiesDownload(slavedest="x"))
        factory.addStep(ShellCommand, command=["other"], workdir="own")
        factory.workdir = workdir
        self.configure(factory)
        slave = self.green()
        self.force(branch="b")
        slave.broker.transport.abortConnection()
        self.settle()
        return [command.args[b"workdir"] for command in slave.commands]

    def test_kinds(self) -> None:
        """It is a text, a value with properties, or a function of the source stamp."""

        def ofSource(source: SourceStamp) -> str:
            return f"of-{source.branch}"

        kinds: list[tuple[Any, bytes]] = [
            *((None, b"build"), ("src", b"src"), (ofSource, b"of-b")),
            (Interpolate("%(prop:buildername)s-%(src::branch)s"), b"full-b"),
        ]
        for workdir, expected in kinds:
            self.assertEqual(self.workdirs(workdir), [expected, expected, b"own"])
            self.assertEqual(self.builds()[-1].results, SUCCESS)

    def test_ownBuild(self) -> None:
        """0.8: one's own factory may choose the steps by the project, and give its workdir to the build."""
        one, two = shell("one"), shell("two")

        class ByProject(BuildFactory):
            def __init__(self) -> None:
                """Unlike ours."""

            @property
            def steps(self) -> Any:  # type: ignore[override]
                return [*one.steps, *two.steps]

            def newBuild(self, requests: Any) -> Any:
                build = self.buildClass(requests)
                build.useProgress = self.useProgress
                build.workdir = self.workdir
                build.setStepFactories((one if requests[0].source.project == "p1" else two).steps)
                return build

        factory: Any = ByProject
        self.configure(factory())
        slave = self.green()
        for project in ("p1", "p2"):
            self.force(project=project)
        args = [command.args for command in slave.commands]
        self.assertEqual([each[b"command"] for each in args], [[b"one"], [b"two"]])
        self.assertEqual([each[b"workdir"] for each in args], [b"build", b"build"])

    def test_fails(self) -> None:
        """A function that raises, or returns no text, makes the build an exception that says so."""
        wrong: list[tuple[Any, str]] = [
            (lambda source: 1 // 0, "integer division or modulo by zero"),
            (lambda source: None, "the workdir of the factory must be text, not None"),
            (7, "the workdir of the factory must be text, not an int"),
        ]
        for workdir, why in wrong:
            self.assertEqual(self.workdirs(workdir), [])
            build = self.builds()[-1]
            self.assertEqual((build.results, build.text), (EXCEPTION, ("exception", why)))
        self.flushLoggedErrors(ZeroDivisionError, TypeError)

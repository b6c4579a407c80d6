"""Build factories."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from twisted.trial import unittest

from buildbot.model.results import Results
from buildbot.process import step
from buildbot.process.buildfactory import (
    ArgumentsInTheWrongPlace,
    BuildFactory,
    ConfigurableBuildFactory,
    s,
)
from buildbot.process.buildstep import BuildStep
from buildbot.process.factory import (
    CPAN,
    BasicBuildFactory,
    BasicSVN,
    Distutils,
    GNUAutoconf,
    QuickBuildFactory,
    Trial,
)
from buildbot.process.stepspec import makeStep
from buildbot.steps.shell import Compile, Configure, ShellCommand, Test
from buildbot.steps.source.cvs import CVS
from buildbot.steps.source.git import Git
from buildbot.steps.source.svn import SVN
from buildbot.steps.transfer import FileUpload

SOURCE = s(ShellCommand, command=["git", "clone", "…"])


class Old(BuildStep):
    """A step like those of 0.7.5, whose first argument is its build."""

    def __init__(self, build: Any, size: int, **kwargs: Any) -> None:
        BuildStep.__init__(self, build, **kwargs)
        self.size = size


class BuildFactoryTests(unittest.TestCase):
    """BuildFactory keeps steps as classes and arguments."""

    def test_addStep(self) -> None:
        """A step is added as a class with its arguments, or as an object."""
        factory = BuildFactory()
        factory.addStep(ShellCommand, command="ls", haltOnFailure=True)
        factory.addStep(ShellCommand(command="ls", haltOnFailure=True))
        self.assertEqual(factory.steps, [(ShellCommand, {"command": "ls", "haltOnFailure": True})] * 2)

    def test_names(self) -> None:
        """A file for 0.8 reads, changes and copies the steps of a factory by the names of their parts."""
        factory: Any = BuildFactory([ShellCommand(command="ls"), Compile()])
        factory.steps[0].kwargs["command"] = "pwd"
        self.assertEqual([each.factory for each in factory.steps], [ShellCommand, Compile])
        self.assertEqual([each.args for each in factory.steps], [(), ()])
        self.assertEqual(factory.steps[0].buildStep().command, "pwd")
        copied = BuildFactory(each.buildStep() for each in factory.steps)
        self.assertEqual(copied, factory)

    def test_list(self) -> None:
        """The steps may be given as a list, in both forms; the list itself is copied."""
        given: list[Any] = [s(Old, size=1), Compile()]
        factory = BuildFactory(given)
        given.clear()
        self.assertEqual(factory.steps, [(Old, {"size": 1}), (Compile, {})])

    def test_notShared(self) -> None:
        """Two factories have separate steps."""
        one, other = BuildFactory(), BuildFactory()
        one.addStep(Compile)
        self.assertEqual((len(one.steps), other.steps), (1, []))

    def test_refused(self) -> None:
        """Something that is not a step is refused where it is added, not when the first build runs (R12)."""
        factory = BuildFactory()
        for steptype, kwargs, words in (
            (ShellCommand, {"comand": "ls"}, "ShellCommand takes no argument comand"),
            (Old, {}, "size"),
            (Compile(), {"command": "ls"}, "is a step already"),
            (dict, {}, "not of the class dict"),
            ("make", {}, "not of a str"),
            (None, {}, "not of None"),
        ):
            add: Any = factory.addStep
            with self.assertRaises(TypeError, msg=words) as caught:
                add(steptype, **kwargs)
            self.assertIn(words, str(caught.exception))
        self.assertEqual(factory.steps, [])
        wrong: Any = [ShellCommand]
        self.assertRaises(TypeError, BuildFactory, wrong)
        self.assertRaises(TypeError, s, ShellCommand, comand="ls")

    def test_wrongPlace(self) -> None:
        """0.8: arguments for a step that exists already have an error of their own."""
        factory = BuildFactory()
        self.assertRaises(ArgumentsInTheWrongPlace, factory.addStep, Compile(), command="ls")

    def test_makeStep(self) -> None:
        """A new step is made for each build; a class of 0.7.5 gets its build."""
        build = object()
        step: Any = makeStep((Old, {"size": 7}), build)
        self.assertEqual((step.build, step.size), (build, 7))
        one, other = (makeStep((ShellCommand, {"command": "ls"})) for _ in range(2))
        self.assertIsNot(one, other)
        self.assertEqual(one, other)

    def test_workdir(self) -> None:
        """A class of 0.7.5 that needs a directory gets the build's; any other class may be given one."""

        class Wanting(ShellCommand):
            def __init__(self, workdir: str, **kwargs: Any) -> None:
                ShellCommand.__init__(self, workdir, **kwargs)
                self.seen = workdir

        class Passing(ShellCommand):
            def __init__(self, **kwargs: Any) -> None:
                ShellCommand.__init__(self, **kwargs)

        factory = BuildFactory()
        factory.addStep(Wanting, command="x")
        factory.addStep(Wanting, command="x", workdir="own")
        factory.addStep(Passing, command="x")
        factory.addStep(Old, size=1, workdir="ignored")
        build = SimpleNamespace(workdir="src")
        steps: list[Any] = [makeStep(spec, build) for spec in factory.steps]
        self.assertEqual([step.seen for step in steps[:2]], ["src", "own"])
        self.assertEqual([step.workdir for step in steps[:3]], ["src", "own", "src"])
        upload: Any = makeStep((FileUpload, {"slavesrc": "a", "masterdest": "b"}), build)
        self.assertEqual(upload.workdir, "src")

    def test_equality(self) -> None:
        """Factories with equal steps are equal, and any difference makes them unequal (R5)."""

        def made(**changes: Any) -> BuildFactory:
            factory = BuildFactory([SOURCE])
            factory.addStep(ShellCommand, **{"command": "ls", **changes})
            return factory

        self.assertEqual(made(), made())
        self.assertEqual(hash(made()), hash(made()))
        self.assertNotEqual(made(), made(command="ll"))
        self.assertNotEqual(made(), BuildFactory([SOURCE]))
        other = made()
        other.useProgress = False
        self.assertNotEqual(made(), other)

    def test_repr(self) -> None:
        """The repr of a factory has the number of its steps, and none of their arguments."""
        self.assertEqual(repr(BuildFactory([SOURCE])), "<BuildFactory of 1 step>")

    def test_results(self) -> None:
        """Files written for early releases find the results in the step module."""
        self.assertEqual([getattr(step, each.upper()) for each in Results[:5]], [0, 1, 2, 3, 4])

    def test_addFactoryArguments(self) -> None:
        """A step written for 0.7.6 can be added as an object or as a class: each build makes it in the same
        way.
        """

        class Make(ShellCommand):
            def __init__(self, target: str, jobs: int = 1, **kwargs: Any) -> None:
                ShellCommand.__init__(self, command=["make", f"-j{jobs}", target], **kwargs)
                self.addFactoryArguments(target=target, jobs=jobs)

        factory = BuildFactory([Make("all", jobs=4, timeout=3)])
        factory.addStep(Make, target="check")
        made: list[Any] = [makeStep(spec) for spec in factory.steps]
        self.assertEqual([each.command for each in made], [["make", "-j4", "all"], ["make", "-j1", "check"]])
        self.assertEqual(made[0].remote_kwargs["timeout"], 3)

    def test_oldName(self) -> None:
        """The old name of the modifiable factory still exists."""
        self.assertIs(ConfigurableBuildFactory, BuildFactory)


class ReadyFactoryTests(unittest.TestCase):
    """The factories for common kinds of projects."""

    def test_autoconf(self) -> None:
        """GNU packages are configured, made and checked."""
        factory = GNUAutoconf(SOURCE, configureFlags=["--quiet"])
        self.assertEqual(
            factory.steps,
            [
                SOURCE,
                (Configure, {"command": ["./configure", "--quiet"], "env": {}}),
                (Compile, {"command": ["make", "all"]}),
                (Test, {"command": ["make", "check"]}),
            ],
        )
        short = GNUAutoconf(
            SOURCE, configure=["sh", "configure"], compile=None, test=None, configureFlags=["-q"]
        )
        self.assertEqual(short.steps[1:], [(Configure, {"command": ["sh", "configure", "-q"], "env": {}})])
        self.assertEqual(
            GNUAutoconf(SOURCE, configure=None, compile=None, test="t").steps,
            [SOURCE, (Test, {"command": "t"})],
        )

    def test_configureFlags(self) -> None:
        """0.7.5: a flag of configure is one argument, even if it has spaces."""
        for configure, command in (
            ("./configure", ["./configure", "CFLAGS=-g -O2"]),
            ("sh configure", "sh configure 'CFLAGS=-g -O2'"),
            (["sh", "configure"], ["sh", "configure", "CFLAGS=-g -O2"]),
        ):
            factory = GNUAutoconf(SOURCE, configure=configure, configureFlags=["CFLAGS=-g -O2"])
            self.assertEqual(factory.steps[1][1]["command"], command)
        self.assertEqual(GNUAutoconf(SOURCE).steps[1][1]["command"], "./configure")

    def test_perl(self) -> None:
        """Perl modules have a Makefile.PL."""
        commands = [step[1]["command"] for step in CPAN(SOURCE, perl="perl5").steps]
        self.assertEqual(commands[1:], [["perl5", "Makefile.PL"], ["make"], ["make", "test"]])

    def test_python(self) -> None:
        """Python packages are built, and tested if a test command is given."""
        commands = [step[1]["command"] for step in Distutils(SOURCE, test="tox").steps]
        self.assertEqual(commands[1:], [["python", "./setup.py", "build"], "tox"])
        self.assertEqual(len(Distutils(SOURCE).steps), 2)

    def test_trial(self) -> None:
        """0.7.5: trial is run directly unless a program is given; a subclass sets it with attributes."""

        class Mine(Trial):
            trial = "mytrial"
            recurse = True

        (_, kwargs) = Trial(SOURCE, tests=["x"]).steps[-1]
        self.assertEqual((kwargs["python"], kwargs["trial"], kwargs["recurse"]), ([], "trial", False))
        (_, kwargs) = Mine(SOURCE, tests=["x"], trialpython=["python2"], randomly=True).steps[-1]
        self.assertEqual((kwargs["python"], kwargs["trial"]), (["python2"], "mytrial"))
        self.assertEqual((kwargs["recurse"], kwargs["randomly"]), (True, True))
        (_, kwargs) = Mine(SOURCE, tests=["x"], trial="other", recurse=False).steps[-1]
        self.assertEqual((kwargs["trial"], kwargs["recurse"]), ("other", False))

    def test_source(self) -> None:
        """The source may be a step, a pair of s(), or a pair of a class and its arguments."""
        kwargs: dict[str, Any] = {"repourl": "http://x/r.git", "branch": "b"}
        for source in (Git(**kwargs), s(Git, **kwargs), (Git, kwargs)):
            for factory in (GNUAutoconf(source), CPAN(source), Distutils(source), Trial(source, tests="x")):
                self.assertEqual(factory.steps[0], (Git, kwargs))
                self.assertIsInstance(makeStep(factory.steps[0]), Git)

    def test_reconf(self) -> None:
        """0.8: GNUAutoconf makes the script configure, and checks the package, if asked to."""
        factory = GNUAutoconf(SOURCE, reconf=True, configureEnv={"A": "b"}, distcheck=["make", "distcheck"])
        found = [(cls, kwargs.get("name"), kwargs["command"]) for cls, kwargs in factory.steps[1:]]
        self.assertEqual(
            found,
            [
                (ShellCommand, "autoreconf", ["autoreconf", "-si"]),
                (Configure, None, "./configure"),
                (Compile, None, ["make", "all"]),
                (Test, None, ["make", "check"]),
                (Test, None, ["make", "distcheck"]),
            ],
        )
        self.assertEqual(factory.steps[2][1]["env"], {"A": "b"})
        self.assertEqual(GNUAutoconf(SOURCE, reconf="sh autogen.sh").steps[1][1]["command"], "sh autogen.sh")
        self.assertEqual(GNUAutoconf(SOURCE, reconf=False).steps, GNUAutoconf(SOURCE).steps)

    def test_basic(self) -> None:
        """0.7.5: the factories for CVS and Subversion make their source step."""
        tail = [(Compile, {"command": "make all"}), (Test, {"command": "make check"})]
        cvs: dict[str, Any] = {"cvsroot": ":pserver:a@b:/c", "cvsmodule": "m"}
        for factory, mode in (
            (BasicBuildFactory(**cvs), "clobber"),
            (BasicBuildFactory(**cvs, cvsCopy=True), "copy"),
            (QuickBuildFactory(**cvs), "update"),
            (QuickBuildFactory(**cvs, cvsCopy=True), "update"),
        ):
            self.assertEqual(factory.steps, [(CVS, {**cvs, "mode": mode}), *tail])
            makeStep(factory.steps[0])
        self.assertTrue(BasicBuildFactory(**cvs).useProgress)
        self.assertFalse(QuickBuildFactory(**cvs).useProgress)
        svn = BasicSVN("http://x/trunk", "./configure", {"A": "b"}, test=None)
        configure = (Configure, {"command": "./configure", "env": {"A": "b"}})
        self.assertEqual(
            svn.steps, [(SVN, {"svnurl": "http://x/trunk", "mode": "update"}), configure, tail[0]]
        )
        makeStep(svn.steps[0])

# -*- test-case-name: tests.test_factory -*-
"""Recipes for builds: a list of steps, each as a class and the arguments to make it with.

Builds are not made or run here. The ready recipes take the step that fetches the source as an argument;
those of 0.7.5 that bring one of their own (for CVS and Subversion) are not here.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from buildbot.config import secrets
from buildbot.config.arguments import BadArguments, Kind, arguments, isMisconfigured
from buildbot.config.kinds import FLAG, TEXT, orNone
from buildbot.config.words import articled, inOneLine
from buildbot.process.base import Build
from buildbot.process.buildstep import COMMON, BuildStep, StepSpec
from buildbot.process.kinds import ARGUMENTS, COMMAND, DIRECTORY, ENVIRONMENT, PROGRAM, WORDS
from buildbot.process.properties import WithProperties
from buildbot.process.stepspec import makeStep
from buildbot.steps.python_twisted import Trial as TrialStep
from buildbot.steps.shell import Compile, Configure, Test
from buildbot.util import PLUGIN_ERRORS, ComparableMixin, counted

Command = str | WithProperties | Sequence[Any]
Step = StepSpec | BuildStep


def s(steptype: type[BuildStep] | BuildStep, **kwargs: Any) -> StepSpec:
    """One step for L{BuildFactory}'s list: its class and its arguments, or a step.

    @raise TypeError: it is neither, or the class takes no such argument.
    """
    return _specOf(steptype, kwargs)


def _isPair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict)


def _areSteps(value: object) -> bool:
    isSeries = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    return isSeries and not _isPair(value)


def _stepsDetail(value: object) -> str | None:
    return "a single step stands in a list, too" if _isPair(value) or isinstance(value, BuildStep) else None


#: Flags are put behind it, which the text of properties has no room for.
_CONFIGURE = replace(
    COMMAND, fits=lambda value: not isinstance(value, WithProperties) and COMMAND.fits(value)
)
_STEPS = Kind("a list of steps", _areSteps, _stepsDetail)
_SOURCE = Kind(
    "a step, or s(StepClass, …)",
    lambda value: isinstance(value, BuildStep) or (isinstance(value, tuple) and len(value) == 2),
    standIn=(BuildStep, {}),
)


class BuildFactory(ComparableMixin):
    """I am the recipe of a builder: each build is made of my steps, in their order.

    @ivar steps: (class, arguments) pairs.
    @ivar buildClass: the class of the builds.
    """

    compare_attrs = ("buildClass", "steps", "useProgress")

    buildClass: type = Build
    useProgress = True

    @arguments(steps=orNone(_STEPS, "none yet"))
    def __init__(self, steps: Iterable[Step] | None = None) -> None:
        """
        @param steps: steps, and pairs that L{s} makes.
        @raise TypeError: one is neither, or its class takes no such arguments.
        """
        self.steps = [_spec(step) for step in steps or ()]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {counted(len(self.steps), 'step')}>"

    def newBuild(self, requests: Sequence[Any]) -> Any:
        """A build of my steps that serves these requests."""
        build = self.buildClass(requests)
        build.useProgress = self.useProgress
        build.setSteps(self.steps)
        return build

    def addStep(self, steptype: type[BuildStep] | BuildStep, **kwargs: Any) -> None:
        """Add a step at the end: a step class and its arguments, a step, or a pair that L{s} makes.

        @raise TypeError: it is neither, or the class takes no such arguments.
        """
        self.steps.append(_specOf(steptype, kwargs))

    def stepTroubles(self) -> list[str]:
        """What is wrong with my steps, however they came here; asked once all is loaded."""
        if not isinstance(self.steps, (list, tuple)):
            return [f"its factory has no list of steps, but {articled(self.steps)}"]
        reporting = secrets.current.set(None)  # what is wrong is raised, then
        try:
            return [f"step {number} {told}" for number, told in _troublesOf(self.steps)]
        finally:
            secrets.current.reset(reporting)


#: What 0.7.5 called a factory whose attributes may be changed.
ConfigurableBuildFactory = BuildFactory


class GNUAutoconf(BuildFactory):
    """I build what the GNU tools do: configure, make all, make check. A command of None: no such step."""

    @arguments(
        source=_SOURCE,
        configure=_CONFIGURE,
        configureEnv=ENVIRONMENT,
        configureFlags=ARGUMENTS,
        compile=COMMAND,
        test=COMMAND,
    )
    def __init__(
        self,
        source: Step,
        configure: str | Sequence[Any] | None = "./configure",
        configureEnv: Mapping[str, str] | None = None,
        configureFlags: Sequence[str] = (),
        compile: Command | None = ("make", "all"),
        test: Command | None = ("make", "check"),
    ) -> None:
        super().__init__([source])
        if configure:
            flags = list(configureFlags or ())
            self.addStep(Configure, command=_withFlags(configure, flags), env=dict(configureEnv or {}))
        _addCommands(self, compile, test)


class CPAN(BuildFactory):
    """I build a Perl module."""

    @arguments(source=_SOURCE, perl=PROGRAM)
    def __init__(self, source: Step, perl: str = "perl") -> None:
        super().__init__([source])
        self.addStep(Configure, command=[perl, "Makefile.PL"])
        _addCommands(self, ["make"], ["make", "test"])


class Distutils(BuildFactory):
    """I build a Python package; C{test} is the command that tests it, None for none."""

    @arguments(source=_SOURCE, python=PROGRAM, test=COMMAND)
    def __init__(self, source: Step, python: str = "python", test: Command | None = None) -> None:
        super().__init__([source])
        _addCommands(self, [python, "./setup.py", "build"], test)


class Trial(BuildFactory):
    """
    I test a Python package with Twisted's trial.

    @cvar trial: what is run; with C{randomly} and C{recurse} it stands for what the constructor is not given.
    """

    trial = "trial"
    randomly = False
    recurse = False

    @arguments(
        source=_SOURCE,
        buildpython=WORDS,
        trialpython=WORDS,
        trial=orNone(TEXT),
        testpath=DIRECTORY,
        randomly=orNone(FLAG),
        recurse=orNone(FLAG),
        tests=replace(WORDS, standIn="x"),
        useTestCaseNames=FLAG,
        env=ENVIRONMENT,
    )
    def __init__(
        self,
        source: Step,
        buildpython: Sequence[str] = ("python",),
        trialpython: Sequence[str] = (),
        trial: str | None = None,
        testpath: str = ".",
        randomly: bool | None = None,
        recurse: bool | None = None,
        tests: Any = None,
        useTestCaseNames: bool = False,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """
        @param buildpython: what runs C{setup.py build}; empty for nothing to build.
        @param trialpython: what runs trial; empty for trial itself.
        """
        super().__init__([source])
        if buildpython:
            self.addStep(Compile, command=[*_plain(buildpython), "./setup.py", "build"], env=dict(env or {}))
        self.addStep(
            TrialStep,
            python=_plain(trialpython or ()),
            trial=trial or self.trial,
            testpath=testpath,
            randomly=self.randomly if randomly is None else randomly,
            recurse=self.recurse if recurse is None else recurse,
            tests=tests,
            testChanges=useTestCaseNames,
            env=dict(env or {}),
        )


def _addCommands(factory: BuildFactory, compile: Command | None, test: Command | None) -> None:
    if compile:
        factory.addStep(Compile, command=_whole(compile))
    if test:
        factory.addStep(Test, command=_whole(test))


def _withFlags(command: Any, flags: list[Any]) -> Any:
    """A command and more arguments, each of which stays one, whatever characters it has."""
    if not isinstance(command, str):
        return [*command, *flags]
    if not flags:
        return command
    if " " in command and all(isinstance(flag, str) for flag in flags):
        return " ".join([command, *map(shlex.quote, flags)])
    return [*command.split(), *flags]


def _whole(command: Command) -> Any:
    """A command line as it is, a program and its arguments as a list of their own."""
    return command if isinstance(command, (str, WithProperties)) else list(command)


def _plain(words: Command) -> list[Any]:
    """One word or several as a list."""
    return [words] if isinstance(words, (str, WithProperties)) else list(words)


def _specOf(step: Any, kwargs: dict[str, Any]) -> StepSpec:
    """The pair for a step class and its arguments, or for a step."""
    if not isinstance(step, (BuildStep, tuple)):
        return _checked(step, kwargs)
    if kwargs:
        wrong = f"{step!r} is a step already and takes no more arguments: {', '.join(kwargs)}"
        return _refused(wrong)
    return _spec(step)


def _spec(step: Step) -> StepSpec:
    if isinstance(step, BuildStep):
        # Builds make steps of their own from the arguments: what else was done to this one is not in them.
        if isMisconfigured(step):
            return _STAND_IN
        try:
            steptype, kwargs = step.getStepFactory()
        except TypeError as error:
            return _refused(str(error))
        return _checked(steptype, kwargs)
    if _isPair(step):
        return _checked(*step)
    return _refused(f"a step is s(StepClass, …) or StepClass(…), not {articled(step)}")


def _checked(steptype: Any, kwargs: dict[str, Any]) -> StepSpec:
    """The pair, once a step could be made of it: what fails here would fail in every build."""
    if not (isinstance(steptype, type) and issubclass(steptype, BuildStep)):
        return _refused(f"a step is made of a subclass of BuildStep, not of {articled(steptype)}")
    try:
        made = makeStep((steptype, kwargs))
    except secrets.Reported:
        return _STAND_IN
    except PLUGIN_ERRORS as error:  # a plug-in's own code: what it raises is told, with what else is wrong
        if secrets.current.get() is None:
            raise
        return _refused(f"{steptype.__name__} cannot be made: {inOneLine(error)}")
    return _judged(made, (steptype, dict(kwargs)))


def _judged(made: BuildStep, spec: StepSpec) -> StepSpec:
    """The pair, unless no build could run such a step."""
    if isMisconfigured(made):
        return _STAND_IN
    trouble = _attributeTrouble(made) or made.configurationTrouble()
    return _refused(f"{type(made).__name__} {made.name!r}{trouble}") if trouble else spec


def _attributeTrouble(made: BuildStep) -> str | None:
    """What is wrong with an attribute that a class of the configuration's own has instead of an argument."""
    for name, kind in COMMON.items():
        given = getattr(type(made), name, None)
        trouble = None if isinstance(given, property) else kind.trouble(getattr(made, name, None))
        if trouble:
            return f": its attribute {name} {trouble}"
    return None


def _troublesOf(steps: Iterable[Any]) -> Iterator[tuple[int, str]]:
    """What is wrong with each step of a list, by its number."""
    for number, step in enumerate(steps, 1):
        if isinstance(step, BuildStep):
            yield number, "was put into the list as it is: use addStep"
            continue
        try:
            _spec(step)
        except PLUGIN_ERRORS as error:  # a plug-in's own code, too
            yield number, f"cannot be made: {error if isinstance(error, BadArguments) else inOneLine(error)}"


def _refused(message: str) -> StepSpec:
    """No such step can be: reported while a configuration is loaded, raised at any other time."""
    loading = secrets.current.get()
    if loading is None:
        raise BadArguments(message)
    loading.report(message)
    return _STAND_IN


#: Stands in for a step that was refused, until the whole configuration is.
_STAND_IN: StepSpec = (BuildStep, {})

# -*- test-case-name: tests.unit.process.test_buildfactory -*-
"""Factories of builds: a list of steps, each as a class and its arguments.

L{buildbot.steps.recipes} has ready-made factories.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from buildbot.config import secrets
from buildbot.config.arguments import BadArguments, Kind, arguments, isMisconfigured
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import orNone
from buildbot.config.messages import articled, inOneLine
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.config.standins import hasStandIn, isStandIn
from buildbot.process.base import Build
from buildbot.process.basestep import BuildStep, StepSpec
from buildbot.process.kinds import COMMON
from buildbot.process.request import BuildRequest
from buildbot.process.stepspec import makeStep
from buildbot.text.plural import counted

Step = StepSpec | BuildStep


class KeptStep(NamedTuple):
    """I am one step of a factory: a pair as in 0.7, whose parts have the names that they have in 0.8."""

    factory: Callable[..., BuildStep]  #: the class
    kwargs: dict[str, Any]  #: its arguments

    @property
    def args(self) -> tuple[()]:
        """The arguments without names. There are none, because each one gets its name."""
        return ()

    def buildStep(self) -> BuildStep:
        """A new step. Classes in the style of 0.7.5, which need their build, cannot make one here."""
        return self.factory(**self.kwargs)


class ArgumentsInTheWrongPlace(BadArguments):
    """More arguments were given for a finished step object: they belong into the call that makes it."""


def s(steptype: type[BuildStep] | BuildStep, **kwargs: Any) -> StepSpec:
    """A step for L{BuildFactory}'s list, from a class and its arguments, or from a step.

    @raise TypeError: it is neither, or the class does not take these arguments.
    """
    return _specOf(steptype, kwargs)


def _isPair(value: object) -> bool:
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], dict)


def _areSteps(value: object) -> bool:
    isSeries = isinstance(value, Iterable) and not isinstance(value, (str, bytes, Mapping))
    return isSeries and not _isPair(value)


def _stepsDetail(value: object) -> str | None:
    return "put a single step into a list, too" if _isPair(value) or isinstance(value, BuildStep) else None


_STEPS = Kind("a list of steps", _areSteps, _stepsDetail)


class BuildFactory(ComparableMixin):
    """I am the factory of a builder: I make builds with my steps, in their order.

    @ivar steps: (class, arguments) pairs: see L{KeptStep}.
    @ivar buildClass: the class of the builds.
    @ivar workdir: the directory of the source in the builder's directory: a text, a value with properties, or
        a function of the source stamp; None: that of the class of builds.
    """

    compare_attrs = ("buildClass", "steps", "useProgress", "workdir")

    buildClass: type = Build
    useProgress = True
    workdir: Any = None

    @arguments(steps=orNone(_STEPS, "none yet"))
    def __init__(self, steps: Iterable[Step] | None = None) -> None:
        """@param steps: steps, or pairs from L{s}.
        @raise TypeError: one is neither, or its class does not take its arguments.
        """
        own = type(self).__name__
        self.steps = [_spec(step, f"{own}: step {number}: ") for number, step in enumerate(steps or (), 1)]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {counted(len(self.steps), 'step')}>"

    def newBuild(self, requests: Sequence[BuildRequest]) -> Build:
        """Make a build with my steps for these requests."""
        build: Build = self.buildClass(requests)
        build.useProgress = self.useProgress
        if self.workdir is not None:
            build.workdir = self.workdir
        build.setSteps(self.steps)
        return build

    def addStep(self, steptype: type[BuildStep] | BuildStep, **kwargs: Any) -> None:
        """Add a step at the end: a step class and its arguments, a step, or a pair from L{s}.

        @raise TypeError: it is none of these, or the class does not take these arguments.
        """
        self.steps.append(_specOf(steptype, kwargs))

    def addSteps(self, steps: Iterable[Step]) -> None:
        """Add several steps at the end.

        @raise TypeError: one is not a step.
        """
        for step in steps:
            self.addStep(step)  # type: ignore[arg-type]  # addStep takes pairs, too

    def stepTroubles(self) -> list[str]:
        """The errors in my steps, also without L{addStep}. Called after the configuration is loaded."""
        if not isinstance(self.steps, (list, tuple)):
            return [f"its factory has no list of steps, but {articled(self.steps)}"]
        reporting = secrets.current.set(None)  # errors are raised, not collected
        try:
            return [f"step {number} {told}" for number, told in _troublesOf(self.steps)]
        finally:
            secrets.current.reset(reporting)

    def triggered(self) -> list[tuple[str, list[str], bool]]:
        """My steps that trigger schedulers: the name, the schedulers known by now, and whether it waits."""
        steps = self.steps if isinstance(self.steps, (list, tuple)) else ()
        triggering = [each for each in steps if _isPair(each) and hasattr(each[0], "triggeredSchedulers")]
        if not triggering:
            return []
        found = []
        reporting = secrets.current.set(None)
        try:
            for step in triggering:
                made: Any = makeStep(step)
                found.append((made.name, made.triggeredSchedulers(), made.waitForFinish is True))
        except PLUGIN_ERRORS:  # a plug-in's own code; stepTroubles has reported it
            pass
        finally:
            secrets.current.reset(reporting)
        return found


#: The name of 0.7.5 for a factory with changeable attributes.
ConfigurableBuildFactory = BuildFactory


def _specOf(step: object, kwargs: dict[str, Any]) -> StepSpec:
    """The pair for a step class and its arguments, or for a step."""
    if isStandIn(step):
        return _STAND_IN
    if not isinstance(step, (BuildStep, tuple)):
        return _checked(step, kwargs)
    if kwargs:
        wrong = f"{step!r} is a step already and takes no more arguments: {', '.join(kwargs)}"
        return _refused(wrong, ArgumentsInTheWrongPlace)
    return _spec(step)


def _spec(step: Step, where: str = "") -> StepSpec:
    """The pair for a step, or for a pair. C{where} begins the error if it is neither."""
    if isinstance(step, BuildStep):
        # Builds make new steps from the arguments; other changes to this step are not copied.
        if isMisconfigured(step):
            return _STAND_IN
        try:
            steptype, kwargs = step.getStepFactory()
        except TypeError as error:
            return _refused(str(error))
        return _checked(steptype, kwargs)
    if _isPair(step):
        return _checked(*step)
    return _refused(f"{where}a step is s(StepClass, …) or StepClass(…), not {articled(step)}")


def _checked(steptype: object, kwargs: dict[str, Any]) -> StepSpec:
    """The pair, after a step was made of it as a test: an error here would occur in every build."""
    if not (isinstance(steptype, type) and issubclass(steptype, BuildStep)):
        return _refused(f"a step is made of a subclass of BuildStep, not of {articled(steptype)}")
    try:
        made = makeStep((steptype, kwargs))
    except secrets.Reported:
        return _STAND_IN
    except PLUGIN_ERRORS as error:  # of a plug-in's own code: reported with the other errors
        if secrets.current.get() is None:
            raise
        return _refused(f"{steptype.__name__} cannot be made: {inOneLine(error)}")
    return _judged(made, KeptStep(steptype, dict(kwargs)))


def _judged(made: BuildStep, spec: StepSpec) -> StepSpec:
    """The pair, or the stand-in if no build could run such a step."""
    if isMisconfigured(made) or hasStandIn(spec[1]):
        return _STAND_IN
    trouble = _attributeTrouble(made) or made.configurationTrouble()
    return _refused(f"{type(made).__name__} {made.name!r}{trouble}") if trouble else spec


def _attributeTrouble(made: BuildStep) -> str | None:
    """The error in an attribute that a subclass of the configuration sets instead of an argument; or None."""
    for name, kind in COMMON.items():
        given = getattr(type(made), name, None)
        trouble = None if isinstance(given, property) else kind.trouble(getattr(made, name, None))
        if trouble:
            return f": its attribute {name} {trouble}"
    return None


def _troublesOf(steps: Iterable[Any]) -> Iterator[tuple[int, str]]:
    """Yield (number, error) for each invalid step of a list."""
    for number, step in enumerate(steps, 1):
        if isinstance(step, BuildStep):
            yield number, "was put into the list directly: use addStep"
            continue
        try:
            _spec(step)
        except PLUGIN_ERRORS as error:  # a plug-in's own code, too
            yield number, f"cannot be made: {error if isinstance(error, BadArguments) else inOneLine(error)}"


def _refused(message: str, error: type[BadArguments] = BadArguments) -> StepSpec:
    """Report an invalid step while a configuration is loaded, or raise C{error} at any other time."""
    loading = secrets.current.get()
    if loading is None:
        raise error(message)
    loading.report(message)
    return _STAND_IN


#: The placeholder for a refused step, until the whole configuration is refused.
_STAND_IN: StepSpec = KeptStep(BuildStep, {})

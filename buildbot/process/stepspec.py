# -*- test-case-name: tests.unit.process.test_buildfactory -*-
"""Specifications of steps: a class and its arguments, from which each build makes its steps."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

from buildbot.config.messages import articled
from buildbot.model.properties import isRenderable
from buildbot.process.basestep import BuildStep, StepSpec

#: The default directory of a build, relative to the builder's directory on the slave.
WORKDIR = "build"


def makeStep(spec: StepSpec, build: Any = None) -> BuildStep:
    """A new step from its class and its arguments.

    Classes in the style of 0.7.5 take the build as their first argument; later ones do not. The default
    directory is the build's.

    @raise TypeError: the class does not take these arguments.
    """
    steptype, kwargs = spec
    taken = _parameters(steptype)
    workdir = getattr(build, "workdir", WORKDIR)
    offered = {"build": build, "workdir": workdir}
    made = steptype(**{name: value for name, value in offered.items() if name in taken} | kwargs)
    if build is not None:
        _settle(made, workdir)
    return made


def workdirOf(given: Any, build: Any) -> str:
    """The directory of a build, as a factory gives it: a value with properties, or a function of the source.

    A factory without one has None, which its own C{newBuild} may give to the build.

    @raise TypeError: it is, or becomes, anything else than a text.
    """
    if given is None:
        return WORKDIR
    found = given
    if isRenderable(given):
        found = build.render(given)
    elif callable(given):
        found = given(build.source)
    if not isinstance(found, str) or not found:
        raise TypeError(f"the workdir of the factory must be text, not {articled(found)}")
    return found


def _settle(step: Any, workdir: str) -> None:
    """Set the directory of a step without one to the build's, also in its C{remote_kwargs}."""
    if getattr(step, "workdir", workdir) is None:
        step.workdir = workdir
    arguments = getattr(step, "remote_kwargs", None)
    if isinstance(arguments, dict) and arguments.get("workdir", workdir) is None:
        arguments["workdir"] = workdir


def stepFor(what: Any, build: Any) -> BuildStep:
    """Make the step for an entry of L{buildbot.process.base.Build.setSteps}.

    @param what: a (class, arguments) pair, a step to copy, or a callable that takes the build and returns a
        step.
    """
    if isinstance(what, BuildStep):
        what = what.getStepFactory()
    if isinstance(what, tuple):
        return makeStep(what, build)
    made: BuildStep = what(build)
    return made


@lru_cache(maxsize=100)  # called for each step of each build
def _parameters(steptype: Any) -> frozenset[str]:
    """The names of the arguments of a class's constructor."""
    return frozenset(inspect.signature(steptype.__init__).parameters)

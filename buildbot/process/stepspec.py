# -*- test-case-name: tests.unit.process.test_buildfactory -*-
"""Steps that are still to be made: a class and its arguments, and the step that comes of them for a build."""

from __future__ import annotations

import inspect
from functools import lru_cache
from typing import Any

from buildbot.process.buildstep import BuildStep, StepSpec

#: Where a build without a directory of its own works, below the builder's directory on the slave.
WORKDIR = "build"


def makeStep(spec: StepSpec, build: Any = None) -> BuildStep:
    """A new step from its class and its arguments.

    Classes in the manner of 0.7.5 take the build as their first argument, later ones do not. A directory that
    is not given is the build's.

    @raise TypeError: the class takes no such arguments.
    """
    steptype, kwargs = spec
    taken = _parameters(steptype)
    workdir = getattr(build, "workdir", WORKDIR)
    offered = {"build": build, "workdir": workdir}
    made = steptype(**{name: value for name, value in offered.items() if name in taken} | kwargs)
    if build is not None:
        _settle(made, workdir)
    return made


def _settle(step: Any, workdir: str) -> None:
    """Let a step that was given no directory work in the build's, also if it sends its arguments itself."""
    if getattr(step, "workdir", workdir) is None:
        step.workdir = workdir
    arguments = getattr(step, "remote_kwargs", None)
    if isinstance(arguments, dict) and arguments.get("workdir", workdir) is None:
        arguments["workdir"] = workdir


def stepFor(what: Any, build: Any) -> BuildStep:
    """
    The step of a build that an entry of L{buildbot.process.base.Build.setSteps} stands for.

    @param what: a (class, arguments) pair, a step to make another one like, or a callable that makes a step,
        given the build.
    """
    if isinstance(what, BuildStep):
        what = what.getStepFactory()
    if isinstance(what, tuple):
        return makeStep(what, build)
    made: BuildStep = what(build)
    return made


@lru_cache(maxsize=100)  # for every build asks; more classes than that only cost time
def _parameters(steptype: Any) -> frozenset[str]:
    """The names of its constructor's arguments."""
    return frozenset(inspect.signature(steptype.__init__).parameters)

# -*- test-case-name: tests.unit.process.test_conditions -*-
"""The conditions of a step: C{doStepIf} decides whether it runs, C{hideStepIf} whether pages hide it.

L{buildbot.process.basestep} asks the first one, L{buildbot.process.hiding} the second one.
"""

from __future__ import annotations

import inspect
from typing import Any, Protocol

from twisted.python.failure import Failure

from buildbot.config.messages import inOneLine
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.properties import isRenderable


class ConditionFailed(Exception):
    """A condition raised an exception.

    @ivar condition: the argument of the step that has the condition.
    @ivar why: the exception.
    """

    def __init__(self, condition: str, error: BaseException) -> None:
        super().__init__(f"{condition} of this step raised {inOneLine(error)}")
        self.condition = condition
        self.why = Failure(error)


class RenderingBuild(Protocol):
    """The part of a build that conditions use."""

    def render(self, value: object) -> Any:
        """The value, with the properties of the build put into it."""


class AskedStep(Protocol):
    """A step with conditions: a L{buildbot.process.basestep.BuildStep}."""

    doStepIf: Any
    hideStepIf: Any

    @property
    def build(self) -> RenderingBuild: ...


async def isWanted(step: AskedStep) -> bool:
    """True if the step is to run. Raises L{ConditionFailed}."""
    return await _answer(step, "doStepIf", step)


async def isHidden(step: AskedStep, results: int) -> bool:
    """True if pages are to hide the step, after it ended with C{results}. Raises L{ConditionFailed}."""
    return await _answer(step, "hideStepIf", results, step)


async def _answer(step: AskedStep, name: str, *args: object) -> bool:
    """The value of a condition: a given value, a property, or the (awaited) result of a function."""
    try:
        said: Any = getattr(step, name)
        if isRenderable(said):
            said = step.build.render(said)
        elif callable(said):
            said = said(*args)
        return bool(await said if inspect.isawaitable(said) else said)
    except PLUGIN_ERRORS as error:
        raise ConditionFailed(name, error) from None

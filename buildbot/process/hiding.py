# -*- test-case-name: tests.unit.process.test_conditions -*-
"""Hide ended steps from pages, as C{hideStepIf} says. The store keeps them nevertheless."""

from __future__ import annotations

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.results import EXCEPTION
from buildbot.process.basestep import BuildStep
from buildbot.process.conditions import isHidden
from buildbot.process.stepexception import LosableBuild, showException
from buildbot.process.waits import Over, Waits


async def hide(step: BuildStep, build: LosableBuild, waits: Waits, results: int) -> int:
    """Ask C{hideStepIf} of an ended step, and note the answer in the step's status.

    A step stays visible if its build is stopped meanwhile.

    @param waits: the waits of the build.
    @param results: the result of the step.
    @return: the result of the step; EXCEPTION if the condition raises.
    """
    try:
        step.step_status.hidden = await waits.result(ensureDeferred(isHidden(step, results)))
    except Over:
        pass
    except PLUGIN_ERRORS:
        showException(step, build, Failure())
        return EXCEPTION
    return results

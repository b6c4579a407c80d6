# -*- test-case-name: tests.unit.process.test_builds -*-
"""Show an exception of a step to people: in the step's words, in a log of its own, and in twistd.log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from twisted.internet.error import ConnectionLost
from twisted.logger import Logger
from twisted.spread import pb

from buildbot.interfaces import BuildSlaveTooOldError
from buildbot.model.properties import NoProperty
from buildbot.process.basestep import BuildStep
from buildbot.process.conditions import ConditionFailed
from buildbot.process.masterpath import UnsafePath
from buildbot.process.remotecommand import CommandNotStarted, SlaveSaid
from buildbot.wire.banana import LimitExceeded
from buildbot.wire.budget import BudgetExceeded

if TYPE_CHECKING:
    from twisted.python.failure import Failure

log = Logger()

#: Exceptions of a step that are explained by their message, without a traceback.
_NO_MISTAKE_OF_OURS = (
    *(pb.RemoteError, SlaveSaid, CommandNotStarted, BuildSlaveTooOldError, NoProperty),
    *(BudgetExceeded, UnsafePath, LimitExceeded),
)


class LosableBuild(Protocol):
    """The part of a build that this module uses."""

    @property
    def lost(self) -> bool:
        """True if the slave was lost before the build was stopped."""


def showException(step: BuildStep, build: LosableBuild, why: Failure) -> None:
    """Write the exception of a step to a log of the step, and set the words of its status."""
    if why.check(ConnectionLost) or build.lost:
        step.step_status.setText([step.name, "slave", "lost"])
        return
    words = [step.name, "exception"]
    if isinstance(why.value, ConditionFailed):
        failed = why.value
        words += ["in", failed.condition]
        log.warn("step {step} of {build!r}: {said}", step=step.name, build=build, said=str(failed)[:200])
        step.addCompleteLog("err.text", f"{failed}\n\n{failed.why.getTraceback()}")
    elif why.check(*_NO_MISTAKE_OF_OURS):
        said = why.getErrorMessage()  # not a bug, so a traceback is of no use
        log.info("step {step} of {build!r} failed: {said}", step=step.name, build=build, said=said[:200])
        step.addCompleteLog("err.text", said + "\n")
    else:
        log.failure("step {step!r} of {build!r} raised an exception", why, step=step, build=build)
        step.addCompleteLog("err.text", why.getTraceback())
    step.step_status.setColor("purple")
    step.step_status.setText(words)
    step.step_status.setText2([step.name])

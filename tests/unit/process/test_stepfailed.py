"""Steps that end as a failure with an exception, as those of 0.8 may."""

from __future__ import annotations

from buildbot.model.results import FAILURE
from buildbot.process.buildstep import BuildStep, BuildStepFailed
from tests.stepping import StepCase


class Starting(BuildStep):
    """I fail in start."""

    flunkOnFailure = True

    def start(self) -> None:
        """See L{BuildStep}."""
        raise BuildStepFailed()


class Running(BuildStep):
    """I fail in run."""

    flunkOnFailure = True

    async def run(self) -> int:
        """See L{BuildStep}."""
        raise BuildStepFailed()


class BuildStepFailedTests(StepCase):
    """BuildStepFailed."""

    def test_failure(self) -> None:
        """0.8: a step that raises BuildStepFailed is a failure, and no exception."""
        for step in (Starting(), Running()):
            running = self.begin(step)
            self.assertEqual((running.result, running.build.results), (FAILURE, FAILURE))
            self.assertEqual(running.step.getText(), ["generic", "failed"])

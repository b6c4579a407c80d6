"""Steps as the configuration knows them."""

from __future__ import annotations

from typing import Any

from twisted.trial import unittest

from buildbot.process.buildstep import BuildStep, LoggingBuildStep


class Own(BuildStep):
    """A step of somebody's, in the manner of 0.7.5."""

    name = "own"
    flunkOnFailure = True

    def __init__(self, build: Any, size: int, colour: str = "red", **kwargs: Any) -> None:
        BuildStep.__init__(self, build, **kwargs)
        self.size = size
        self.colour = colour


class BuildStepTests(unittest.TestCase):
    """A step holds its arguments."""

    def test_defaults(self) -> None:
        """A step without arguments has the flags of its class."""
        step = Own(None, 1)
        self.assertEqual(
            (step.name, step.flunkOnFailure, step.haltOnFailure, step.locks), ("own", True, False, [])
        )

    def test_parameters(self) -> None:
        """Every step takes a name, locks and the flags that say what its failure means."""
        for parm in BuildStep.parms:
            self.assertEqual(getattr(BuildStep(**{parm: "given"}), parm), "given")

    def test_unknown(self) -> None:
        """A keyword that no one knows is refused by its name."""
        with self.assertRaises(TypeError) as caught:
            Own(None, 1, haltOnFailrue=True, zeal=1)
        self.assertEqual(str(caught.exception), "Own takes no argument haltOnFailrue, zeal")

    def test_equality(self) -> None:
        """Steps of one class with the same arguments are equal, however these were given."""
        self.assertEqual(Own(None, 1, "blue"), Own(build=object(), colour="blue", size=1))
        self.assertEqual(hash(Own(None, 1)), hash(Own(None, 1)))
        for other in (Own(None, 2), Own(None, 1, name="x"), BuildStep(), None):
            self.assertNotEqual(Own(None, 1), other)

    def test_stepFactory(self) -> None:
        """A step says how another one like it is made."""
        step = Own(None, 1, "blue", haltOnFailure=True)
        steptype, arguments = step.getStepFactory()
        self.assertEqual((steptype, arguments), (Own, {"size": 1, "colour": "blue", "haltOnFailure": True}))
        arguments["size"] = 7
        self.assertEqual(step.getStepFactory()[1]["size"], 1)

    def test_logfiles(self) -> None:
        """A step's log files are added to those of its class, which stay as they are."""

        class Trial(LoggingBuildStep):
            logfiles = {"test.log": "_trial_temp/test.log"}

        step = Trial(logfiles={"more": "more.log"}, progressMetrics=("lines",))
        self.assertEqual(step.logfiles, {"test.log": "_trial_temp/test.log", "more": "more.log"})
        self.assertEqual(
            (Trial.logfiles, step.progressMetrics), ({"test.log": "_trial_temp/test.log"}, ("lines",))
        )

    def test_repr(self) -> None:
        """A step shows its name and not its arguments, which may hold a password (S2)."""
        self.assertEqual(repr(Own(None, 1, "secret")), "<Own 'own'>")

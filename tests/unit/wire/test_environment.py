"""Variables of the environment in a slave's info."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial import unittest

from buildbot.wire.environment import LONGEST_ENVIRONMENT, LONGEST_VALUE, environmentOf, variablesOf
from tests.fakes import KINDS, Trouble
from tests.slaveport import SlavePortCase


class VariablesTests(unittest.SynchronousTestCase):
    """The wanted variables are read from any answer."""

    def test_read(self) -> None:
        """Both dialects are read; what is not set, or empty, is left out."""
        python2 = {b"environ": {b"HOME": b"/h", b"EMPTY": b"", b"X": b"x"}, b"system": b"posix"}
        python3 = {"environ": {"HOME": "/h", "EMPTY": "", "X": "x"}}
        for info in (python2, python3):
            self.assertEqual(variablesOf(info, ["HOME", "EMPTY", "NO", "home"]), {"HOME": "/h"})

    def test_windows(self) -> None:
        """On Windows, upper and lower case do not matter; the property has the name of the configuration."""
        info = {"environ": {"Path": "C:\\x"}, "system": "nt"}
        self.assertEqual(variablesOf(info, ["PATH", "path"]), {"PATH": "C:\\x", "path": "C:\\x"})

    def test_notTold(self) -> None:
        """A slave of 0.7 tells no environment."""
        answers: list[Any] = [None, {}, {"admin": "me"}, {"environ": 3}, [("environ", {})]]
        for info in answers:
            self.assertIsNone(variablesOf(info, ["HOME"]))

    def test_nonsense(self) -> None:
        """H7: values of another type, or of any length, are left out."""
        environ = {"A": 3, "B": "x" * (LONGEST_VALUE + 1), 7: "x", "C": None, "D": [1], ("E",): "x", "F": "f"}
        self.assertEqual(variablesOf({"environ": environ}, list("ABCDEF")), {"F": "f"})


class EnvironmentTests(unittest.SynchronousTestCase):
    """The whole environment is read from any answer."""

    def test_read(self) -> None:
        """Both dialects are read; an empty value stays, because the variable is set."""
        for info in ({b"environ": {b"HOME": b"/h", b"E": b""}}, {"environ": {"HOME": "/h", "E": ""}}):
            self.assertEqual(environmentOf(info), {"HOME": "/h", "E": ""})
        for wrong in (None, {}, {"admin": "me"}, {"environ": 3}):
            self.assertEqual(environmentOf(wrong), {})

    def test_limit(self) -> None:
        """H7: of a very long environment, the first part is kept."""
        environ = {"A": "a", "B": "x" * LONGEST_ENVIRONMENT, "C": "c"}
        self.assertEqual(environmentOf({"environ": environ}), {"A": "a"})


class PeerTests(SlavePortCase):
    """Each generation is asked in its own words."""

    def test_asked(self) -> None:
        """Slaves with info tell their environment; an error of an old one is no answer."""
        for kind in KINDS:
            slave = self.connect(kind, info={"environ": {"HOME": "/h"}})
            answer: Deferred[Any] = self.bot.peer.variables(["HOME"])
            self.settle()
            self.assertEqual(self.successResultOf(answer), {"HOME": "/h"}, kind)
            slave.trouble.update(dict.fromkeys(("getSlaveInfo", "getWorkerInfo"), Trouble("broken")))
            answer = self.bot.peer.variables(["HOME"])
            self.settle()
            self.assertIsNone(self.successResultOf(answer))
            slave.broker.transport.abortConnection()
            self.settle()

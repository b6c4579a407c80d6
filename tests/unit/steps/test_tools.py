"""Steps for single programs: CMake and robocopy."""

from __future__ import annotations

from typing import Any

from buildbot.model.properties import WithProperties
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.steps.cmake import CMake
from buildbot.steps.mswin import Robocopy
from tests.stepping import StepCase

NAME = WithProperties("%(buildername)s")


class CMakeTests(StepCase):
    """CMake."""

    def test_command(self) -> None:
        """The arguments become those of cmake, with properties in them."""
        full: dict[str, Any] = {
            **{
                "path": NAME,
                "generator": "Ninja",
                "options": ["--fresh", WithProperties("of-%(buildername)s")],
                "cmake": "/p/cmake",
            },
            "definitions": {"A": "b c", "N": 3, "P": NAME},
        }
        for kwargs, command in (
            ({}, ["cmake"]),
            ({"path": "../src"}, ["cmake", "../src"]),
            (
                full,
                ["/p/cmake", "-G", "Ninja", "-DA=b c", "-DN=3", "-DP=full", "--fresh", "of-full", "full"],
            ),
        ):
            running = self.begin(CMake(**kwargs))
            self.assertEqual(running.command.args["command"], command)
        running.command.end(0)
        self.assertEqual((running.result, running.step.getText()), (SUCCESS, ["cmake"]))


class RobocopyTests(StepCase):
    """Robocopy."""

    def test_command(self) -> None:
        """0.8: the arguments become options of robocopy."""
        for kwargs, options in (
            ({}, ""),
            ({"recursive": True, "mirror": True}, " /E /MIR"),
            ({"move": True}, " /MOVE"),
            (
                {
                    **{"files": ["*.a", "b"], "exclude_files": ["f"], "exclude": ["x"], "verbose": True},
                    **{"exclude_dirs": ["d", "e"], "custom_opts": ["/R:3"]},
                },
                " *.a b /XF x f /XD d e /V /TS /FP /R:3",
            ),
        ):
            running = self.begin(Robocopy("D:\\s", "E:\\d", **kwargs))
            command = f"robocopy D:\\s E:\\d{options} /TEE /NP"
            self.assertEqual(running.command.args["command"], command.split())

    def test_status(self) -> None:
        """0.8: the bits of the exit status say whether files were copied, odd or failed."""
        for statuses, result in (
            ((0, 1), SUCCESS),
            ((2, 3, 4, 5, 6, 7), WARNINGS),
            ((8, 9, 12, 16, 17, 31, 32, 255, -1), FAILURE),
        ):
            for rc in statuses:
                running = self.begin(Robocopy("a", "b"))
                running.command.end(rc)
                self.assertEqual(running.result, result, rc)

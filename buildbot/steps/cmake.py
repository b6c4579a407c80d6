# -*- test-case-name: tests.unit.steps.test_tools -*-
"""The step that configures a project with CMake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from buildbot.config.arguments import Kind, arguments
from buildbot.config.kinds import orNone, textDetail
from buildbot.process.kinds import ARGUMENTS, DIRECTORY, isFilledIn
from buildbot.steps.composed import ComposedCommand

DEFAULT_CMAKE = "cmake"

_TEXT = Kind("text", lambda value: isFilledIn(value) and value != "", textDetail)
_DEFINITIONS = Kind(
    "a dict of names, each with a text or a number for its value",
    lambda value: (
        isinstance(value, Mapping)
        and all(map(isFilledIn, value))
        and all(isinstance(each, (int, float)) or isFilledIn(each) for each in value.values())
    ),
)


class CMake(ComposedCommand):
    """I run CMake, which writes the makefiles of a project."""

    name = "cmake"
    description = ["running", "cmake"]
    descriptionDone = ["cmake"]
    haltOnFailure = True

    @arguments(
        path=DIRECTORY,
        generator=orNone(_TEXT, "that of the system"),
        definitions=orNone(_DEFINITIONS),
        options=ARGUMENTS,
        cmake=_TEXT,
    )
    def __init__(
        self,
        path: object = None,
        generator: object = None,
        definitions: Mapping[Any, Any] | None = None,
        options: Sequence[Any] | None = None,
        cmake: object = DEFAULT_CMAKE,
        **kwargs: Any,
    ) -> None:
        """@param path: the directory of C{CMakeLists.txt}.
        @param generator: what is written, such as C{"Ninja"}.
        @param definitions: variables of CMake: each becomes C{-DNAME=VALUE}.
        @param options: further arguments.
        @param cmake: the program.
        """
        super().__init__(**kwargs)
        self.path = path
        self.generator = generator
        self.definitions = dict(definitions or {})
        self.options = list(options or ())
        self.cmake = cmake

    def commandLine(self) -> list[Any]:
        """See L{ComposedCommand}."""
        command = [self.cmake]
        if self.generator:
            command += ["-G", self.generator]
        command += [f"-D{name}={value}" for name, value in self.build.render(self.definitions).items()]
        return [*command, *self.options, *([self.path] if self.path else [])]

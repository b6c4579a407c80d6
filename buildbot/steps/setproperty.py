# -*- test-case-name: tests.unit.steps.test_steps -*-
"""Steps that set properties from the output of a command."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import FLAG, orNone
from buildbot.model.properties import WithProperties as WithProperties  # where 0.7.5 had it
from buildbot.model.results import FAILURE, SUCCESS, WARNINGS
from buildbot.process.kinds import PROPERTY
from buildbot.process.remotecommand import LoggedRemoteCommand
from buildbot.steps.command import ShellCommand
from buildbot.steps.outputs import LONGEST_PROPERTY as LONGEST_PROPERTY
from buildbot.steps.outputs import Extract, OutputTooLong, extracted, outputOf, valueOf


class TreeSize(ShellCommand):
    """I measure the size of the build's directory and set the property C{tree-size-KiB}.

    @ivar kb: the size in KiB, once it is known.
    """

    name = "treesize"
    command = ["du", "-s", "-k", "."]
    kb: int | None = None

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """See L{LoggingBuildStep}."""
        return self.inSlices(self._measure(cmd))

    def _measure(self, cmd: LoggedRemoteCommand) -> Iterator[None]:
        output = yield from outputOf(cmd, 1024)
        found = re.match(r"\s*(\d{1,18})\b", output)
        if found:
            self.kb = int(found[1])
            self.setProperty("tree-size-KiB", self.kb)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{LoggingBuildStep}; a size that cannot be read is a warning."""
        if cmd.rc != 0:
            return FAILURE
        return WARNINGS if self.kb is None else SUCCESS

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The size in words."""
        return ["treesize", "unknown" if self.kb is None else f"{self.kb} kb"]


_PROPERTY = replace(PROPERTY, fits=lambda value: value is None or PROPERTY.fits(value))
_EXTRACTOR = Kind("a function of an exit status, an output and an error output", callable)


class SetProperty(ShellCommand):
    """I set a property to the standard output of my command, if the command succeeds.

    With C{extract_fn}, I set the properties that this function finds in the output.

    If the output exceeds L{LONGEST_PROPERTY} bytes, I fail, and a log gives the reason.
    """

    name = "setproperty"
    _changed: Sequence[str] = ()
    _isTooLong = False

    @arguments(property=_PROPERTY, strip=FLAG, extract_fn=orNone(_EXTRACTOR))
    def __init__(
        self,
        property: object = None,
        strip: bool = True,
        extract_fn: Extract | None = None,
        **kwargs: Any,
    ) -> None:
        """@param property: the name of the property.
        @param strip: whether to remove white space around the value.
        @param extract_fn: called with the exit status, the standard output and the error output; returns a
            dictionary of properties. It is also called if the command fails.
        """
        super().__init__(**kwargs)
        if property is None and extract_fn is None:
            complain(self, "lacks its argument property, or extract_fn", "property")
        elif property is not None and extract_fn is not None:
            complain(self, "takes property or extract_fn, not both")
        if not kwargs.get("want_stdout", True):
            why = ": want_stdout must be left on: the command's standard output becomes the property"
            complain(self, why, "want_stdout", kwargs["want_stdout"])
        self.property = property
        self.strip = strip
        self.extract_fn = extract_fn

    def commandComplete(self, cmd: LoggedRemoteCommand) -> Any:
        """See L{LoggingBuildStep}."""
        if self.extract_fn is not None:
            return self.inSlices(self._set(extracted(cmd, self.extract_fn)))
        if cmd.rc != 0:
            return None
        return self.inSlices(self._set(valueOf(cmd, self.build.render(self.property), self.strip)))

    def _set(self, finding: Generator[None, None, Mapping[str, Any]]) -> Iterator[None]:
        """Set the properties that are found in the output."""
        try:
            found = yield from finding
        except OutputTooLong as error:
            self._isTooLong = True
            self.addCompleteLog("property", f"{error}\n")
            return
        for name, value in found.items():
            self.setProperty(name, value)
        self._changed = list(found)

    def evaluateCommand(self, cmd: LoggedRemoteCommand) -> int:
        """See L{LoggingBuildStep}."""
        return FAILURE if self._isTooLong else super().evaluateCommand(cmd)

    def getText(self, cmd: LoggedRemoteCommand, results: int) -> list[str]:
        """The result in words: the property is set or not."""
        if len(self._changed) == 1:
            return [f"property '{self._changed[0]}' set"]
        if self._changed:
            return [f"{len(self._changed)} properties set"]
        return super().getText(cmd, results)


class SetPropertyFromCommand(SetProperty):
    """I am L{SetProperty}, under its name of 0.8.8 and later."""

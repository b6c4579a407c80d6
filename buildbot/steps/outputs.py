# -*- test-case-name: tests.unit.steps.test_steps -*-
"""Read the output of finished commands: as text, as one property, or as the properties that a function finds.

All functions are generators, for L{buildbot.process.loggingstep.LoggingBuildStep.inSlices}.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

from buildbot.interfaces import LOG_CHANNEL_STDERR, LOG_CHANNEL_STDOUT
from buildbot.process.remotecommand import LoggedRemoteCommand

#: The most bytes of a property that is set from a command's output.
LONGEST_PROPERTY = 64 * 1024

#: A function of an exit status, an output and an error output, which returns properties.
Extract = Callable[[int, str, str], Mapping[str, Any]]


class OutputTooLong(Exception):
    """A command has written more than L{LONGEST_PROPERTY} bytes. Caught by the step that reads it."""


def outputOf(
    cmd: LoggedRemoteCommand, most: int, wanted: int = LOG_CHANNEL_STDOUT
) -> Generator[None, None, str]:
    """The first C{most} bytes of one output of a finished command, decoded."""
    found = b""
    for channel, data in cmd.logs["stdio"].getByteChunks():
        if channel == wanted:
            found += data[: most - len(found)]
            if len(found) == most:
                break
        yield
    return found.decode("utf-8", "replace")


def valueOf(cmd: LoggedRemoteCommand, name: str, strip: bool) -> Generator[None, None, Mapping[str, Any]]:
    """The standard output as the value of a property. Raises L{OutputTooLong}.

    @param strip: whether to remove the white space around it.
    """
    value = yield from _short(cmd, LOG_CHANNEL_STDOUT, f"property {name!r} is not set")
    return {name: value.strip() if strip else value}


def extracted(cmd: LoggedRemoteCommand, extract: Extract) -> Generator[None, None, Mapping[str, Any]]:
    """The properties that a function of the configuration finds in the output. Raises L{OutputTooLong}."""
    output = yield from _short(cmd, LOG_CHANNEL_STDOUT, "no property is set")
    errors = yield from _short(cmd, LOG_CHANNEL_STDERR, "no property is set")
    found = extract(cmd.rc if cmd.rc is not None else -1, output, errors)
    if not isinstance(found, Mapping):
        raise TypeError(f"extract_fn must return a dictionary, not {type(found).__name__}")
    return found


def _short(cmd: LoggedRemoteCommand, channel: int, otherwise: str) -> Generator[None, None, str]:
    output = yield from outputOf(cmd, LONGEST_PROPERTY + 1, channel)
    if len(output.encode("utf-8", "surrogatepass")) > LONGEST_PROPERTY:
        raise OutputTooLong(f"the command wrote more than {LONGEST_PROPERTY} bytes: {otherwise}")
    return output

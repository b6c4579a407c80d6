# -*- test-case-name: tests.unit.config.test_explain -*-
"""Explain an exception from a master.cfg to its author, with the line of the file.

This module makes no traceback: the calls inside libraries do not help the author.
"""

from __future__ import annotations

import builtins
import re
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import NamedTuple

from buildbot.config.absent import sentenceOf
from buildbot.config.messages import inOneLine, nearest
from buildbot.config.model import ConfigError
from buildbot.config.pluginerrors import pluginErrors
from buildbot.config.python2 import ofBytes, ofList, ofName, ofSyntax

#: The most characters of a message: an exception may hold a text of any length.
LONGEST = 500

#: The configuration keys with a list as value.
_LISTS = ("bots", "builders", "schedulers", "sources", "status")


class Location(NamedTuple):
    """A line of the configuration: the file name for people, and the line number from 1."""

    filename: str | None
    line: int | None


def explain(error: BaseException, files: Mapping[str, str]) -> ConfigError:
    """Turn an exception into one sentence and the deepest line of the configuration in its calls.

    @param files: the configuration's files: path as compiled -> name for people.
    """
    frame, place = _deepest(error, files)
    if isinstance(error, SyntaxError):
        if error.filename is not None and error.filename in files:
            place = Location(files[error.filename], error.lineno)
        return ConfigError(
            _shortened(f"{type(error).__name__}: {error.msg}{ofSyntax(error.msg, error.text)}"), *place
        )
    return ConfigError(_shortened(_sentence(error, frame)), *place)


def locationOf(error: BaseException, files: Mapping[str, str]) -> Location:
    """The deepest line of the configuration in an exception's calls."""
    return _deepest(error, files)[1]


def runningLine(files: Mapping[str, str], isPassed: Callable[[FrameType], bool] | None = None) -> Location:
    """The deepest line of the configuration in the current calls.

    @param isPassed: returns True for a frame to skip, in favour of its caller.
    """
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_filename in files and not (isPassed and isPassed(frame)):
            return Location(files[frame.f_code.co_filename], frame.f_lineno)
        frame = frame.f_back
    return Location(None, None)


def _deepest(error: BaseException, files: Mapping[str, str]) -> tuple[FrameType | None, Location]:
    frame, place = None, Location(None, None)
    step = error.__traceback__
    while step is not None:
        filename = step.tb_frame.f_code.co_filename
        if filename in files:
            frame, place = step.tb_frame, Location(files[filename], step.tb_lineno)
        step = step.tb_next
    return frame, place


def _sentence(error: BaseException, frame: FrameType | None) -> str:
    if isinstance(error, SystemExit):
        given = "" if error.code is None else repr(error.code)
        return f"SystemExit: sys.exit({given}) was called; a configuration must run to its end"
    if isinstance(error, KeyboardInterrupt):
        return "KeyboardInterrupt: the configuration was interrupted; it must run to its end"
    said = inOneLine(error)
    if isinstance(error, ImportError) and error.path:
        said = said.removesuffix(f" ({error.path})")  # the path of an installed module does not help
    return f"{said}{_hint(error, frame)}"


def _hint(error: BaseException, frame: FrameType | None) -> str:
    """A hint about the likely intention, or empty text."""
    if isinstance(error, (NameError, AttributeError, ModuleNotFoundError)):
        ofOld = ofName(error.name, getattr(getattr(error, "obj", None), "__name__", ""))
        if ofOld:
            return ofOld
    if isinstance(error, (TypeError, AttributeError)):
        ofOld = ofList(str(error)) or ofBytes(str(error))
        if ofOld:
            return ofOld
    if isinstance(error, NameError) and frame is not None and isinstance(error.name, str):
        return nearest(error.name, {**vars(builtins), **frame.f_globals, **frame.f_locals})
    if isinstance(error, AttributeError) and isinstance(error.name, str):
        ofModule = re.match(r"module '([\w.]+)' has no attribute", str(error))
        like = nearest(error.name, _public(error.obj))
        return like or (_ofAbsent(f"{ofModule[1]}.{error.name}") if ofModule else "")
    if isinstance(error, KeyError) and error.args and error.args[0] in _LISTS:
        return f": there is no c[{error.args[0]!r}] yet; begin with c[{error.args[0]!r}] = []"
    if not isinstance(error, ImportError) or error.name is None:
        return ""
    if isinstance(error, ModuleNotFoundError):
        return _ofAbsent(error.name)
    missing = re.match(r"cannot import name '([^']*)'", str(error))
    if missing is None or error.name not in sys.modules:
        return ""
    like = ofName(missing[1]) or nearest(missing[1], _public(sys.modules[error.name]))
    return like or _ofAbsent(f"{error.name}.{missing[1]}")


def _ofAbsent(name: str) -> str:
    sentence = sentenceOf(name)
    return f" (not in this release: {sentence})" if sentence else ""


def _public(thing: object) -> list[str]:
    try:
        return [name for name in dir(thing) if not name.startswith("_")]
    except pluginErrors():  # the object's __dir__ is broken
        return []


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"

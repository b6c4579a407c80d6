# -*- test-case-name: tests.unit.config.test_load -*-
"""Turn the text of a master.cfg into a configuration, or report all its errors.

This module opens no port, starts nothing and reads only the files that the text imports. The text itself may
do anything: L{buildbot.reconfig.childload} runs it in a child process first.
"""

from __future__ import annotations

import io
import os
import re
import tokenize
from collections.abc import Mapping
from dataclasses import replace
from types import CodeType
from typing import NamedTuple

from buildbot.config import check, secrets
from buildbot.config.explain import explain, locationOf, runningLine
from buildbot.config.later import translated
from buildbot.config.locations import Locations
from buildbot.config.messages import Report, articled, nearest
from buildbot.config.model import ConfigError, ConfigErrors, MasterConfig
from buildbot.config.modules import FreshModules

#: The C{__name__} of the code in master.cfg, and so the module of its classes.
MODULE = "master.cfg"


def load(text: str, filename: str, basedir: str) -> MasterConfig:
    """Run the text and return its configuration with its warnings.

    The text runs in a namespace with C{__file__} and C{basedir}. Modules below C{basedir} are loaded again
    each time. Works in any thread, but only in one thread at a time.

    @param filename: the path of the file, absolute or relative to C{basedir}.
    @raise ConfigErrors: all errors, each with its file and, if known, its line. Every exception of the text
        is converted to this one, also C{SystemExit} and C{KeyboardInterrupt}.
    """
    here = locate(filename, basedir)
    with FreshModules(here.basedir) as modules:
        modules.files[here.path] = here.shown
        loading = secrets.Loading(here.basedir, lambda isPassed: runningLine(modules.files, isPassed))
        token = secrets.current.set(loading)
        try:
            outcome = _outcome(text.removeprefix("\ufeff"), here.path, modules, loading)
        finally:
            secrets.current.reset(token)
    if isinstance(outcome, ConfigErrors):
        raise outcome
    return replace(outcome, secrets=frozenset(loading.secrets)) if loading.secrets else outcome


class Located(NamedTuple):
    """The place of a configuration file.

    @ivar basedir: the real path of the master's directory; C{basedir} in the file itself.
    @ivar path: the path of the file; C{__file__} in the file itself, and its name in tracebacks.
    @ivar shown: the file's name in messages.
    """

    basedir: str
    path: str
    shown: str


def locate(filename: str, basedir: str) -> Located:
    """Locate a file whose name is absolute or relative to C{basedir}."""
    basedir = os.path.realpath(os.path.expanduser(basedir))
    folder, name = os.path.split(os.path.join(basedir, filename))
    path = os.path.join(os.path.realpath(folder), name)
    below = path.startswith(os.path.join(basedir, ""))
    return Located(basedir, path, os.path.relpath(path, basedir) if below else path)


def decode(data: bytes, filename: str) -> str:
    """Decode a file in the coding that its first two lines declare; default UTF-8.

    @raise ConfigErrors: the bytes are not valid in this coding.
    """
    try:
        coding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        told = _undecodable(data, filename) or ConfigError(str(error.msg), filename, 1)
        raise ConfigErrors([told]) from None
    try:
        return io.TextIOWrapper(io.BytesIO(data), coding).read()
    except UnicodeDecodeError as error:
        raise ConfigErrors([_notOfCoding(data, error.start, coding, filename)]) from None


def _undecodable(data: bytes, filename: str) -> ConfigError | None:
    """The error for a byte that is not UTF-8 in the first two lines, or None."""
    lines = data.splitlines(keepends=True)[:2]
    try:
        b"".join(lines).decode("utf-8")
    except UnicodeDecodeError as error:
        return _notOfCoding(data, error.start, "utf-8", filename)
    return None


def _notOfCoding(data: bytes, at: int, coding: str, filename: str) -> ConfigError:
    told = f"byte 0x{data[at]:02x} is not {coding}; `# coding: latin-1` in line 1 might be true"
    return ConfigError(told, filename, data.count(b"\n", 0, at) + 1)


def _outcome(
    text: str, path: str, modules: FreshModules, loading: secrets.Loading
) -> MasterConfig | ConfigErrors:
    """Run the text and check the result against the rules. Never raises; returns the errors."""
    shown = modules.files[path]
    warnings: list[ConfigError] = []
    try:
        names = modules.run(_compiled(text, path), MODULE, path, {"basedir": loading.basedir})
        said = translated(_dictionary(names), loading.liken)
        raw = said.raw
        report = Report(shown, Locations(text).line, loading.madeAt, said.renamed)
        warnings = [*(report(*each) for each in said.doubts), *check.warnings(raw, report)]
        errors = [*(report(*each) for each in said.errors), *check.errors(raw, report)]
        if not errors and not loading.errors:
            imported = tuple(name for each, name in modules.files.items() if each != path)
            doubts = _told(loading, loading.warnings, warnings)
            return check.configuration(raw, doubts, imported, isLater="bots" in said.renamed)
    except ConfigErrors as error:
        place = locationOf(error, modules.files)
        errors = [_placed(each, place.filename or shown, place.line) for each in error.errors]
    except secrets.Reported:
        errors = []
    except BaseException as error:  # the admin's code may raise anything: report it
        if loading.missing and isinstance(error, Exception):  # it may be a result of the stand-ins
            errors = []
        else:
            told = explain(error, modules.files)
            errors = [replace(told, filename=told.filename or shown)]
    return ConfigErrors(_told(loading, loading.errors, errors), _told(loading, loading.warnings, warnings))


def _compiled(text: str, path: str) -> CodeType:
    """Compile the text. Raises ConfigErrors for invalid characters, or C{SyntaxError}."""
    for trouble, character in (("a null character", "\0"), ("a lone surrogate", "[\ud800-\udfff]")):
        found = re.search(character, text)
        if found:
            line = text.count("\n", 0, found.start()) + 1
            raise ConfigErrors([ConfigError(f"there is {trouble} in this line", None, line)])
    return compile(text, path, "exec", dont_inherit=True)


def _dictionary(names: Mapping[str, object]) -> Mapping[str, object]:
    """The value of BuildmasterConfig after the text has run.

    @raise ConfigErrors: it is missing or not a dictionary.
    """
    start = "the file begins with `c = BuildmasterConfig = {}`"
    if "BuildmasterConfig" not in names:
        hint = nearest("BuildmasterConfig", names)
        raise ConfigErrors([ConfigError(f"BuildmasterConfig is not defined{hint}: {start}")])
    raw = names["BuildmasterConfig"]
    if not isinstance(raw, dict):
        raise ConfigErrors([ConfigError(f"BuildmasterConfig must be a dict, not {articled(raw)}: {start}")])
    return raw


def _placed(error: ConfigError, filename: str, line: int | None) -> ConfigError:
    """The error with this place, if it has none yet."""
    return error if error.filename else replace(error, filename=filename, line=error.line or line)


def _told(
    loading: secrets.Loading, helpers: list[ConfigError], others: list[ConfigError]
) -> tuple[ConfigError, ...]:
    """All errors, sorted by line, without the passwords that this load has read."""
    struck = [replace(each, message=loading.strike(each.message)) for each in others]
    every = dict.fromkeys([*helpers, *struck])
    return tuple(sorted(every, key=lambda each: (each.line is None, each.filename or "", each.line or 0)))

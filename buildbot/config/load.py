# -*- test-case-name: tests.unit.config.test_load -*-
"""Turn the text of a master.cfg into a configuration, or into every reason why it is none.

Of itself this opens no port, starts nothing and reads no file but those that the text imports. The text may
do anything: L{buildbot.reconfig.childload} runs it out of harm's way first.
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
from buildbot.config.explain import explain, placeOf, runningLine
from buildbot.config.locations import Places
from buildbot.config.messages import Report, articled, nearest
from buildbot.config.model import ConfigError, ConfigErrors, MasterConfig
from buildbot.config.modules import FreshModules

#: What code in master.cfg finds as its C{__name__}, and so in the names of its classes.
MODULE = "master.cfg"


def load(text: str, filename: str, basedir: str) -> MasterConfig:
    """The configuration that a text says, with its warnings.

    The text runs in a namespace that holds C{__file__} and C{basedir}, and what it imports from below
    C{basedir} is loaded anew. Works in any thread, in one at a time.

    @param filename: the text's file; relative to C{basedir}, if it is not absolute.
    @raise ConfigErrors: with all errors, each with its file and, where that can be known, its line. Whatever
        the text raises, C{SystemExit} and C{KeyboardInterrupt} too, comes out as this.
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
    return outcome


class Located(NamedTuple):
    """Where a configuration file is.

    @ivar basedir: the real path of the master's directory; what C{basedir} is in the file itself.
    @ivar path: the file's; what C{__file__} is, and what tracebacks name.
    @ivar shown: what the file is called in messages.
    """

    basedir: str
    path: str
    shown: str


def locate(filename: str, basedir: str) -> Located:
    """Find the names of a file that is relative to a directory, if it is not absolute."""
    basedir = os.path.realpath(os.path.expanduser(basedir))
    folder, name = os.path.split(os.path.join(basedir, filename))
    path = os.path.join(os.path.realpath(folder), name)
    below = path.startswith(os.path.join(basedir, ""))
    return Located(basedir, path, os.path.relpath(path, basedir) if below else path)


def decode(data: bytes, filename: str) -> str:
    """The text in the bytes of a file: in the coding that its first lines declare, or else in UTF-8.

    @raise ConfigErrors: the bytes are no such text.
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
    """The first byte that is not UTF-8 in the two lines that may declare a coding; None without one."""
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
    """What comes of running the text and holding what it leaves against the rules. Raises nothing."""
    shown = modules.files[path]
    report = Report(shown, Places(text).line, loading.madeAt)
    warnings: list[ConfigError] = []
    try:
        raw = _dictionary(modules.run(_compiled(text, path), MODULE, path, {"basedir": loading.basedir}))
        warnings = check.warnings(raw, report)
        errors = check.errors(raw, report)
        if not errors and not loading.errors:
            imported = tuple(name for each, name in modules.files.items() if each != path)
            return check.configuration(raw, _told(loading, loading.warnings, warnings), imported)
    except ConfigErrors as error:
        place = placeOf(error, modules.files)
        errors = [_placed(each, place.filename or shown, place.line) for each in error.errors]
    except secrets.Reported:
        errors = []
    except BaseException as error:  # the edge to an admin's code: whatever it raises is the answer
        told = explain(error, modules.files)
        errors = [replace(told, filename=told.filename or shown)]
    return ConfigErrors(_told(loading, loading.errors, errors), _told(loading, loading.warnings, warnings))


def _compiled(text: str, path: str) -> CodeType:
    """@raise ConfigErrors: the text has characters that no program can have. C{SyntaxError} as usual."""
    for trouble, character in (("a null character", "\0"), ("a lone surrogate", "[\ud800-\udfff]")):
        found = re.search(character, text)
        if found:
            line = text.count("\n", 0, found.start()) + 1
            raise ConfigErrors([ConfigError(f"there is {trouble} in this line", None, line)])
    return compile(text, path, "exec", dont_inherit=True)


def _dictionary(names: Mapping[str, object]) -> Mapping[str, object]:
    """What the text left in BuildmasterConfig.

    @raise ConfigErrors: no dictionary is there.
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
    """An error with a place, if it had none."""
    return error if error.filename else replace(error, filename=filename, line=error.line or line)


def _told(
    loading: secrets.Loading, helpers: list[ConfigError], others: list[ConfigError]
) -> tuple[ConfigError, ...]:
    """What the helpers say, and what others do, by lines; without the passwords that were handed out."""
    struck = [replace(each, message=loading.strike(each.message)) for each in others]
    every = dict.fromkeys([*helpers, *struck])
    return tuple(sorted(every, key=lambda each: (each.line is None, each.filename or "", each.line or 0)))

# -*- test-case-name: tests.unit.daemon.test_tacfile -*-
"""Execute a directory's buildbot.tac and return its definitions.

This module starts nothing.
"""

from __future__ import annotations

import os
import traceback
from dataclasses import dataclass

from twisted.application.service import IService
from twisted.python.components import Componentized

from buildbot.daemon.directory import (
    SAMPLE,
    TAC,
    Kind,
    Unusable,
    kindOf,
    leaseOf,
    pagesAddress,
    standsBy,
    storeAddress,
    storePasswordFile,
)
from buildbot.daemon.logfile import MAX_ROTATED_FILES, ROTATE_LENGTH
from buildbot.daemon.readiness import StartFailed
from buildbot.files.plain import readPlain
from buildbot.text.printable import plain


@dataclass(frozen=True)
class Tac:
    """The definitions of a buildbot.tac: the application and the rotation of its log.

    @ivar umask: the umask of the process; None: do not set one.
    """

    application: Componentized
    rotateLength: int | None = ROTATE_LENGTH
    maxRotatedFiles: int | None = MAX_ROTATED_FILES
    umask: int | None = None


def load(here: str, verbose: bool = False) -> Tac:
    """Execute the buildbot.tac of a directory, in a fresh namespace, as C{twistd} does.

    @param here: the directory's real path; also the current directory.
    @param verbose: True to add the traceback of an error.
    @raise StartFailed: with the line that fails, or the invalid definition.
    """
    path = os.path.join(here, TAC)
    names: dict[str, object] = {"__file__": path, "__name__": "buildbot.tac"}
    try:
        with readPlain(path) as stream:
            source = stream.read()
        exec(compile(source, path, "exec"), names)
    except StartFailed:
        raise
    except BaseException as why:
        lines = [_place(why, path)]
        if verbose:
            lines += traceback.format_exc().splitlines()
        raise StartFailed(lines) from why
    application = names.get("application")
    if not isinstance(application, Componentized) or IService(application, None) is None:
        raise StartFailed([f"{path} defines no application (application = service.Application(…))"])
    _checkPlace(here, names)
    _checkFormat(path, names)
    isMaster = kindOf(source.decode("utf-8", "replace")) is Kind.MASTER
    if isMaster:
        _checkConfig(here, names)
        _checkStore(path, source.decode("utf-8", "replace"), names)
    return Tac(
        application,
        _number(names, "rotateLength", ROTATE_LENGTH),
        _number(names, "maxRotatedFiles", MAX_ROTATED_FILES),
        _umask(path, names) if isMaster else None,  # a slave sets its own
    )


def _umask(path: str, names: dict[str, object]) -> int | None:
    umask = names.get("umask")
    if umask is None or (type(umask) is int and 0 <= umask <= 0o777):
        return umask
    said = oct(umask) if type(umask) is int else repr(umask)
    raise StartFailed(
        [f"{path} says umask = {said}: it must be None or a number from 0 to 0o777, such as 0o022"]
    )


def _place(why: BaseException, path: str) -> str:
    """The error, with the last line of the .tac in its traceback."""
    if isinstance(why, SystemExit) and isinstance(why.code, str):
        return plain(why.code)
    if isinstance(why, OSError) and why.filename == path:
        return plain(f"cannot read {path}: {why.strerror}")
    if isinstance(why, Unusable):  # the master has read its lines already
        return plain(f"{path}: {why}")
    lines = [frame.lineno for frame in traceback.extract_tb(why.__traceback__) if frame.filename == path]
    if isinstance(why, SyntaxError) and why.filename == path:
        lines, why = [why.lineno], SyntaxError(why.msg)
    what = f"{type(why).__name__}: {why}" if str(why) else type(why).__name__
    return plain(f"{path}:{lines[-1]}: {what}" if lines else f"{path}: {what}")


def _checkPlace(here: str, names: dict[str, object]) -> None:
    basedir = names.get("basedir")
    if isinstance(basedir, str) and os.path.realpath(os.path.join(here, basedir)) != here:
        raise StartFailed(
            [f"{os.path.join(here, TAC)} says basedir = {basedir!r}, but is in {here}: change that line"]
        )


def _checkFormat(path: str, names: dict[str, object]) -> None:
    wanted = names.get("logFormat", "text")
    if wanted not in ("text", "json"):
        raise StartFailed([f"{path} says logFormat = {wanted!r}: it must be 'text' or 'json'"])


def _checkConfig(here: str, names: dict[str, object]) -> None:
    configfile = names.get("configfile")
    if not isinstance(configfile, str):
        return
    path = os.path.join(here, configfile)
    if not os.path.lexists(path):
        sample = os.path.join(here, SAMPLE)
        cure = f"cp {sample} {path}" if os.path.exists(sample) else f"buildbot create-master {here}"
        raise StartFailed([f"no {configfile} in {here}: `{cure}` makes one"])


def _checkStore(path: str, source: str, names: dict[str, object]) -> None:
    """Commands read these names without executing the file, so both ways must find the same."""
    for name, find in (("db", storeAddress), ("dbPasswordFile", storePasswordFile)):
        value = names.get(name)
        try:
            found = find(source)
        except Unusable as why:
            raise StartFailed([f"{path}: {why}"]) from None
        if isinstance(value, str) and value != found:
            raise StartFailed(
                [f"{path} takes {name} from another file: it must say {name} itself, as text in quotes"]
            )
    for name, read in (("standby", standsBy), ("lease", leaseOf), ("pagesAddress", pagesAddress)):
        try:
            isSaid = bool(read(source))
        except Unusable as why:
            raise StartFailed([f"{path}: {why}"]) from None
        if names.get(name) and not isSaid:
            raise StartFailed([f"{path} takes {name} from another file: it must say {name} itself"])


def _number(names: dict[str, object], name: str, default: int) -> int | None:
    """A setting of the .tac: a number, or None for "no limit"; the default for other types."""
    value = names.get(name, default)
    return value if value is None or isinstance(value, int) else default

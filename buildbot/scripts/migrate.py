# -*- test-case-name: tests.unit.scripts.test_migrate -*-
"""The option C{--migrate} of C{checkconfig}: convert a configuration file from Python 2 to Python 3."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import suppress
from difflib import unified_diff

from buildbot.config import migrate as conversion
from buildbot.daemon.oserrors import inWords
from buildbot.files.plain import readPlain
from buildbot.scripts.output import CommandFailed, Config, complain, say
from buildbot.text.plural import counted


def migrate(config: Config, path: str) -> int:
    """Print the changes of a file as a diff; with C{--in-place}, make them. Status 0.

    @raise CommandFailed: the file cannot be read, parsed or written.
    """
    path = os.path.realpath(path)
    directory = os.path.dirname(path)
    try:
        with readPlain(path) as stream:
            source = stream.read()
        made = conversion.migrate(source, conversion.modulesIn(directory))
    except OSError as why:
        raise CommandFailed(f"cannot read {inWords(why)}") from None
    except conversion.NeedsExtra as why:
        raise CommandFailed(str(why)) from None
    except conversion.CannotMigrate as why:
        place = "" if why.line is None else f", line {why.line}"
        raise CommandFailed(f"cannot convert {path}{place}: {why}") from None
    if made.after == made.before:
        say(config, f"{path} is Python 3: nothing to convert")
    elif config.get("in-place"):
        kept = _replace(path, made)
        say(config, f"converted {path} ({_changed(made)}); the old file is {kept}")
        isModule = path.endswith(".py") and "BuildmasterConfig" not in made.after
        say(
            config,
            "now check the configuration that imports it, with buildbot checkconfig"
            if isModule
            else f"now check it: buildbot checkconfig {path}",
        )
    else:
        _show(path, made)
    for note in made.notes:
        complain(f"look at this yourself: {note}")
    for neighbour in conversion.python2Neighbours(made.after, directory):
        complain(f"it imports {neighbour}, which is Python 2 as well: convert that, too")
    return 0


def _lines(made: conversion.Migrated) -> list[str]:
    before, after = made.before.splitlines(keepends=True), made.after.splitlines(keepends=True)
    return list(unified_diff(before, after, "Python 2", "Python 3"))


def _changed(made: conversion.Migrated) -> str:
    return counted(sum(line.startswith("+") for line in _lines(made)) - 1, "changed line")


def _show(path: str, made: conversion.Migrated) -> None:
    """Print the diff, which C{patch -p0} understands."""
    _, _, *hunks = _lines(made)
    print(f"--- {path}\n+++ {path}")
    for line in hunks:
        print(line.rstrip("\r\n"))
        if not line.endswith("\n"):
            print("\\ No newline at end of file")


def _replace(path: str, made: conversion.Migrated) -> str:
    """Replace the old file with the converted one. Returns the path of the kept old file."""
    try:
        kept = _keep(path)
        handle, partial = tempfile.mkstemp(prefix=".migrate-", dir=os.path.dirname(path))
        try:
            with open(handle, "wb") as stream:
                stream.write(made.after.encode(made.encoding))
                stream.flush()
                os.fsync(stream.fileno())
            shutil.copymode(path, partial)
            with suppress(PermissionError):
                there = os.stat(path)
                os.chown(partial, there.st_uid, there.st_gid)
            os.replace(partial, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(partial)
            raise
    except OSError as why:
        raise CommandFailed(f"cannot convert {path}, which is unchanged: {inWords(why)}") from None
    return kept


def _keep(path: str) -> str:
    """Copy the file to a new name. An earlier copy is never replaced."""
    number = 0
    while True:
        kept = f"{path}.python2" + (f".{number}" if number else "")
        try:
            handle = os.open(kept, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            number += 1
            continue
        os.close(handle)
        shutil.copy2(path, kept)
        return kept

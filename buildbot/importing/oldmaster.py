# -*- test-case-name: tests.unit.importing.test_oldmaster -*-
"""Find the builders, builds and changes in the directory of an old master. Nothing is changed there."""

from __future__ import annotations

import os
from dataclasses import dataclass

from buildbot.files.plain import readPlain
from buildbot.importing.reader import LARGEST, PickleReader, Unreadable
from buildbot.importing.shapes import builderName

#: The files of an old master.
BUILDER, CHANGES, DATABASE = "builder", "changes.pck", "state.sqlite"
_DIGITS = 12


class NoOldMaster(Exception):
    """The directory is not that of a master of 0.7 or 0.8; str() says why, and what to do."""


@dataclass(frozen=True)
class OldBuilder:
    """I am one builder of an old master.

    @ivar name: its name in the old configuration.
    @ivar directory: the path of its directory.
    @ivar numbers: of its builds, the lowest first.
    @ivar trouble: why C{name} is the name of the directory; empty if the name is from the pickle.
    """

    name: str
    directory: str
    numbers: tuple[int, ...]
    trouble: str = ""

    @property
    def next(self) -> int:
        """The number after the last build."""
        return self.numbers[-1] + 1 if self.numbers else 0


@dataclass(frozen=True)
class OldMaster:
    """I am the directory of an old master.

    @ivar path: its real path.
    @ivar builders: by name.
    @ivar changes: the path of the pickle of 0.7 with the changes; None without one.
    @ivar database: the path of the database of 0.8; None without one.
    @ivar left: the paths of directories that are left out, each with the reason.
    """

    path: str
    builders: tuple[OldBuilder, ...]
    changes: str | None
    database: str | None
    left: tuple[tuple[str, str], ...] = ()

    @property
    def builds(self) -> int:
        """The number of builds."""
        return sum(len(each.numbers) for each in self.builders)


def look(path: str, reader: PickleReader) -> OldMaster:
    """Look at the directory of an old master.

    @raise NoOldMaster: it is not the directory of an old master.
    """
    here = os.path.realpath(path)
    try:
        entries = sorted(os.scandir(here), key=lambda entry: entry.name)
    except OSError as error:
        raise NoOldMaster(f"cannot use {here}: {error.strerror}") from None
    builders = [_builder(each, reader) for each in entries if _isBuilder(each)]
    names = {each.name for each in entries}
    changes = os.path.join(here, CHANGES) if CHANGES in names else None
    database = os.path.join(here, DATABASE) if DATABASE in names else None
    if not builders and changes is None:
        raise NoOldMaster(
            f"{here} is not the directory of a master of 0.7 or 0.8: it has neither {CHANGES}"
            f" nor a directory of a builder, with a file {BUILDER!r} in it"
        )
    left = tuple((each.path, why) for each in entries if (why := _whyLeft(each)))
    return OldMaster(here, tuple(_distinct(builders)), changes, database, left)


def readPickle(path: str, reader: PickleReader) -> object:
    """The plain value of a pickle. Raises L{Unreadable}."""
    try:
        with readPlain(path, follow=False) as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise Unreadable(error.strerror or str(error)) from None
    return reader.read(data)


def _isBuilder(entry: os.DirEntry[str]) -> bool:
    return (
        entry.is_dir(follow_symlinks=False)
        and not _whyLeft(entry)
        and os.path.lexists(os.path.join(entry.path, BUILDER))
    )


def _whyLeft(entry: os.DirEntry[str]) -> str:
    """The reason why what may be a builder is left out; empty if there is none."""
    if entry.is_dir(follow_symlinks=False):
        return "" if os.access(entry.path, os.R_OK | os.X_OK) else "no permission"
    if entry.is_symlink() and os.path.lexists(os.path.join(entry.path, BUILDER)):
        return "it is a symbolic link: put the directory in its place"
    return ""


def _builder(entry: os.DirEntry[str], reader: PickleReader) -> OldBuilder:
    name, trouble = "", ""
    try:
        name = builderName(readPickle(os.path.join(entry.path, BUILDER), reader))
    except Unreadable as why:
        trouble = str(why)
    if not name:
        trouble = trouble or "it contains no name"
    numbers = sorted(
        int(each)
        for each in os.listdir(entry.path)
        if each.isascii() and each.isdigit() and len(each) < _DIGITS
    )
    return OldBuilder(name or entry.name, entry.path, tuple(numbers), trouble)


def _distinct(builders: list[OldBuilder]) -> list[OldBuilder]:
    """The builders, each with a name of its own. Two directories may name the same one.

    The builder with the latest build keeps the name; another one gets the name of its directory.
    """
    kept: dict[str, OldBuilder] = {}
    for each in sorted(builders, key=lambda each: (_latest(each), each.directory), reverse=True):
        name = each.name
        if name in kept:
            name = os.path.basename(each.directory)
        while name in kept:
            name += "_"
        kept[name] = OldBuilder(name, each.directory, each.numbers, each.trouble)
    return sorted(kept.values(), key=lambda each: each.name)


def _latest(builder: OldBuilder) -> float:
    if not builder.numbers:
        return 0.0
    try:
        return os.lstat(os.path.join(builder.directory, str(builder.numbers[-1]))).st_mtime
    except OSError:
        return 0.0

# -*- test-case-name: tests.unit.files.test_partial -*-
"""Incomplete files and directories: name them, and remove those of a killed master.

A symbolic link in a directory of the master notes each incomplete file until it is complete or removed. So
the next start removes only files that the master has made itself, in any directory.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
from contextlib import suppress

from twisted.logger import Logger

_log = Logger()

#: The directory of the links, below the master's.
PARTIALS = ".partial"
#: The names that L{partialPath} makes.
NAME = re.compile(r"\..*\.[0-9a-f]{12}\.part", re.DOTALL)


def partialPath(path: str) -> str:
    """A free path beside C{path} for the file while it is incomplete."""
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name[:100]}.{os.urandom(6).hex()}.part")


class Partials:
    """I note incomplete files, so that the next process can remove them."""

    def __init__(self, directory: str) -> None:
        """@param directory: of the links; made when it is first needed."""
        self.directory = directory

    def note(self, path: str) -> None:
        """Note that C{path}, from L{partialPath}, is about to be created. Never raises.

        If the note cannot be made, the file stays when the master is killed.
        """
        link = os.path.join(self.directory, os.path.basename(path))
        with suppress(OSError):
            try:
                os.symlink(path, link)
            except FileNotFoundError:
                os.makedirs(self.directory, 0o700, exist_ok=True)
                os.symlink(path, link)

    def forget(self, path: str) -> None:
        """Delete the note of C{path}: the file is complete or removed."""
        with suppress(OSError):
            os.unlink(os.path.join(self.directory, os.path.basename(path)))

    def sweep(self) -> int:
        """Remove the incomplete files of an earlier process, and return how many.

        No other master may run in the directory.
        """
        count = 0
        try:
            names = os.listdir(self.directory)
        except OSError:
            return 0
        for name in names:
            try:
                path = os.readlink(os.path.join(self.directory, name))
            except OSError:
                continue  # not a link, so not one of ours
            if os.path.basename(path) == name and NAME.fullmatch(name):
                count += _removed(path)
                self.forget(path)
        return count


def _removed(path: str) -> bool:
    """Remove a file or a directory tree without following links. True if something was removed."""
    try:
        mode = os.lstat(path).st_mode
        if stat.S_ISDIR(mode):
            shutil.rmtree(path)
        elif stat.S_ISREG(mode):
            os.unlink(path)
        else:
            return False
    except FileNotFoundError:
        return False
    except OSError as error:
        _log.warn("cannot remove {path}, left by an unfinished upload: {error}", path=path, error=error)
        return False
    _log.info("removed {path}: the master was killed before this upload was complete", path=path)
    return True

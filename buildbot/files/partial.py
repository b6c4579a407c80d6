# -*- test-case-name: tests.unit.files.test_partial -*-
"""Files and directories that are not complete yet: their names, and which of them a killed master has left.

Each is noted by a symbolic link in a directory of the master, and forgotten when it has taken its place or is
gone. So what is removed at the next start is what the master has made itself, wherever that is.
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
    """A path beside C{path} for what shall be there once it is complete; nothing has it yet."""
    directory, name = os.path.split(path)
    return os.path.join(directory, f".{name[:100]}.{os.urandom(6).hex()}.part")


class Partials:
    """I know what is not complete yet, and remember it over the end of this process."""

    def __init__(self, directory: str) -> None:
        """@param directory: of the links; made when it is first needed."""
        self.directory = directory

    def note(self, path: str) -> None:
        """C{path}, from L{partialPath}, is about to be made. Without a note, it may stay after a kill."""
        link = os.path.join(self.directory, os.path.basename(path))
        with suppress(OSError):
            try:
                os.symlink(path, link)
            except FileNotFoundError:
                os.makedirs(self.directory, 0o700, exist_ok=True)
                os.symlink(path, link)

    def forget(self, path: str) -> None:
        """It is complete, or gone."""
        with suppress(OSError):
            os.unlink(os.path.join(self.directory, os.path.basename(path)))

    def sweep(self) -> int:
        """Remove what an earlier process has left; returns how many. Nobody else may run in the directory."""
        count = 0
        try:
            names = os.listdir(self.directory)
        except OSError:
            return 0
        for name in names:
            try:
                path = os.readlink(os.path.join(self.directory, name))
            except OSError:
                continue  # somebody else has put it here
            if os.path.basename(path) == name and NAME.fullmatch(name):
                count += _removed(path)
                self.forget(path)
        return count


def _removed(path: str) -> bool:
    """Remove a file, or a directory with all that is in it; no link is followed. Whether it was there."""
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
        _log.warn("cannot remove {path}, which an upload has left: {error}", path=path, error=error)
        return False
    _log.info("removed {path}: the master was killed before this upload was complete", path=path)
    return True

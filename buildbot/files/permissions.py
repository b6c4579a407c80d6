# -*- test-case-name: tests.unit.files.test_permissions -*-
"""The permissions of uploaded files and directories on the master.

The configuration gives one mode for files. This module derives the modes of directories and programs. Without
a mode, the umask of the process decides.
"""

from __future__ import annotations

import os

_READ, _EXECUTE = 0o444, 0o111


def fileMode(mode: int, isProgram: bool) -> int:
    """The permissions of one uploaded file.

    @param mode: from the configuration; only the bits for read, write and execute are used.
    @param isProgram: whether the file is executable at its source. Other files do not become executable.
    """
    return 0o600 | (mode & (0o777 if isProgram else 0o666))


def directoryMode(mode: int) -> int:
    """The permissions of a directory for files of this mode: readers of the files may list and enter it."""
    return 0o700 | (mode & 0o777) | ((mode & _READ) >> 2)


def makeDirectories(path: str, mode: int | None) -> None:
    """Make a directory and its missing parents. Existing directories keep their permissions.

    @param mode: the mode of the files in it; None: the umask decides.
    @raise OSError: a directory cannot be made.
    """
    if mode is None:
        os.makedirs(path, exist_ok=True)
        return
    missing = []
    while not os.path.isdir(path):
        missing.append(path)
        path = os.path.dirname(path)
    for each in reversed(missing):
        os.mkdir(each, 0o700)
        os.chmod(each, directoryMode(mode))  # independent of the umask

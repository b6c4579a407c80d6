# -*- test-case-name: tests.unit.files.test_permissions -*-
"""Who may read the files and directories that uploads make on the master.

The configuration says so once, as the mode of a file; what follows from that for directories and for programs
is decided here. Without a mode, the umask of the process decides.
"""

from __future__ import annotations

import os

_READ, _EXECUTE = 0o444, 0o111


def fileMode(mode: int, isProgram: bool) -> int:
    """The permissions of one file among several that are to have a mode.

    @param mode: as the configuration says; of it, nothing but who may read, write and execute counts.
    @param isProgram: whether it can be executed where it comes from. Other files get no such permission.
    """
    return 0o600 | (mode & (0o777 if isProgram else 0o666))


def directoryMode(mode: int) -> int:
    """The permissions of a directory for files of a mode: who may read them may look into it."""
    return 0o700 | (mode & 0o777) | ((mode & _READ) >> 2)


def makeDirectories(path: str, mode: int | None) -> None:
    """Make a directory, and those above it that are missing. What is there already stays as it is.

    @param mode: of the files that will be in it; None: as the umask says.
    @raise OSError: that cannot be done.
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
        os.chmod(each, directoryMode(mode))  # whatever the umask

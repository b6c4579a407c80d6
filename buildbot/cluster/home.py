# -*- test-case-name: tests.unit.cluster.test_home -*-
"""What tells the directory of one master from those of all others, on every machine.

A host name and a path are not enough: two containers may have the same ones, and each would take the place
of the other for ever. So the directory has a random number in a file. A copy of the directory has the same
number, but another inode.
"""

from __future__ import annotations

import os
import re
from uuid import uuid4

from buildbot.files.plain import readPlain

#: The file with the number, in the directory of the master.
ID = "master.id"
_NUMBER = re.compile(r"[0-9a-f]{32}\n")


def homeOf(basedir: str, host: str) -> str:
    """A text for a directory, the same after each restart, and unlike that of every other directory.

    Only the process that holds the lock of the directory may call this. A number that is missing or damaged
    is made anew.

    @param host: the name of this machine.
    @raise OSError: the file with the number can be neither read nor written.
    """
    here = os.path.realpath(basedir)
    return f"{host}:{here} {_numberIn(os.path.join(here, ID))} {os.stat(here).st_ino}"


def _numberIn(path: str) -> str:
    try:
        with readPlain(path) as stream:
            found = stream.read(100).decode("ascii", "replace")
    except FileNotFoundError:
        found = ""
    if not _NUMBER.fullmatch(found):
        found = f"{uuid4().hex}\n"
        _write(path, found)
    return found.strip()


def _write(path: str, text: str) -> None:
    """Replace a file: after a crash it has the old text, or the new one."""
    new = f"{path}.new"
    with open(new, "w", encoding="ascii") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(new, path)

"""New directories of masters and slaves, copied from the first one that a command has made in this process.

Most tests need such a directory, and few of them are about the command, which takes as long as a thousand
copies.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Made:
    """The content of a directory, by the path in it.

    @ivar files: the bytes of each file.
    @ivar modes: the permissions of each file and directory; C{""} is the directory itself.
    """

    files: Mapping[str, bytes]
    modes: Mapping[str, int]

    @classmethod
    def of(cls, directory: str) -> Made:
        """What a directory has now."""
        files: dict[str, bytes] = {}
        modes: dict[str, int] = {}
        for here, _, names in os.walk(directory):
            for path in (here, *(os.path.join(here, name) for name in names)):
                inside = os.path.relpath(path, directory)
                modes["" if inside == "." else inside] = stat.S_IMODE(os.stat(path).st_mode)
            for name in names:
                path = os.path.join(here, name)
                with open(path, "rb") as stream:
                    files[os.path.relpath(path, directory)] = stream.read()
        return cls(files, modes)

    def write(self, directory: str, others: Mapping[str, bytes] = {}) -> None:
        """Make a directory like it; its parents may be missing.

        @param others: the content of files that are different there.
        @raise FileExistsError: the directory exists.
        """
        os.makedirs(directory)
        for name, mode in self.modes.items():  # a directory comes before what is in it
            path = os.path.join(directory, name)
            if name in self.files:
                with open(path, "wb") as stream:
                    stream.write(others.get(name, self.files[name]))
            elif name:
                os.mkdir(path)
            os.chmod(path, mode)

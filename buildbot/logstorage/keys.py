# -*- test-case-name: tests.unit.logstorage.test_keys -*-
"""The keys of objects: one for each build, made of the names of its log files."""

from __future__ import annotations

import os
import re
from typing import NamedTuple

from buildbot.logs.directory import directoryOf, numberOf
from buildbot.logs.names import logOf

_END = ".logs"
#: The characters that need no care in a key.
_PLAIN = re.compile(r"[^A-Za-z0-9_.-]")
_SPELLED = re.compile(r"!([0-9A-F]{2})")


class Name(NamedTuple):
    """The logs of one build: the builder's directory below the directory of logs, and the build's number."""

    directory: str
    number: int

    def __str__(self) -> str:
        return f"{self.directory}/{self.number}"


def nameOf(builder: str, number: int) -> Name:
    """The logs of a build."""
    return Name(directoryOf(builder), number)


def nameOfFile(path: str) -> Name | None:
    """The build of a log file, or of its index; None if it is none."""
    directory, file = os.path.split(path)
    number = numberOf(logOf(file))
    return None if number is None else Name(os.path.basename(directory), number)


def keyOf(start: str, name: Name) -> str:
    """The key of a build's object.

    @param start: what all keys of the master begin with.
    """
    spelled = _PLAIN.sub(lambda found: f"!{ord(found[0]):02X}", name.directory)
    return f"{start}{spelled}/{name.number}{_END}"


def nameOfKey(start: str, key: str) -> Name | None:
    """The build of an object; None if it is none of this master's."""
    directory, slash, file = key.removeprefix(start).partition("/")
    number = file.removesuffix(_END)
    if not key.startswith(start) or not slash or not file.endswith(_END) or not number.isdecimal():
        return None
    return Name(_SPELLED.sub(lambda found: chr(int(found[1], 16)), directory), int(number))

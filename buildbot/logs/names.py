# -*- test-case-name: tests.unit.logs.test_indexing -*-
"""The names of the directory of logs, and of the files that stand beside logs."""

from __future__ import annotations

import os
import re

#: The directory of logs, below the master's.
LOGS = "logs"
_PREFIX = "index-"
#: In the directory of logs: where else they are. See L{buildbot.logstorage.noted}.
NOTE = ".storage.json"
#: The beginning of the names of files that are not complete.
PARTIAL = ".part-"
_MARK = re.compile(r"[0-9]{1,15}-stored")


def indexPath(path: str) -> str:
    """The path of the index for the log at C{path}."""
    directory, name = os.path.split(path)
    return os.path.join(directory, _PREFIX + name)


def logOf(name: str) -> str:
    """The name of the log to which a file belongs, either the log itself or its index."""
    return name.removeprefix(_PREFIX)


def isBeside(name: str) -> bool:
    """True if a file in the directory of logs is none, by its name: an index, a mark, or a note."""
    return isIndex(name) or name == NOTE or _MARK.fullmatch(name) is not None


def isIndex(name: str) -> bool:
    """True if a file has the name of an index."""
    return name.startswith(_PREFIX)

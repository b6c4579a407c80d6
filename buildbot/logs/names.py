# -*- test-case-name: tests.unit.logs.test_indexing -*-
"""The names of the files that stand beside a log."""

from __future__ import annotations

import os

_PREFIX = "index-"


def indexPath(path: str) -> str:
    """The path of the index for the log at C{path}."""
    directory, name = os.path.split(path)
    return os.path.join(directory, _PREFIX + name)


def logOf(name: str) -> str:
    """The name of the log to which a file belongs, either the log itself or its index."""
    return name.removeprefix(_PREFIX)


def isIndex(name: str) -> bool:
    """True if a file has the name of an index."""
    return name.startswith(_PREFIX)

# -*- test-case-name: tests.processes.test_svnpoller -*-
"""The usual layouts of Subversion repositories: from a path to its branch, and the path in the branch."""

from __future__ import annotations


def split_file_alwaystrunk(path: str) -> tuple[str | None, str] | None:
    """All files are on the main line."""
    return None, path


def split_file_branches(path: str) -> tuple[str | None, str] | None:
    """Files below C{trunk/} are on the main line, and files below C{branches/NAME/} on C{branches/NAME}.

    Other files do not matter.
    """
    first, _, rest = path.partition("/")
    if first == "trunk":
        return None, rest
    if first == "branches" and rest:
        name, _, inner = rest.partition("/")
        return f"branches/{name}", inner
    return None

# -*- test-case-name: tests.daemons.test_svnpoller -*-
"""The usual layouts of Subversion repositories: from a path to its branch, and the path in the branch."""

from __future__ import annotations


def split_file_alwaystrunk(path: str) -> tuple[str | None, str] | None:
    """All files are on the main line."""
    return None, path


def split_file_projects_branches(path: str) -> dict[str, str] | None:
    """The first directory is the project; for the rest see L{split_file_branches}."""
    project, slash, rest = path.partition("/")
    where = split_file_branches(rest) if slash else None
    if where is None:
        return None
    branch, inner = where
    return {"project": project, "path": inner, **({"branch": branch} if branch else {})}


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

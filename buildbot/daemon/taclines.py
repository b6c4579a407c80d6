# -*- test-case-name: tests.unit.daemon.test_taclines -*-
"""Change the lines of a buildbot.tac that say where the store is. Everything else in it stays."""

from __future__ import annotations

import ast
import os
import stat
from contextlib import suppress

from buildbot.daemon.directory import TAC, Unusable, parsed, storeAddress, storePasswordFile
from buildbot.files.plain import openPlain

_NAMES = ("db", "dbPasswordFile")


def withAddress(tac: str, address: str, passwordFile: str = "") -> str:
    """The text of a buildbot.tac with another address of the store.

    @param address: "" removes the lines.
    @raise Unusable: the old address is no plain line, or the file is no program.
    """
    for find in (storeAddress, storePasswordFile):
        find(tac)
    lines = tac.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    try:
        body = parsed(tac).body
    except (SyntaxError, ValueError) as why:
        raise Unusable(f"{TAC} cannot be read as Python: {why}") from None
    old = [node for node in body if _sets(node) in _NAMES]
    for node in old:
        if any(each is not node and node.lineno <= each.lineno <= _end(node) for each in body):
            raise Unusable(f"{TAC}: line {node.lineno} has more than the address: give it a line of its own")
    place = (
        old[0].lineno if old else next((n.lineno for n in body if _sets(n) == "application"), len(lines) + 1)
    )
    new = [
        f"{name} = {value!r}\n" for name, value in zip(_NAMES, (address, passwordFile), strict=True) if value
    ]
    if new and not old:
        new[0] = f"{new[0][:-1]}  # where changes, requests and builds are kept\n"
        new.append("\n")
    gone = {number for node in old for number in range(node.lineno, _end(node) + 1)}
    kept = [(number, line) for number, line in enumerate(lines, 1) if number not in gone]
    before = [line for number, line in kept if number < place]
    after = [line for number, line in kept if number >= place]
    return "".join((*before, *new, *after))


def writeTac(here: str, text: str) -> None:
    """Replace the buildbot.tac of a directory: afterwards it is the old one or the new one, and on disk.

    Raises OSError.
    """
    path = os.path.realpath(os.path.join(here, TAC))
    about = os.stat(path)
    new = f"{path}.new"
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    try:
        with open(
            openPlain(new, flags, follow=False), "w", encoding="utf-8", errors="surrogateescape"
        ) as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), stat.S_IMODE(about.st_mode))
            with suppress(PermissionError):  # only root can give a file away
                os.fchown(file.fileno(), about.st_uid, about.st_gid)
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError:
        with suppress(OSError):
            os.unlink(new)
        raise


def _end(node: ast.stmt) -> int:
    return node.end_lineno or node.lineno


def _sets(node: ast.stmt) -> str:
    """The name that a statement sets, if it sets one; else ""."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    return ""

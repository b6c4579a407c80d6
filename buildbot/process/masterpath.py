# -*- test-case-name: tests.unit.process.test_masterpath -*-
"""Resolve a path of the configuration on the master, when strangers have supplied a part of it.

The configuration gives a directory. Values from slaves and senders of changes can only name something in it.
L{buildbot.process.provenance} finds the origin of each part; this module checks the file system.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from buildbot.process.provenance import Origin, Piece
from buildbot.wire.dialect import text

#: Names in the directory of a master that only the configuration may choose.
OWN = (
    *("*.cfg", "*.py", "*.pyc", "*.tac*", "*.sample", "*.log*", "*.pid", "*.lock", "*.sock", "*.sqlite*"),
    *("*password*", "*passwd*", "*.key", "*.pem", "state*", "logs", "info", "__pycache__"),
)
#: Not L{buildbot.text.printable.HARMFUL}: a path of the master may have any character but controls.
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f]")


class UnsafePath(ValueError):
    """A property would lead outside of the configured directory; the message says why."""


def onMaster(basedir: str, pieces: Sequence[Piece]) -> str:
    """The absolute path for a path of the configuration.

    @param basedir: the directory of the master; relative paths are relative to it.
    @param pieces: the parts of the path with their origins.
    @return: an absolute path. It stays inside the directory in front of the first part from a stranger, with
        links resolved.
    @raise UnsafePath: the path leads outside, or could be one of the master's own files.
    """
    own = next((at for at, piece in enumerate(pieces) if piece.by is not Origin.CONFIGURATION), len(pieces))
    literal = "".join(piece.text for piece in pieces[:own])
    if own == len(pieces):
        return os.path.join(basedir, os.path.expanduser(literal))
    for piece in pieces[own:]:
        _check(piece)
    above, slash, begun = literal.rpartition("/")
    root = os.path.realpath(os.path.join(basedir, os.path.expanduser(above + slash)))
    _checkNames(begun, pieces[own:])
    path = os.path.realpath(os.path.join(root, begun + "".join(piece.text for piece in pieces[own:])))
    if path == root or not _isIn(path, root):
        raise UnsafePath(f"{_named(pieces)} would lead outside of {root}, by a link or an empty name")
    _checkOwn(os.path.realpath(basedir), root, path, pieces)
    return path


def _check(piece: Piece) -> None:
    """Check one part: a stranger's may be several names with slashes, a slave's must be part of one name."""
    if piece.by is Origin.CONFIGURATION:
        return
    if _UNPRINTABLE.search(piece.text):
        raise _refused(piece, "there are control characters in it")
    if piece.by is Origin.SLAVE and re.search(r"[/\\]", piece.text):
        raise _refused(piece, "it may come from a slave, and is more than one name")


def _checkNames(begun: str, pieces: Sequence[Piece]) -> None:
    """Check that no stranger's part makes a name hidden, empty or '..'."""
    name, origins = begun, [Piece(begun)]
    for piece in pieces:
        *ended, rest = piece.text.split("/")
        for part in ended:
            _checkName(name + part, [*origins, Piece(part, piece.by, piece.name)])
            name, origins = "", []
        name += rest
        origins.append(Piece(rest, piece.by, piece.name))
    _checkName(name, origins)


def _checkName(name: str, pieces: Sequence[Piece]) -> None:
    """Check one name of a path, made of these pieces."""
    if name == "..":
        raise UnsafePath(f"{_named(pieces)} would make a '..' in the path, which leads out of the directory")
    others = [piece for piece in pieces if piece.by is not Origin.CONFIGURATION]
    if not others:
        return
    if not name and any(piece.by is Origin.SLAVE for piece in others):
        raise _refused(others[0], "a part of the path would have no name")
    if name.startswith("."):
        begins = next(piece for piece in pieces if piece.text)
        if name == "." or begins.by is not Origin.CONFIGURATION:
            raise _refused(others[0], "it would name a hidden file")


def _checkOwn(basedir: str, root: str, path: str, pieces: Sequence[Piece]) -> None:
    """Raise L{UnsafePath} if strangers name one of the master's own files, or the master's directory."""
    if not _isIn(basedir, root):
        return  # the configuration gives a directory inside the master's, or elsewhere
    if _isIn(basedir, path):
        raise UnsafePath(f"{_named(pieces)} would name the directory of the master")
    if not _isIn(path, basedir):
        return
    name = os.path.relpath(path, basedir).partition("/")[0]
    bySlave = any(piece.by is Origin.SLAVE for piece in pieces)
    if bySlave or any(fnmatchcase(name.lower(), pattern) for pattern in OWN):
        raise UnsafePath(
            f"{_named(pieces)} would name a file in the directory of the master, where its own files are;"
            " write a directory before it, as in 'uploads/%(…)s'"
        )


def _isIn(path: str, directory: str) -> bool:
    return path == directory or path.startswith(os.path.join(directory, ""))


def _refused(piece: Piece, why: str) -> UnsafePath:
    return UnsafePath(f"the property {piece.name!r} is {text(piece.text, 100)!r}: {why}")


def _named(pieces: Sequence[Piece]) -> str:
    """The properties set by strangers, for a message."""
    said = {
        f"the property {piece.name!r}, {text(piece.text, 100)!r},"
        for piece in pieces
        if piece.by is not Origin.CONFIGURATION
    }
    return " and ".join(sorted(said)) or "the text after a property"

# -*- test-case-name: tests.unit.changes.test_changedict -*-
"""Convert the dictionary of a C{sendchange} client to a L{Change}, for clients of all generations (bytes or
text).

L{buildbot.changes.pb} decides who may send changes, and stores them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import Any

from twisted.spread import pb

from buildbot.model.change import LONGEST_COMMENTS, Change, shortened
from buildbot.wire.dialect import NotAWord, fromPeer, word

#: The most characters in a name: an author, a branch, a revision, one file.
LONGEST_NAME = 4096
#: The most files of one change, and the most characters in all their names.
MOST_FILES = 30_000
LARGEST_FILES = 2 * 1024 * 1024
#: The most characters in the properties, as JSON.
LARGEST_PROPERTIES = 65536


class BadChange(pb.Error):
    """A client sent an invalid change. The text names the error, for the client."""


def changeFrom(said: object, prefix: str | None = None) -> Change | None:
    """Convert a client's dictionary to a change.

    C{who}, C{files} and C{comments} are required. C{branch}, C{revision}, C{category}, C{revlink}, C{when},
    C{properties}, C{links}, C{isdir}, C{repository}, C{project} and C{codebase} are optional. Other keys are
    ignored.

    @param said: a dictionary, as received.
    @param prefix: removed from the names of all files; files without it are left out.
    @return: the change; None if no file has the prefix.
    @raise BadChange: a value is missing, of the wrong type or too large.
    """
    if not isinstance(said, dict):
        raise BadChange(f"a change must be a dictionary, not {_kind(said)}")
    told = fromPeer(said)
    missing = [key for key in ("who", "files", "comments") if key not in told]
    if missing:
        raise BadChange(f"the change has no {' and no '.join(missing)}")
    files = _files(told["files"])
    if prefix is not None:
        files = [name.removeprefix(prefix) for name in files if name.startswith(prefix)]
    change = Change(
        who=_within(_prose(told["who"], "who"), "who"),
        files=files,
        comments=_comments(told["comments"]),
        isdir=int(bool(told.get("isdir"))),
        links=_links(told.get("links") or ()) if prefix is None else (),
        revision=_revision(told.get("revision")),
        when=_when(told.get("when")),
        branch=_name(told.get("branch"), "branch"),
        category=_name(told.get("category"), "category"),
        revlink=_name(told.get("revlink"), "revlink") or "",
        properties=_properties(told.get("properties") or {}),
        **{key: _name(told.get(key), key) or "" for key in ("repository", "project", "codebase")},
    )
    return None if prefix is not None and not files else change


def _comments(value: object) -> str:
    told = _prose(value, "comments")
    return told if len(told) <= LONGEST_COMMENTS else shortened(told)


def _kind(value: object) -> str:
    return type(value).__name__


def _within(value: str, what: str) -> str:
    if len(value) > LONGEST_NAME:
        raise BadChange(f"{what} has more than {LONGEST_NAME} characters")
    return value


def _word(value: object, what: str) -> str:
    """A name. Slaves get it unchanged, even if it is not UTF-8."""
    try:
        name = value if isinstance(value, str) else word(value)
        name.encode("utf-8", "surrogateescape")
    except NotAWord:
        raise BadChange(f"{what} must be text, not {_kind(value)}") from None
    except UnicodeEncodeError:
        raise BadChange(f"{what} is not valid text") from None
    return _within(name, what)


def _prose(value: object, what: str) -> str:
    """Text for display. Invalid UTF-8 becomes U+FFFD."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    raise BadChange(f"{what} must be text, not {_kind(value)}")


def _name(value: object, what: str) -> str | None:
    return None if value is None else _word(value, what) or None


def _revision(value: object) -> str | int | None:
    if isinstance(value, int) and abs(value) < 1 << 64:
        return int(value)
    return _name(value, "revision")


def _when(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, (int, float)) and 0 <= value < 1 << 40:
        return float(value)
    raise BadChange("when must be a number of seconds since 1970")


def _names(value: object, what: str, one: str) -> list[str]:
    if not isinstance(value, (list, tuple)):
        raise BadChange(f"{what} must be a list, not {_kind(value)}")
    if len(value) > MOST_FILES:
        raise BadChange(f"{what} has more than {MOST_FILES} entries")
    names = [_word(each, one) for each in value]
    if sum(map(len, names)) > LARGEST_FILES:
        raise BadChange(f"{what} has more than {LARGEST_FILES} characters")
    return names


def _files(value: object) -> list[str]:
    return _names(value, "files", "the name of a file")


def _links(value: object) -> list[str]:
    return _names(value, "links", "a link")


def _properties(value: object) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise BadChange(f"properties must be a dictionary, not {_kind(value)}")
    properties = {_word(name, "a property"): _plain(each) for name, each in value.items()}
    if len(json.dumps(properties)) > LARGEST_PROPERTIES:
        raise BadChange(f"properties has more than {LARGEST_PROPERTIES} characters")
    return properties


def _plain(value: object) -> Any:
    """The value of a property, converted for JSON."""
    if value is None or isinstance(value, (bool, int)) or (isinstance(value, float) and isfinite(value)):
        return value
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {_word(name, "a property"): _plain(each) for name, each in value.items()}
    try:
        return word(value)
    except NotAWord:
        raise BadChange(f"the value of a property cannot be a {_kind(value)}") from None

# -*- test-case-name: tests.unit.store.test_lists -*-
"""Lines of lists: short values about builds and changes, filters for them, and cursors.

A row holds the values of one line of a list. It is made from the record once, when the record is stored. So a
list needs no record. This module does not read or write files.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, NamedTuple, TypeVar

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord
from buildbot.model.revision import revisionsFound, safeRevision
from buildbot.model.sourcestamp import lastRevision, sourcesIn
from buildbot.text.urls import withoutPasswords

#: The most rows of one answer.
MOST_ROWS = 1000
#: The shortest beginning of a revision that can be searched.
SHORTEST_PREFIX = 4
#: The digits of the shortest hash of a revision.
HASH = 40
_HASH_PREFIX = re.compile("[0-9a-f]{7,}")
#: The most characters of a text in a row. The record has all of them.
LONGEST_WORDS = 300
#: The most characters of a name or a revision in a row.
LONGEST_NAME = 256

#: The types of a list in a record.
_LISTS = (list, tuple)
#: Numbers in a damaged record may be larger than a database can hold.
_LARGEST = 10**15

_R = TypeVar("_R")


class BadCursor(ValueError):
    """A text is no cursor. The message is for the user."""


class BuildRow(NamedTuple):
    """I am one build in a list. Pages keep thousands of rows, and a tuple needs the least memory.

    @ivar results: one of L{buildbot.model.results}; None while it runs.
    @ivar branch: None is the main line.
    @ivar revision: the revision that the slave found, else the one that was asked for; None if unknown. This,
        the branch, the project and the repository are those of the first codebase, if there are several.
    @ivar text: words about the outcome, joined by spaces.
    @ivar who: the authors of its changes, joined by commas.
    @ivar changes: the numbers of its changes, of all codebases, in ascending order.
    """

    builder: str
    number: int
    slave: str
    started: float
    finished: float | None
    results: int | None
    branch: str | None
    revision: str | None
    project: str
    repository: str
    text: str
    reason: str
    who: str
    changes: tuple[int, ...]

    @classmethod
    def of(cls, build: BuildRecord, number: int) -> BuildRow:
        """The row of a build. Values of a wrong type in its source stamp are left out."""
        source = build.sourcestamp or {}
        changes = _changesOf(build)
        who = {_plain(each.get("who")) for each in changes} - {""}
        numbers = {each.get("number") for each in changes}
        return cls(
            builder=build.builder,
            number=number,
            slave=_plain(build.slave),
            started=build.started,
            finished=build.finished,
            results=_small(build.results),
            branch=_named(source.get("branch")),
            revision=_named(_revision(build)),
            project=_plain(source.get("project")),
            repository=_plain(source.get("repository")),
            text=_plain(" ".join(build.text), LONGEST_WORDS),
            reason=_plain(build.reason, LONGEST_WORDS),
            who=_plain(", ".join(sorted(who)), LONGEST_WORDS),
            changes=tuple(sorted(each for each in numbers if type(each) is int and 0 < each < _LARGEST)),
        )

    def place(self, byEnd: bool = False) -> tuple[float, str, int]:
        """My sort key in a list: by the start, or by the end; a running build has no end yet."""
        return (self.finished or 0.0) if byEnd else self.started, self.builder, self.number


def outcomeOf(build: BuildRecord) -> tuple[int | None, str | None, str]:
    """The values of a row that change while the build runs: the results, the revision and the text."""
    text = _plain(" ".join(build.text), LONGEST_WORDS)
    return _small(build.results), _named(_revision(build)), text


@dataclass(frozen=True)
class BuildFilter:
    """I select builds. A build must meet all my conditions; the default of each is "any".

    @ivar builders: the names of builders; None is any.
    @ivar branch: the branch; "" is the main line.
    @ivar branches: some branches; "" is the main line; empty is any.
    @ivar revision: the whole revision.
    @ivar prefix: the beginning of the revision, L{SHORTEST_PREFIX} characters or more.
    @ivar abbreviated: the whole revision, or the beginning of a hash; see L{isRevision}.
    @ivar results: some of L{buildbot.model.results}; empty is any.
    @ivar state: "running" or "finished"; "" is both.
    @ivar since: the earliest start, in seconds since the epoch.
    @ivar until: the start must be earlier than this.
    @ivar byEnd: True to list finished builds only, those with the latest end first; C{since} and C{until} are
        about the end then.
    """

    builders: tuple[str, ...] | None = None
    slave: str | None = None
    branch: str | None = None
    revision: str | None = None
    prefix: str | None = None
    results: tuple[int, ...] = ()
    state: Literal["", "running", "finished"] = ""
    since: float | None = None
    until: float | None = None
    byEnd: bool = False
    branches: tuple[str, ...] = ()
    abbreviated: str | None = None

    def check(self) -> None:
        """Raise ValueError if I cannot be used, and say why."""
        _checkTexts(self)
        checkPrefix(self.prefix)
        if self.state not in ("", "running", "finished"):
            raise ValueError(f"the state of a build is running or finished, not {self.state!r}")

    def accepts(self, row: BuildRow) -> bool:
        """True if this build meets all my conditions."""
        return (
            (self.builders is None or row.builder in self.builders)
            and self.slave in (None, row.slave)
            and (self.branch is None or (row.branch or "") == self.branch)
            and (not self.branches or (row.branch or "") in self.branches)
            and self.revision in (None, row.revision)
            and (self.prefix is None or (row.revision or "").startswith(self.prefix))
            and isRevision(self.abbreviated, row.revision)
            and (not self.results or row.results in self.results)
            and (not self.state or (row.finished is None) == (self.state == "running"))
            and not (self.byEnd and row.finished is None)
            and (self.since is None or row.place(self.byEnd)[0] >= self.since)
            and (self.until is None or row.place(self.byEnd)[0] < self.until)
        )


@dataclass(frozen=True)
class Standing:
    """I tell how a builder stands, by its finished builds.

    @ivar last: its last finished build; None if there is none.
    @ivar good: its last build with success or warnings; None if there is none.
    @ivar red: its first failed or broken build after C{good}; None if there is none.
    """

    last: BuildRow | None = None
    good: BuildRow | None = None
    red: BuildRow | None = None


@dataclass(frozen=True)
class ChangeRow:
    """I am one change in a list.

    @ivar came: the time of arrival.
    @ivar branch: None is the main line.
    @ivar summary: the first line of its comments.
    @ivar files: the number of its files.
    """

    number: int
    came: float
    who: str
    branch: str | None
    revision: str | None
    project: str
    repository: str
    category: str | None
    summary: str
    files: int
    codebase: str = ""

    @classmethod
    def of(cls, change: Change, number: int, came: float) -> ChangeRow:
        """The row of a change."""
        lines = str(change.comments or "").strip().splitlines()
        return cls(
            *(number, came, _plain(change.who), _named(change.branch), _named(change.revision)),
            *(_plain(change.project), _plain(change.repository), _named(change.category)),
            *(_plain(lines[0], LONGEST_WORDS) if lines else "", len(change.files), _plain(change.codebase)),
        )

    def place(self) -> tuple[int]:
        """My sort key in a list."""
        return (self.number,)


@dataclass(frozen=True)
class ChangeFilter:
    """I select changes. A change must meet all my conditions; the default of each is "any".

    @ivar branch: the branch; "" is the main line.
    @ivar who: the whole name of the author.
    @ivar revision: the whole revision.
    @ivar prefix: the beginning of the revision, L{SHORTEST_PREFIX} characters or more.
    @ivar abbreviated: the whole revision, or the beginning of a hash; see L{isRevision}.
    @ivar author: a part of the name of the author, in upper or lower case.
    @ivar since: the earliest arrival, in seconds since the epoch.
    @ivar until: the arrival must be earlier than this.
    """

    branch: str | None = None
    who: str | None = None
    revision: str | None = None
    prefix: str | None = None
    project: str | None = None
    repository: str | None = None
    author: str | None = None
    since: float | None = None
    until: float | None = None
    abbreviated: str | None = None

    def check(self) -> None:
        """Raise ValueError if I cannot be used, and say why."""
        _checkTexts(self)
        checkPrefix(self.prefix)

    def accepts(self, row: ChangeRow) -> bool:
        """True if this change meets all my conditions."""
        return (
            (self.branch is None or (row.branch or "") == self.branch)
            and self.who in (None, row.who)
            and self.revision in (None, row.revision)
            and (self.prefix is None or (row.revision or "").startswith(self.prefix))
            and isRevision(self.abbreviated, row.revision)
            and self.project in (None, row.project)
            and self.repository in (None, row.repository)
            and self.isBy(row.who)
            and (self.since is None or row.came >= self.since)
            and (self.until is None or row.came < self.until)
        )

    def isBy(self, who: str) -> bool:
        """True if L{author} is a part of this name, or not given."""
        return self.author is None or self.author.casefold() in who.casefold()


@dataclass(frozen=True)
class Page(Generic[_R]):
    """I am one part of a list.

    @ivar next: the cursor of the next part; empty at the end of the list.
    """

    rows: tuple[_R, ...]
    next: str = ""


def pageOf(rows: Sequence[_R], count: int, place: Callable[[_R], Sequence[float | str]]) -> Page[_R]:
    """The first C{count} of these rows. There is a next page if there are more.

    @param place: returns the sort key of a row.
    """
    first = tuple(rows[:count])
    return Page(first, toCursor(*place(first[-1])) if len(rows) > count else "")


def checkCount(count: int) -> int:
    """Return the number of rows unchanged. Raises ValueError if it is not between 1 and L{MOST_ROWS}."""
    if not 1 <= count <= MOST_ROWS:
        raise ValueError(f"a list has 1 to {MOST_ROWS} rows at a time, not {count}")
    return count


def isRevision(asked: str | None, revision: str | None) -> bool:
    """True if a person who wrote C{asked} means this revision, or any revision if it is None.

    That is the whole revision, or the beginning of a hash: see L{isHashPrefix}.
    """
    if asked is None or asked == revision:
        return True
    found = revision or ""
    return len(found) >= HASH and isHashPrefix(asked) and found.startswith(asked)


def isHashPrefix(asked: str) -> bool:
    """True if a text may be the beginning of a hash, as git and Mercurial abbreviate it."""
    return _HASH_PREFIX.fullmatch(asked) is not None


def checkPrefix(prefix: str | None) -> None:
    """Raise ValueError if the beginning of a revision is too short for a search."""
    if prefix is not None and len(prefix) < SHORTEST_PREFIX:
        raise ValueError(
            f"{prefix!r} is too short: give {SHORTEST_PREFIX} or more characters of the revision"
        )


def _checkTexts(filter: object) -> None:
    """Raise ValueError if a text of a filter cannot be in a store: databases refuse it, each in its way."""
    for value in vars(filter).values():
        for each in value if isinstance(value, tuple) else (value,):
            if isinstance(each, str):
                checkText(each)


def checkText(text: str) -> None:
    """Raise ValueError if no store can have this text."""
    if "\0" in text:
        raise ValueError(f"{text!r} has a NUL character: nothing has such a name")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{text!r} has half of a character: nothing has such a name") from None


def toCursor(*key: float | str) -> str:
    """The sort key of a row as text that is safe in a URL."""
    return urlsafe_b64encode(json.dumps(key, separators=(",", ":")).encode()).decode().rstrip("=")


def fromCursor(cursor: str, *kinds: type | tuple[type, ...]) -> list[Any] | None:
    """The sort key in a cursor; None for the empty cursor, which is the beginning of the list.

    @param kinds: the type of each value of the key.
    @raise ValueError: the text is no such cursor.
    """
    if not cursor:
        return None
    try:
        key = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or len(key) != len(kinds) or not all(map(_isKey, key, kinds)):
        raise BadCursor("the cursor is not valid: begin the list again without it")
    if any("\0" in each for each in key if isinstance(each, str)):
        raise BadCursor("the cursor is not valid: begin the list again without it")
    found: list[Any] = key
    return found


def fromBuildCursor(cursor: str) -> list[Any] | None:
    """The start, builder and number in the cursor of a build; see L{fromCursor}."""
    return fromCursor(cursor, (int, float), str, int)


def packNumbers(numbers: Iterable[int]) -> str:
    """Numbers as text, with a comma before and after each: C{",1,2,"}; empty if there are none."""
    joined = ",".join(map(str, numbers))
    return f",{joined}," if joined else ""


def unpackNumbers(text: str) -> tuple[int, ...]:
    """The numbers in a text from L{packNumbers}. Raises ValueError for any other text."""
    return tuple(map(int, text.strip(",").split(","))) if text else ()


def _changesOf(build: BuildRecord) -> Sequence[Mapping[str, Any]]:
    """The changes of all codebases in the source of a build, without values of another type."""
    source = build.sourcestamp
    if not source:
        return ()
    if source.get("beside"):
        return [change for each in sourcesIn(source) for change in _listed(each)]
    return _listed(source)


def _listed(source: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The changes of one source stamp, without values of another type."""
    listed = source.get("changes")
    return [each for each in listed if isinstance(each, Mapping)] if isinstance(listed, _LISTS) else ()


def _revision(build: BuildRecord) -> object:
    """The revision that the slave found, else the one of the source, else the one of its changes.

    It is that of the first codebase.
    """
    source = build.sourcestamp or {}
    codebases = [str(each.get("codebase") or "") for each in sourcesIn(source)]
    got = safeRevision(revisionsFound((build.properties or {}).get("got_revision"), codebases)[0])
    asked = source.get("revision")
    return got or (
        lastRevision([each.get("revision") for each in _listed(source)]) if asked is None else asked
    )


def _named(value: object) -> str | None:
    return _plain(value) or None


def _plain(value: object, most: int = LONGEST_NAME) -> str:
    """A value as text that a database can hold, cut to C{most} characters; empty for any container.

    That is: what UTF-8 can encode, without NUL.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        # strike the password before the cut: a cut URL is not recognised as one
        text = value if len(value) <= most else withoutPasswords(value)[:most]
        if "\0" in text:
            text = text.replace("\0", "?")
        return text if text.isascii() else text.encode("utf-8", "replace").decode()
    return str(value)[:most] if isinstance(value, int | float) else ""


def _isKey(value: object, kind: type | tuple[type, ...]) -> bool:
    """True if a value of a cursor has this type, and a database can hold it."""
    if isinstance(value, int | float) and not -_LARGEST < value < _LARGEST:
        return False
    return isinstance(value, kind)


def _small(number: int | None) -> int | None:
    return number if number is not None and -_LARGEST < number < _LARGEST else None

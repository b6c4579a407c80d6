# -*- test-case-name: tests.unit.changes.test_sourcemaster -*-
"""The master as the sources of changes of 0.8 know it: C{self.master.addChange(author=…, files=…)}.

This module only translates the arguments. L{buildbot.changes.changes.ChangeMaster} keeps the change. All
other names, such as C{basedir}, are those of the master itself.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Protocol

from twisted.internet.defer import Deferred

from buildbot.changes.changedict import changeFrom
from buildbot.model.change import Change

#: The arguments of 0.8 -> the keys of a change.
_NAMES = {"author": "who", "is_dir": "isdir", "when_timestamp": "when"}
#: All arguments. C{src}, the kind of version control, has no effect.
_TAKEN = frozenset(
    (
        *("who", "files", "comments", "isdir", "links", "revision", "when", "branch", "category", "revlink"),
        *("properties", "repository", "project", "codebase", "src"),
    )
)


class Source(Protocol):
    """A source of changes that has a parent."""

    parent: Any


class SourceMaster:
    """I am C{self.master} of one source of changes. I am false while the source belongs to no master."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def __bool__(self) -> bool:
        return self._source.parent is not None

    def __getattr__(self, name: str) -> Any:
        """What else the master has.

        @raise AttributeError: the master has no such name, or the source belongs to no master.
        """
        changemaster = self._source.parent
        if changemaster is None or name.startswith("_"):
            raise AttributeError(f"the master of a source has no {name} now")
        return getattr(changemaster.parent, name)

    def addChange(self, **said: Any) -> Deferred[Change]:
        """Make a change, and pass it on.

        @param said: C{author} (or C{who}), C{files} and C{comments}; perhaps C{revision}, C{when_timestamp}
            (a datetime, or seconds since the epoch; without a zone it is UTC), C{branch}, C{category},
            C{revlink}, C{properties}, C{repository}, C{project} and C{codebase}.
        @return: fires with the Change, its number set, when it is on disk.
        @raise TypeError: there is no such argument.
        @raise BadChange: a value is missing or unusable.
        """
        told = {_NAMES.get(name, name): value for name, value in said.items() if value is not None}
        unknown = told.keys() - _TAKEN
        if unknown:
            raise TypeError(f"addChange takes no argument {min(unknown)}")
        when = told.get("when")
        if isinstance(when, datetime):
            zoned = when if when.tzinfo is not None else when.replace(tzinfo=timezone.utc)
            told["when"] = zoned.timestamp()
        change = changeFrom({"files": [], "comments": "", **told})
        added: Deferred[Change] = self._source.parent.addChange(change)
        return added

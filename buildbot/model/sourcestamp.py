# -*- test-case-name: tests.unit.model.test_sourcestamp -*-
"""Which source a build is of, and which wishes for builds are wishes for the same one.

Nothing here fetches source: a step does that, with the help of the version control.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any

from zope.interface import implementer

from buildbot.config.compare import ComparableMixin
from buildbot.interfaces import ISourceStamp
from buildbot.model.change import Change

#: What tells, besides the branch, which source it is.
PLACE = ("repository", "project", "codebase")


def lastRevision(revisions: Sequence[Any]) -> Any:
    """The revision with all of some changes in it, whose revisions these are, in the order of their coming.

    That is the highest if all are numbers, for two commits may be told of in the wrong order; else the last
    one. None is the latest.
    """
    if not revisions:
        return None
    if len(revisions) == 1:
        return revisions[0]
    numbers = [int(each) for each in revisions if str(each).isdecimal() and len(str(each)) < 10]
    if len(numbers) < len(revisions):
        return revisions[-1]
    return revisions[numbers.index(max(numbers))]


@implementer(ISourceStamp)
class SourceStamp(ComparableMixin):
    """I say which source to build. Nothing here changes me.

    - a C{revision}: exactly that one, of the branch
    - C{changes}: the source with all of them in it, and perhaps later ones
    - neither: the latest of the branch
    - a C{patch} besides: that, patched

    @ivar branch: None is the main line. Changes bring their own, whatever was asked for.
    @ivar repository: where the source is kept, C{project} what it is part of, and C{codebase} a name for it:
        as the changes say; empty if nobody has said.
    @ivar patch: None or (level, diff): how many directories C{patch -p} strips, and the text.
    @ivar changes: a list of L{Change}s, the newest last.
    """

    compare_attrs = ("branch", "revision", "patch", "changes", "repository", "project", "codebase")

    branch: str | None = None
    revision: Any = None
    patch: tuple[int, str] | None = None
    changes: list[Change]
    repository = project = codebase = ""

    def __init__(
        self,
        branch: str | None = None,
        revision: Any = None,
        patch: Sequence[Any] | None = None,
        changes: Iterable[Change] | None = None,
        repository: str = "",
        project: str = "",
        codebase: str = "",
    ) -> None:
        self.changes = list(changes or ())
        self.branch = self.changes[0].branch if self.changes else branch
        told: Any = self.changes[-1] if self.changes else None
        self.repository = repository if told is None else getattr(told, "repository", "")
        self.project = project if told is None else getattr(told, "project", "")
        self.codebase = codebase if told is None else getattr(told, "codebase", "")
        self.revision = revision
        if patch:
            level, diff = patch
            self.patch = (level, diff)

    def canBeMergedWith(self, other: SourceStamp) -> bool:
        """Whether one build serves both of us.

        It does if we are of one repository, branch and revision, or both of changes, or both of the latest.
        A patched source is built for itself alone.
        """
        return (
            self.patch is None
            and other.patch is None
            and self.branch == other.branch
            and self.repository == other.repository
            and self.project == other.project
            and self.codebase == other.codebase
            and self.revision == other.revision
            and bool(self.changes) == bool(other.changes)
        )

    def mergeWith(self, others: Iterable[SourceStamp]) -> SourceStamp:
        """The source that serves us all: it has the changes of each, once, in the order of their numbers.

        Whether one build serves us all is for L{canBeMergedWith}, or for whoever knows better: all else is
        mine.
        """
        changes = {_identity(change): change for change in self.changes}
        for other in others:
            changes.update((_identity(change), change) for change in other.changes)
        merged = list(changes.values())
        if all(change.number is not None for change in merged):
            merged.sort(key=lambda change: change.number or 0)
        return self._with(changes=merged)

    def wantedRevision(self) -> Any:
        """The revision that is built: my own, or else that of my last change; None is the latest."""
        if self.revision is not None:
            return self.revision
        return lastRevision([change.revision for change in self.changes])

    def getAbsoluteSourceStamp(self, got_revision: Any) -> SourceStamp:
        """What I was, once the slave has said which revision that came to: a build of it can be repeated."""
        return self._with(revision=got_revision)

    def _with(self, **altered: Any) -> SourceStamp:
        """I with other attributes; the constructor would ask the changes for the branch again."""
        same = copy(self)
        vars(same).update(altered)
        return same

    def blamelist(self) -> list[str]:
        """Who made the changes, each once, in alphabetical order; nobody for a change that does not say."""
        return sorted({str(change.who) for change in self.changes if change.who})

    def getText(self) -> list[str]:
        """A list of words for people: what is built."""
        if self.revision is not None:
            words = [str(self.revision)]
        elif self.changes:
            numbers = [str(change.number) for change in self.changes if change.number is not None]
            words = [f"changes {', '.join(numbers)}" if numbers else "changes"]
        else:
            words = ["latest"]
        return words + [f"in {self.branch!r}"] * (self.branch is not None) + ["[patch]"] * bool(self.patch)

    def toRecord(self) -> dict[str, Any]:
        """A dictionary that JSON can hold; of changes that say much, the beginning."""
        return {
            "branch": self.branch,
            "revision": self.revision,
            "patch": None if self.patch is None else list(self.patch),
            "changes": [change.briefly().toRecord() for change in self.changes],
            "repository": self.repository,
            "project": self.project,
            "codebase": self.codebase,
        }

    @classmethod
    def fromRecord(cls, record: Mapping[str, Any]) -> SourceStamp:
        """The source stamp that L{toRecord} described."""
        changes = [Change.fromRecord(each) for each in record.get("changes", ())]
        stamp = cls(None, record.get("revision"), record.get("patch"), changes)
        place = {name: record[name] for name in PLACE if name in record}
        return stamp._with(branch=record.get("branch"), **place)

    def __repr__(self) -> str:
        return f"<SourceStamp {' '.join(self.getText())}>"


def _identity(change: Change) -> tuple[str, int]:
    """The same for one change that two schedulers have seen."""
    return ("made", id(change)) if change.number is None else ("stored", change.number)

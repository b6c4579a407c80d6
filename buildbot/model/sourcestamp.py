# -*- test-case-name: tests.unit.model.test_sourcestamp -*-
"""Source stamps: the source of a build, and the rules for merging requests.

This module does not fetch source; a step does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any

from zope.interface import implementer

from buildbot.config.compare import ComparableMixin
from buildbot.interfaces import ISourceStamp
from buildbot.model.change import Change
from buildbot.model.revision import revisionsFound

#: The attributes that identify the source, besides the branch.
PLACE = ("repository", "project", "codebase")


def lastRevision(revisions: Sequence[Any]) -> Any:
    """The revision that contains all of some changes.

    The highest revision if all are numbers, because two commits may arrive in the wrong order; else the last
    one. None means the latest.

    @param revisions: the revisions of the changes, in order of arrival.
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
    """I specify the source to build. I am never modified.

     - with a C{revision}: exactly that revision of the branch
     - with C{changes}: a source that contains all of them, and perhaps later ones
     - with neither: the latest revision of the branch
     - with a C{patch} in addition: the same source, patched

    @ivar branch: the branch of the changes, if there are any, else the given one. None is the main line.
    @ivar repository: the repository, C{project} its project and C{codebase} a name for it: from the last
        change, or as given; empty if unknown.
    @ivar patch: None or (level, diff): the number for C{patch -p}, and the text. A third item may be the
        directory to apply it in.
    @ivar changes: a list of L{Change}s, the newest last.
    @ivar beside: the source stamps of a build's further codebases, each with its own name and nothing beside
        it; in the order of the configuration.
    """

    compare_attrs = ("branch", "revision", "patch", "changes", "repository", "project", "codebase", "beside")

    branch: str | None = None
    revision: Any = None
    patch: tuple[Any, ...] | None = None
    changes: list[Change]
    repository = project = codebase = ""
    beside: tuple[SourceStamp, ...] = ()

    def __init__(
        self,
        branch: str | None = None,
        revision: object = None,
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
            level, diff, *directory = patch
            self.patch = (level, diff, *directory[:1])

    @classmethod
    def together(cls, stamps: Sequence[SourceStamp]) -> SourceStamp:
        """The source of a build with a source stamp for each codebase: the first, with the others beside it.

        @param stamps: at least one.
        """
        first, *others = stamps
        return first if not others and not first.beside else first._with(beside=tuple(others))

    def each(self) -> list[SourceStamp]:
        """The source stamps of all codebases, each alone: I am the first."""
        return [self._with(beside=()), *self.beside] if self.beside else [self]

    def of(self, codebase: str) -> SourceStamp | None:
        """The source stamp of a codebase, alone; None if there is no such codebase."""
        return next((stamp for stamp in self.each() if stamp.codebase == codebase), None)

    def allChanges(self) -> list[Change]:
        """The changes of all codebases, in the order of the codebases."""
        return [change for stamp in (self, *self.beside) for change in stamp.changes]

    @property
    def isPatched(self) -> bool:
        """True if the source of a codebase is patched."""
        return self.patch is not None or any(each.patch is not None for each in self.beside)

    @property
    def patch_info(self) -> tuple[str, str] | None:
        """The author of the patch and a comment on it, for code of 0.8: empty, as nobody keeps them.

        None without a patch.
        """
        return ("", "") if self.patch else None

    def asDict(self) -> dict[str, Any]:
        """Values that JSON can hold, with the names of 0.8, for status code; without what is beside me."""
        found = {name: getattr(self, name) for name in ("revision", "branch", *PLACE)}
        found["hasPatch"] = self.patch is not None
        found["changes"] = [each.asDict() for each in self.changes]
        if self.patch is not None:
            level, diff, *directory = self.patch
            found["patch_level"], found["patch_body"] = level, diff
            found["patch_subdir"] = directory[0] if directory else None
        return found

    def canBeMergedWith(self, other: SourceStamp) -> bool:
        """True if one build can serve both source stamps.

        Both must have the same codebases, in any order, and for each the same place, branch and revision, and
        either both or neither must have changes. A patched source is never merged.
        """
        if self.beside or other.beside:
            mine, theirs = (
                sorted(each.each(), key=lambda stamp: str(stamp.codebase)) for each in (self, other)
            )
            return len(mine) == len(theirs) and all(
                one.canBeMergedWith(another) for one, another in zip(mine, theirs, strict=True)
            )
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
        """A copy of me with the changes of all, without duplicates, in the order of their numbers.

        Each of my codebases gets the changes of its own. Everything else is from me. The caller checks
        L{canBeMergedWith}, or decides by its own rule.
        """
        if self.beside:
            sources = list(others)
            alike = ((each, [source.of(each.codebase) for source in sources]) for each in self.each())
            return self.together([each.mergeWith(filter(None, those)) for each, those in alike])
        changes = {_identity(change): change for change in self.changes}
        for other in others:
            changes.update((_identity(change), change) for change in other.changes)
        merged = list(changes.values())
        if all(change.number is not None for change in merged):
            merged.sort(key=lambda change: change.number or 0)
        return self._with(changes=merged)

    def wantedRevision(self) -> Any:
        """The revision to build: my own, or else that of my changes; None is the latest."""
        if self.revision is not None:
            return self.revision
        return lastRevision([change.revision for change in self.changes])

    def getAbsoluteSourceStamp(self, got_revision: object) -> SourceStamp:
        """A copy of me with the revision that the slave checked out, so that the build can be repeated.

        @param got_revision: the revision; or a dictionary of the codebases and their revisions.
        """
        if not isinstance(got_revision, Mapping):
            return self._with(revision=got_revision)
        stamps = self.each()
        found = zip(stamps, revisionsFound(got_revision, [each.codebase for each in stamps]), strict=True)
        return self.together(
            [each._with(revision=revision) if revision else each for each, revision in found]
        )

    def _with(self, **altered: Any) -> SourceStamp:
        """A copy with other attributes. The constructor would take the branch from the changes again."""
        same = copy(self)
        vars(same).update(altered)
        return same

    def blamelist(self) -> list[str]:
        """The authors of the changes, without duplicates and empty names, in alphabetical order."""
        return sorted({str(change.who) for change in self.allChanges() if change.who})

    def getText(self) -> list[str]:
        """Words about the source, for people."""
        if self.beside:
            return [f"{stamp.codebase}: {' '.join(stamp.getText())}" for stamp in self.each()]
        if self.revision is not None:
            words = [str(self.revision)]
        elif self.changes:
            numbers = [str(change.number) for change in self.changes if change.number is not None]
            words = [f"changes {', '.join(numbers)}" if numbers else "changes"]
        else:
            words = ["latest"]
        return words + [f"in {self.branch!r}"] * (self.branch is not None) + ["[patch]"] * bool(self.patch)

    def toRecord(self) -> dict[str, Any]:
        """A JSON-able dictionary. Long changes are shortened; see L{Change.briefly}."""
        return {
            "branch": self.branch,
            "revision": self.revision,
            "patch": None if self.patch is None else list(self.patch),
            "changes": [change.briefly().toRecord() for change in self.changes],
            "repository": self.repository,
            "project": self.project,
            "codebase": self.codebase,
            **({"beside": [stamp.toRecord() for stamp in self.beside]} if self.beside else {}),
        }

    @classmethod
    def fromRecord(cls, record: Mapping[str, Any]) -> SourceStamp:
        """The source stamp of a dictionary from L{toRecord}."""
        changes = [Change.fromRecord(each) for each in record.get("changes", ())]
        stamp = cls(None, record.get("revision"), record.get("patch"), changes)
        place = {name: record[name] for name in PLACE if name in record}
        vars(stamp).update(place, branch=record.get("branch"))  # the constructor takes those of the changes
        if record.get("beside"):
            stamp.beside = tuple(map(cls.fromRecord, record["beside"]))
        return stamp

    def __repr__(self) -> str:
        return f"<SourceStamp {' '.join(self.getText())}>"


def sourcesIn(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The source stamps of all codebases, from the record of a source: the first is the record itself."""
    further = record.get("beside")
    if not isinstance(further, (list, tuple)):
        return [record]
    return [record, *(each for each in further if isinstance(each, Mapping))]


def changesIn(record: Mapping[str, Any]) -> Sequence[Any]:
    """The records of the changes of all codebases, from the record of a source."""
    if not record.get("beside"):
        return record.get("changes") or ()
    return [change for source in sourcesIn(record) for change in source.get("changes") or ()]


def _identity(change: Change) -> tuple[str, int]:
    """A key that is equal for copies of one stored change."""
    return ("made", id(change)) if change.number is None else ("stored", change.number)

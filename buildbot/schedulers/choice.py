# -*- test-case-name: tests.unit.schedulers.test_choice -*-
"""The keywords of 0.8 that schedulers share: filters of changes, properties, the reason, the codebases.

This module decides nothing about time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.logger import Logger

from buildbot.changes.filter import ChangeFilter
from buildbot.config.arguments import Kind
from buildbot.config.bots import propertiesTrouble
from buildbot.config.kinds import CHANGE_FUNCTION, FLAG, TEXT, isText, isWhole, orNone, sequenceOf
from buildbot.config.messages import articled, listing, nearest, shown
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.model.sourcestamp import PLACE, SourceStamp

log = Logger()


#: What a codebase says about the source of builds without changes of it.
CODEBASE_KEYS = ("repository", "branch", "revision", "project")


def codebasesDetail(value: object) -> str | None:
    """The fault of a dictionary or a list of codebases, in words; None if it is good, or something else."""
    if isinstance(value, Mapping):
        return next(filter(None, (_codebaseDetail(name, said) for name, said in value.items())), None)
    if not isinstance(value, (list, tuple)):
        return None
    wrong = [each for each in value if not isText(each)]
    if wrong:
        return f"it holds {shown(wrong[0])}"
    twice = [each for number, each in enumerate(value) if each in value[:number]]
    return f"it has {twice[0]!r} twice" if twice else None


def _codebaseDetail(name: object, said: object) -> str | None:
    if not isText(name):
        return f"the name of a codebase must be text, not {articled(name)}"
    if said is None:
        return None
    if not isinstance(said, Mapping):
        return f"that of {name!r} must be a dict, as in {{'repository': 'git://…'}}, not {articled(said)}"
    for key, value in said.items():
        if key not in CODEBASE_KEYS:
            hint = nearest(key, CODEBASE_KEYS) if isinstance(key, str) else ""
            return f"that of {name!r} has the key {key!r}{hint}; keys are {listing(CODEBASE_KEYS)}"
        if not (value is None or isText(value) or (key == "revision" and isWhole(value))):
            return f"the {key} of {name!r} must be text or None, not {articled(value)}"
    return None


PROPERTIES = Kind(
    "a dict of property names and values",
    lambda value: not propertiesTrouble(value),
    lambda value: propertiesTrouble(value) if isinstance(value, dict) else None,
)
CODEBASES = Kind(
    "a dict of codebases, as in {'app': {'repository': 'git://…'}}, or a list of their names",
    lambda value: isinstance(value, (Mapping, list, tuple)) and codebasesDetail(value) is None,
    codebasesDetail,
)
_CATEGORIES = Kind("a list of categories (texts)", sequenceOf(lambda each: each is None or isText(each)))

#: The kinds of these keywords.
KINDS = {
    "properties": orNone(PROPERTIES),
    "categories": orNone(_CATEGORIES),
    "change_filter": orNone(Kind("a ChangeFilter", lambda value: hasattr(value, "filter_change"))),
    "fileIsImportant": orNone(CHANGE_FUNCTION, "every change"),
    "onlyImportant": FLAG,
    "reason": orNone(TEXT),
    "codebases": orNone(CODEBASES),
}
#: The attributes that tell two schedulers with these keywords apart.
COMPARED = ("choice",)


@dataclass
class Choice:
    """The values of these keywords.

    @ivar change_filter: the wanted changes; None: every change.
    @ivar categories: the wanted categories; None: every category.
    @ivar codebases: the codebases by name, in the order of the configuration. Each has the branch, the
        repository and so on for builds without changes of it. Empty: no codebase is named.
    @ivar isEvery: True if every change is wanted.
    @ivar isEveryCodebase: True if changes of every codebase are wanted: none, or only the empty one, is named
    @ivar isSeveral: True if builds have several codebases.
    """

    properties: Mapping[str, Any] = field(default_factory=dict)
    categories: Sequence[str | None] | None = None
    change_filter: ChangeFilter | None = None
    onlyImportant: bool = False
    codebases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # once for each scheduler, not once for each change
        self.isEveryCodebase = not self.codebases or list(self.codebases) == [""]
        self.isEvery = self.categories is None and self.change_filter is None and self.isEveryCodebase
        self.isSeveral = len(self.codebases) > 1

    def hasCodebaseOf(self, change: Change) -> bool:
        """True if changes of the codebase of a change are wanted."""
        return self.isEveryCodebase or change.codebase in self.codebases

    def wants(self, change: Change, scheduler: str) -> bool:
        """True if a change is wanted. An error of the filter's functions is logged, and means False."""
        if self.categories is not None and change.category not in self.categories:
            return False
        if not self.hasCodebaseOf(change):
            return False
        try:
            return self.change_filter is None or bool(self.change_filter.filter_change(change))
        except PLUGIN_ERRORS:
            log.failure(
                "change_filter of scheduler {name} failed: change {number} is not built",
                name=scheduler,
                number=change.number,
            )
            return False

    def latest(self, branch: str | None = None) -> SourceStamp:
        """The source of a build without changes: the latest of each codebase, or the revision that it says.

        @param branch: the branch of the codebases that say none.
        """
        named = self.codebases or {"": {}}
        return SourceStamp.together([stampOf(name, said, branch) for name, said in named.items()])

    def sources(
        self, changes: Iterable[Change], other: Callable[[str], Mapping[str, Any]]
    ) -> list[SourceStamp]:
        """The sources of the build sets that some changes need; none without changes.

        With several codebases, one is enough, unless the changes of a codebase have several repositories or
        branches. Without, each has one codebase, one repository and one branch.

        @param other: returns the branch, the repository and so on of a codebase without changes.
        """
        places: dict[tuple[str | None, ...], list[Change]] = {}
        for change in changes:
            places.setdefault(tuple(getattr(change, name) for name in ("branch", *PLACE)), []).append(change)
        if not self.isSeveral:
            return [SourceStamp(changes=those) for those in places.values()]
        groups: dict[str, list[list[Change]]] = {}
        for those in places.values():
            groups.setdefault(those[0].codebase, []).append(those)
        rows = {name: groups.get(name, []) for name in self.codebases}
        return [
            SourceStamp.together(
                [
                    SourceStamp(changes=row[number]) if number < len(row) else stampOf(name, other(name))
                    for name, row in rows.items()
                ]
            )
            for number in range(max(map(len, rows.values()), default=0))
        ]

    def completed(self, source: SourceStamp | None) -> SourceStamp:
        """A source that a step passes on, as builds with my codebases have it.

        A codebase that I do not have is left out, and one that the source lacks is the latest.
        """
        if source is None:
            return self.latest()
        given = source.each()
        if self.isEveryCodebase or (len(self.codebases) == len(given) == 1 and not source.codebase):
            return source
        stamps = [
            (said, source.of(name) or SourceStamp(codebase=name)) for name, said in self.codebases.items()
        ]
        return SourceStamp.together([_completed(stamp, said) for said, stamp in stamps])

    def wantsBranch(self, branch: str | None) -> bool:
        """True if changes of a branch may be wanted."""
        judge: Callable[[str | None], bool] | None = getattr(self.change_filter, "wantsBranch", None)
        return judge is None or judge(branch)


def changesOf(sources: Iterable[SourceStamp]) -> tuple[Change, ...]:
    """The changes of all sources, in the order of their numbers."""
    changes = [change for each in sources for change in each.allChanges()]
    return tuple(sorted(changes, key=lambda change: change.number or 0))


def chosen(
    properties: Mapping[str, Any] | None = None,
    categories: Sequence[str | None] | None = None,
    change_filter: ChangeFilter | None = None,
    onlyImportant: bool = False,
    codebases: Any = None,
) -> Choice:
    """The choice of these keywords."""
    said = codebases if isinstance(codebases, Mapping) else dict.fromkeys(codebases or ())
    return Choice(
        dict(properties or {}),
        None if categories is None else list(categories),
        change_filter,
        bool(onlyImportant),
        {name: dict(each or {}) for name, each in said.items()},
    )


def stampOf(codebase: str, said: Mapping[str, Any], branch: str | None = None) -> SourceStamp:
    """The source stamp of a codebase without changes.

    @param said: its C{repository}, C{branch}, C{revision} and C{project}; each may be missing, or None.
    @param branch: the branch if it says none.
    """
    own = said.get("branch")
    return SourceStamp(
        branch if own is None else own,
        said.get("revision"),
        repository=said.get("repository") or "",
        project=said.get("project") or "",
        codebase=codebase,
    )


def _completed(stamp: SourceStamp, said: Mapping[str, Any]) -> SourceStamp:
    """A source stamp with the values of its codebase in place of those that it lacks."""
    if stamp.changes:
        return stamp
    isOpen = stamp.branch is None and stamp.revision is None and stamp.patch is None
    return SourceStamp(
        said.get("branch") if isOpen else stamp.branch,
        said.get("revision") if isOpen else stamp.revision,
        stamp.patch,
        repository=stamp.repository or said.get("repository") or "",
        project=stamp.project or said.get("project") or "",
        codebase=stamp.codebase,
    )


def reasonOf(reason: str | None, default: str, scheduler: Any) -> str:
    """The reason of the builds: the given text, with the name and the class put in, or the default."""
    if reason is None:
        return default
    try:
        return reason % {"name": scheduler.name, "classname": type(scheduler).__name__}
    except (KeyError, TypeError, ValueError):
        return reason

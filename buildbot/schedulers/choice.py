# -*- test-case-name: tests.unit.schedulers.test_choice -*-
"""The keywords of 0.8 that schedulers share: filters of changes, properties, the reason, one codebase.

This module decides nothing about time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from twisted.logger import Logger

from buildbot.changes.filter import ChangeFilter
from buildbot.config.arguments import Kind
from buildbot.config.bots import propertiesTrouble
from buildbot.config.kinds import CHANGE_FUNCTION, FLAG, TEXT, isText, orNone, sequenceOf
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp

log = Logger()


def _codebasesDetail(value: object) -> str | None:
    if isinstance(value, (Mapping, list, tuple)) and len(value) > 1:
        return f"a build has one codebase in this release, and these are {len(value)}"
    return None


PROPERTIES = Kind(
    "a dict of property names and values",
    lambda value: not propertiesTrouble(value),
    lambda value: propertiesTrouble(value) if isinstance(value, dict) else None,
)
CODEBASES = Kind(
    "a dict of one codebase, as in {'': {'repository': 'git://…'}}",
    lambda value: (
        (isinstance(value, Mapping) or sequenceOf(isText)(value))
        and len(value) <= 1
        and all(map(isText, value))
    ),
    _codebasesDetail,
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
    @ivar codebase: the name of the only codebase; None: every one.
    @ivar isEvery: True if every change is wanted.
    @ivar source: the branch, repository and so on of the codebase, for builds without changes.
    """

    properties: Mapping[str, Any] = field(default_factory=dict)
    categories: Sequence[str | None] | None = None
    change_filter: ChangeFilter | None = None
    onlyImportant: bool = False
    codebase: str | None = None
    source: Mapping[str, Any] = field(default_factory=dict)
    isEvery: bool = True

    def wants(self, change: Change, scheduler: str) -> bool:
        """True if a change is wanted. An error of the filter's functions is logged, and means False."""
        if self.categories is not None and change.category not in self.categories:
            return False
        if self.codebase is not None and change.codebase != self.codebase:
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
        """The latest revision of a branch, in the place of the codebase if there is one."""
        return SourceStamp(
            branch=self.source.get("branch") if branch is None else branch,
            repository=self.source.get("repository") or "",
            codebase=self.codebase or "",
        )

    def wantsBranch(self, branch: str | None) -> bool:
        """True if changes of a branch may be wanted."""
        judge: Callable[[str | None], bool] | None = getattr(self.change_filter, "wantsBranch", None)
        return judge is None or judge(branch)


def chosen(
    properties: Mapping[str, Any] | None = None,
    categories: Sequence[str | None] | None = None,
    change_filter: ChangeFilter | None = None,
    onlyImportant: bool = False,
    codebases: Any = None,
) -> Choice:
    """The choice of these keywords."""
    codebase, source = None, {}
    for name in codebases or ():
        codebase = name
        source = dict(codebases[name] or {}) if isinstance(codebases, Mapping) else {}
    if codebase == "":
        codebase = None  # the default codebase of 0.8: changes need not name it
    return Choice(
        dict(properties or {}),
        None if categories is None else list(categories),
        change_filter,
        bool(onlyImportant),
        codebase,
        source,
        categories is None and change_filter is None and codebase is None,
    )


def reasonOf(reason: str | None, default: str, scheduler: Any) -> str:
    """The reason of the builds: the given text, with the name and the class put in, or the default."""
    if reason is None:
        return default
    try:
        return reason % {"name": scheduler.name, "classname": type(scheduler).__name__}
    except (KeyError, TypeError, ValueError):
        return reason

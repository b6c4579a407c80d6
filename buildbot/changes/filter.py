# -*- test-case-name: tests.unit.changes.test_filter -*-
"""ChangeFilter: which changes a scheduler wants, by their attributes, under the name of 0.8."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import CHANGE_FUNCTION, PATTERN, isText, orNone
from buildbot.model.change import Change

#: The attributes of a change that a filter may ask for.
FIELDS = ("project", "repository", "branch", "category", "codebase")


class NotABranch:
    """I stand for a branch that is not given, as None is the main line."""

    def __repr__(self) -> str:
        return "NotABranch"


#: The default of a branch: every branch.
EVERY: Any = NotABranch()


def _isValues(value: object) -> bool:
    isSeveral = isinstance(value, (list, tuple, set, frozenset))
    each: Any = value if isSeveral else [value]
    return all(one is None or one is EVERY or isText(one) for one in each)


_VALUES = Kind("text, or a list of texts", _isValues)
_KINDS = {
    "filter_fn": orNone(CHANGE_FUNCTION),
    **dict.fromkeys(FIELDS, _VALUES),
    **{f"{field}_re": orNone(PATTERN) for field in FIELDS},
    **{f"{field}_fn": orNone(CHANGE_FUNCTION) for field in FIELDS},
}


class ChangeFilter(ComparableMixin):
    """I want the changes that satisfy all of my conditions.

    C{branch} is one branch or a list of branches; None is the main line. C{branch_re} is a regular expression
    that must match from the beginning of the branch. C{branch_fn} is a function of the branch. The others are
    alike. C{filter_fn} is a function of the change.
    """

    compare_attrs = ("filter_fn", "conditions")

    @arguments(**_KINDS)
    def __init__(
        self,
        filter_fn: Callable[[Change], object] | None = None,
        project: str | Sequence[str] | None = None,
        project_re: Any = None,
        project_fn: Callable[[str], object] | None = None,
        repository: str | Sequence[str] | None = None,
        repository_re: object = None,
        repository_fn: Callable[[str], object] | None = None,
        category: str | Sequence[str] | None = None,
        category_re: object = None,
        category_fn: Callable[[Any], object] | None = None,
        branch: object = EVERY,
        branch_re: object = None,
        branch_fn: Callable[[Any], object] | None = None,
        codebase: str | Sequence[str] | None = None,
        codebase_re: object = None,
        codebase_fn: Callable[[str], object] | None = None,
    ) -> None:
        remember(self)
        self.filter_fn = filter_fn
        self.conditions = [
            ("project", _values(project), project_re, project_fn),
            ("repository", _values(repository), repository_re, repository_fn),
            ("category", _values(category), category_re, category_fn),
            ("branch", _values(branch, EVERY), branch_re, branch_fn),
            ("codebase", _values(codebase), codebase_re, codebase_fn),
        ]

    def __repr__(self) -> str:
        return f"ChangeFilter({', '.join(self._described())})"

    def _described(self) -> Iterator[str]:
        if self.filter_fn is not None:
            yield "filter_fn"
        for field, values, pattern, function in self.conditions:
            if values is not None:
                yield f"{field}={values[0] if len(values) == 1 else values!r}"
            if pattern is not None:
                yield f"{field}_re={getattr(pattern, 'pattern', pattern)}"
            if function is not None:
                yield f"{field}_fn"

    def filter_change(self, change: Change) -> bool:
        """True if I want a change. The functions of the configuration may raise."""
        if self.filter_fn is not None and not self.filter_fn(change):
            return False
        return all(_holds(getattr(change, field, ""), *condition) for field, *condition in self.conditions)

    def wantsBranch(self, branch: str | None) -> bool:
        """True if I want changes of a branch."""
        return all(_holds(branch, *each) for field, *each in self.conditions if field == "branch")


def _values(value: object, every: object = None) -> list[Any] | None:
    """The values that a condition allows; None if it allows every one."""
    if value is every:
        return None
    return list(value) if isinstance(value, (list, tuple, set, frozenset)) else [value]


def _holds(value: Any, values: list[Any] | None, pattern: Any, function: Any) -> bool:
    if values is not None and value not in values:
        return False
    if pattern is not None and (value is None or not re.match(pattern, value)):
        return False
    return function is None or bool(function(value))

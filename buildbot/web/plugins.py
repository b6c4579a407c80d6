# -*- test-case-name: tests.stories.test_webodd -*-
"""Answers of plug-ins as parts of a page. A failing plug-in does not break a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from buildbot.status.asking import Unanswered
from buildbot.web.markup import Value

T = TypeVar("T")


def cell(answer: T | Unanswered, show: Callable[[T], Value]) -> Value:
    """An answer as a part of a page, or the sentence in its place."""
    return answer.words if isinstance(answer, Unanswered) else show(answer)

# -*- test-case-name: tests.unit.mails.test_deciding -*-
"""Which builds need a mail. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, SUCCESS, WARNINGS
from buildbot.reporters.broken import NEUTRAL

#: Mode -> the results for which it wants a mail, whatever was before.
OF_RESULT = {
    "failing": (FAILURE,),
    "passing": (SUCCESS,),
    "warnings": (WARNINGS,),
    "exception": (EXCEPTION,),
    "cancelled": (CANCELLED,),
}
#: The modes that compare a build with the one before.
COMPARING = ("change", "problem")
MODES = (*OF_RESULT, *COMPARING)


def modesOf(mode: str | Iterable[str]) -> tuple[str, ...]:
    """The modes of an argument: one word, as in 0.7, or several, as in 0.8.

    As in 0.8, the single word "warnings" wants failures, too, and "all" every build that ended.
    """
    if mode == "all":
        return tuple(OF_RESULT)
    if mode == "warnings":
        return ("failing", "warnings")
    if isinstance(mode, str):
        return (mode,)
    given = tuple(mode)
    return (*OF_RESULT, *COMPARING) if "all" in given else given


def comparesBuilds(modes: Iterable[str]) -> bool:
    """True if one of the modes needs the build before."""
    return not set(COMPARING).isdisjoint(modes)


def wantsMail(modes: Iterable[str], results: int, before: int | None) -> bool:
    """True if a build needs a mail.

    @param results: of the build.
    @param before: the results of the build before it that says something; None if there is none.
    """
    for mode in modes:
        if results in OF_RESULT.get(mode, ()):
            return True
        if results in NEUTRAL:
            continue
        if mode == "change" and before is not None and before != results:
            return True
        if mode == "problem" and results == FAILURE and before != FAILURE:
            return True
    return False

# -*- test-case-name: tests.unit.web.accounts.test_guard -*-
"""The one object that pages and API ask about rights: it knows the rules and the builders."""

from __future__ import annotations

from collections.abc import Callable

from buildbot.web.accounts.permits import mayDo, whatMay
from buildbot.web.accounts.rights import NOTHING, Answer, Question, Rights, Subject, Verdict
from buildbot.web.accounts.visitor import ANONYMOUS, Visitor


class Guard:
    """I decide who may do what."""

    def __init__(self, rights: Rights, subjectOf: Callable[[str], Subject] = Subject) -> None:
        """@param subjectOf: makes the subject of a builder's name: its tags, its status."""
        self.rights = rights
        self._subjectOf = subjectOf

    def subject(self, builder: str | None = None, branch: str | None = None, *args: object) -> Subject:
        """The subject of an action on a builder and a branch. C{args} go to functions that decide."""
        known = NOTHING if builder is None else self._subjectOf(builder)
        return Subject(known.builder, known.tags, branch, args or known.args)

    async def ask(self, who: object, action: str, subject: Subject = NOTHING) -> Answer:
        """The answer, with a sentence. Raises L{buildbot.web.accounts.rights.UnknownAction}."""
        return await mayDo(self.rights, visitorOf(who), action, subject)

    async def may(self, who: object, action: str, builder: str | None = None) -> bool:
        """True if a visitor may do an action (to a builder)."""
        return (await self.ask(who, action, self.subject(builder))).isAllowed

    async def couldAfterLogin(self, action: str, builder: str | None = None) -> bool:
        """True if some account may do it, so that a login is worth offering."""
        decided = self.rights.decide(ANONYMOUS, action, self.subject(builder))
        return isinstance(decided, Question) or decided.verdict is not Verdict.NEVER

    async def all(self, who: object, builder: str | None = None) -> dict[str, Answer]:
        """The answer for each action, for the page C{what may I}."""
        return await whatMay(self.rights, visitorOf(who), self.subject(builder))


def visitorOf(who: object) -> Visitor:
    """The visitor behind a value of the pages: a Visitor, or a value that has one as C{detail}."""
    for each in (who, getattr(who, "detail", None)):
        if isinstance(each, Visitor):
            return each
    return ANONYMOUS

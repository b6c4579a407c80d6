# -*- test-case-name: tests.unit.web.accounts.test_permits -*-
"""Ask whether a visitor may do something, including functions of the configuration that answer later."""

from __future__ import annotations

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.web.accounts.rights import ACTIONS, NOTHING, Answer, Question, Rights, Subject, Verdict
from buildbot.web.accounts.visitor import Visitor

log = Logger()


async def mayDo(rights: Rights, who: Visitor, action: str, subject: Subject = NOTHING) -> Answer:
    """Whether a visitor may do something. A function that fails allows nothing, and the failure is logged.

    @raise buildbot.web.accounts.rights.UnknownAction: there is no action of this name.
    """
    decided = rights.decide(who, action, subject)
    return decided if isinstance(decided, Answer) else await _asked(decided, action)


async def _asked(question: Question, action: str) -> Answer:
    for function, args in question.calls:
        try:
            if await maybeDeferred(function, *args):
                return question.ifTrue
        except PLUGIN_ERRORS:
            log.failure("the function for the action {action} of the web failed", action=action)
            return Answer(Verdict.NEVER, "The check of the rights failed. The reason is in twistd.log.")
    return question.ifFalse


async def whatMay(rights: Rights, who: Visitor, subject: Subject = NOTHING) -> dict[str, Answer]:
    """The answer for each action, for a page that shows all of them."""
    return {action: await mayDo(rights, who, action, subject) for action in ACTIONS}

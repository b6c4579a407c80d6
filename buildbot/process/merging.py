# -*- test-case-name: tests.unit.process.test_merging -*-
"""Decide which requests of a builder may share one build, by C{mergeRequests} of master.cfg or by default.

L{buildbot.process.queue} chooses the next request and its slave.
"""

from __future__ import annotations

import inspect
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from buildbot.config.model import MergeRule
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.records import MOST_INTERRUPTIONS
from buildbot.process.request import BuildRequest

log = Logger()

#: The number of further builds of a request whose slave was lost (B5).
RETRIES = 2


def onTrial(request: BuildRequest) -> bool:
    """True if the next build of a request is its last attempt, after crashes of the master during others."""
    return request.interruptions >= MOST_INTERRUPTIONS - 1


def mayMerge(rule: MergeRule, builder: Any, one: BuildRequest, other: BuildRequest) -> bool:
    """True if one build of C{builder} may serve two of its requests.

    A request that is not mergeable, or on its last attempt, is always built alone.

    @param rule: the builder's rule in the configuration.
    """
    if not one.mergeable or not other.mergeable or onTrial(one) or onTrial(other):
        return False
    if (one.attempts < RETRIES) != (other.attempts < RETRIES):
        return False
    if callable(rule.says):
        return _asked(rule, builder, one, other)
    if not rule.says or not one.canBeMergedWith(other):
        return False
    return type(one) is type(other) is BuildRequest or other.canBeMergedWith(one)


def _asked(rule: MergeRule, builder: Any, one: BuildRequest, other: BuildRequest) -> bool:
    """Call the function of the configuration. If it fails, the two requests are built separately."""
    try:
        answer = rule.says(builder, one, other)  # type: ignore[operator]  # the caller has checked
        if isinstance(answer, Deferred) or inspect.isawaitable(answer):
            raise TypeError("mergeRequests must return True or False, and not a Deferred or a coroutine")
        return bool(answer)
    except PLUGIN_ERRORS:
        if not rule.failed:
            log.failure(
                "mergeRequests of builder {name} failed: each of those requests gets a build of its own",
                name=builder.name,
            )
        rule.failed = True
        return False

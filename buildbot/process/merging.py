# -*- test-case-name: tests.unit.process.test_merging -*-
"""Which requests of a builder may share one build: what C{mergeRequests} of master.cfg says, and the default.

Which of the requests is built next, and on which slave, is decided by L{buildbot.process.queue}.
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

#: How often a request is built again after its slave was lost (B5).
RETRIES = 2


def onTrial(request: BuildRequest) -> bool:
    """Whether the next build of a request is its last try, because the master crashed under the others."""
    return request.interruptions >= MOST_INTERRUPTIONS - 1


def mayMerge(rule: MergeRule, builder: Any, one: BuildRequest, other: BuildRequest) -> bool:
    """
    Whether one build of C{builder} may serve two of its requests.

    A request that is to be built alone is, whatever the rule says. So is one whose last try this is.

    @param rule: what the configuration says for the builder.
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
    """What the function of the configuration answers. If it fails, the two are built separately."""
    try:
        answer = rule.says(builder, one, other)  # type: ignore[operator]  # the caller has looked
        if isinstance(answer, Deferred) or inspect.isawaitable(answer):
            raise TypeError("mergeRequests must answer True or False at once, not later")
        return bool(answer)
    except PLUGIN_ERRORS:
        if not rule.failed:
            log.failure(
                "mergeRequests of builder {name} failed: each of those requests gets a build of its own",
                name=builder.name,
            )
        rule.failed = True
        return False

# -*- test-case-name: tests.stories.test_webremoved -*-
"""Call the handler of a route, while the configuration may change."""

from __future__ import annotations

import inspect
from typing import Any

from twisted.internet.defer import CancelledError

from buildbot.store.interface import StoreFailed
from buildbot.web.call import Call, Problem

#: How often a page is made at most, if each time a reconfig comes in between.
MOST = 3
#: What a handler raises on purpose.
_MEANT = (Problem, StoreFailed, CancelledError)


async def handled(call: Call) -> Any:
    """What the handler of a call returns.

    A handler that reads may find a builder at first, wait for the store, and then miss the builder, because a
    reconfig has removed it. Then the handler is called again.
    """
    master = call.world.master
    for number in range(1, MOST + 1):
        before = master.generation
        try:
            made = call.route.handler(call)
            return await made if inspect.isawaitable(made) else made
        except _MEANT:
            raise
        except Exception:
            if call.method not in ("", "GET") or master.generation == before or number == MOST:
                raise
    raise AssertionError("not reached")

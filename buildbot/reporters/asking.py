# -*- test-case-name: tests.stories.test_mail -*-
"""Call functions of the configuration that take part in messages."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.interfaces import IReactorTime

#: Seconds for one call. All later messages of the reporter wait for it.
CALL_TIME = 30.0


def asked(clock: IReactorTime, function: Callable[..., Any], *args: Any) -> Deferred[Any]:
    """Call a function that may return a Deferred.

    @return: fires with its answer; fails with twisted's C{TimeoutError} if there is none within L{CALL_TIME}.
    """
    return maybeDeferred(function, *args).addTimeout(CALL_TIME, clock)

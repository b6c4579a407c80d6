# -*- test-case-name: tests.stories.test_webreach -*-
"""Commands of the master for visitors who do not see all builders: a refusal names nothing hidden."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from buildbot.control.client import ControlError
from buildbot.web.sight import Sight

_UNTOLD = "this is not possible; the reason names builders or slaves that you may not see"


def discreet(command: Callable[..., Any], sight: Sight) -> Callable[..., Any]:
    """The command. Its L{ControlError} has no reason if the reason names a hidden builder or slave."""

    def untold(why: ControlError) -> ControlError:
        return ControlError(_UNTOLD) if sight.hides(str(why)) else why

    async def later(work: Awaitable[Any]) -> Any:
        try:
            return await work
        except ControlError as why:
            raise untold(why) from None

    def call(*args: Any, **given: Any) -> Any:
        try:
            found = command(*args, **given)
        except ControlError as why:
            raise untold(why) from None
        return later(found) if inspect.isawaitable(found) else found

    return call

# -*- test-case-name: tests.unit.config.test_spellings -*-
"""Accept arguments under their names of later releases, where slaves are called workers."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

_Init = TypeVar("_Init", bound=Callable[..., None])


def spelled(**names: str) -> Callable[[_Init], _Init]:
    """Decorate a constructor that L{buildbot.config.arguments.arguments} has decorated.

    @param names: the later name of an argument -> its name here. If both are given, the later one is unknown.
    """

    def decorate(init: _Init) -> _Init:
        @wraps(init)
        def translated(made: object, *args: object, **kwargs: Any) -> None:
            for later, name in names.items():
                if later in kwargs and name not in kwargs:
                    kwargs[name] = kwargs.pop(later)
            init(made, *args, **kwargs)

        return translated  # type: ignore[return-value]

    return decorate

# -*- test-case-name: tests.unit.web.test_warming -*-
"""Import the modules of the pages one at a time while the master is idle, so that no visitor waits for them.

They are imported soon after the start, because a new release may replace their files later.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pkgutil import iter_modules

from twisted.logger import Logger

import buildbot.web.api
import buildbot.web.pages
import buildbot.web.serving
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.events.alarm import Alarm
from buildbot.events.reactors import Timers

log = Logger()

#: Seconds from the start of the web server to the first import, and between two imports.
REST = 3.0
PAUSE = 0.05
_PACKAGES = (buildbot.web.pages, buildbot.web.api, buildbot.web.serving)
_ALL = "buildbot.web.firstuse"


def modules() -> Iterator[str]:
    """The modules of the pages, and last the one that imports all that are missing."""
    for package in _PACKAGES:
        yield from (each.name for each in iter_modules(package.__path__, f"{package.__name__}."))
    yield _ALL


class Warming:
    """I wake a web server, then import modules one by one, each in a turn of the reactor of its own."""

    def __init__(
        self, clock: Timers, names: Iterable[str] | None = None, wake: Callable[[], object] | None = None
    ) -> None:
        self._clock = clock
        self._wake = wake
        self._left = (each for each in (modules() if names is None else names) if each not in sys.modules)
        self._alarm = Alarm(self._next)

    def start(self) -> None:
        """Begin after L{REST} seconds, unless all pages are there."""
        if _ALL not in sys.modules:
            self._alarm.set(self._clock, REST)

    def stop(self) -> None:
        """Import no more."""
        self._alarm.stop()

    def _next(self) -> None:
        wake, self._wake = self._wake, None
        name = "buildbot.web.running" if wake is not None else next(self._left, None)
        if name is None:
            return
        try:
            if wake is not None:
                wake()
            else:
                import_module(name)
        except PLUGIN_ERRORS:
            log.failure("the pages cannot be loaded: {name} is broken", name=name)
            return
        self._alarm.set(self._clock, PAUSE)

# -*- test-case-name: tests.stories.test_senders -*-
"""Notice when the configuration that has a reporter comes into force. It may be refused after the start."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from buildbot.events.alarm import Alarm

#: Seconds between two looks: the first, and the most. Each wait is twice the one before. At a start, the
#: configuration is in force a moment later, and no build may end before the reporter knows.
_FIRST, _EVERY = 0.05, 1.0


class InForce:
    """I look at the configuration in force until it has the reporter, or the reporter stops."""

    def __init__(self, reporter: object, master: Any, begun: Callable[[], object] = lambda: None) -> None:
        """@param begun: called once, when the configuration is in force."""
        self._reporter = reporter
        self._master = master
        self._begun = begun
        self._known: Deferred[bool] = Deferred()
        self._alarm = Alarm(self.look)
        self._wait = _FIRST

    def whenKnown(self) -> Deferred[bool]:
        """Fires with True when the configuration is in force, with False when the reporter stops before."""
        return self._known

    def look(self) -> None:
        """Look now, and again until it is in force."""
        if any(each is self._reporter for each in self._master.config.status):
            self._begun()
            self._known.callback(True)
        else:
            self._alarm.set(self._master.botmaster.resources.clock, self._wait)
            self._wait = min(_EVERY, 2 * self._wait)

    def end(self) -> None:
        """The reporter stops."""
        self._alarm.stop()
        if not self._known.called:
            self._known.callback(False)

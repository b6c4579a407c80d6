# -*- test-case-name: tests.unit.status.test_events -*-
"""Events of a builder outside of builds, such as a slave that connects. They are kept in memory only."""

from __future__ import annotations

from collections.abc import Sequence

from zope.interface import implementer

from buildbot.interfaces import IStatusEvent, IStatusLog
from buildbot.model.times import now


@implementer(IStatusEvent)
class Event:
    """I am one event.

    @ivar started, finished: its times, in seconds since the epoch; C{finished} is None while it lasts.
    @ivar color: the colour of its box in 0.7.5, or None.
    """

    def __init__(
        self,
        started: float | None = None,
        finished: float | None = None,
        text: Sequence[str] = (),
        color: str | None = None,
    ) -> None:
        self.started = started
        self.finished = finished
        self.text = list(text)
        self.color = color

    def __repr__(self) -> str:
        return f"<Event {' '.join(self.text)}>"

    def getTimes(self) -> tuple[float, float | None]:
        """The pair (start, end)."""
        return self.started or 0.0, self.finished

    def getText(self) -> list[str]:
        """The event as a list of words."""
        return list(self.text)

    def getColor(self) -> str | None:
        """The colour of its box in 0.7.5."""
        return self.color

    def getLogs(self) -> list[IStatusLog]:
        """Always empty: an event has no logs."""
        return []

    def finish(self) -> None:
        """End the event now."""
        self.finished = now()


class SlaveEvents:
    """I make the events of slaves. All builders of a slave share one event: a slave may have hundreds."""

    def __init__(self) -> None:
        self._last = Event()

    def of(self, when: float, what: str, slave: str) -> Event:
        """The event without a duration that something happened to a slave, at most a second ago.

        @param when: in seconds since the epoch.
        """
        last = self._last
        if last.text != [what, slave] or not 0 <= when - (last.started or 0.0) < 1:
            last = self._last = Event(when, when, [what, slave])
        return last

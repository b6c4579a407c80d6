# -*- test-case-name: tests.unit.web.serving.test_counting -*-
"""The counters of a web server for its metrics: builds, changes, requests, and delays of the reactor.

L{buildbot.web.serving.metrics} shows them. The counts start at the first request for metrics; only the counts
of requests start earlier. Counting does not slow down builds.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IDelayedCall, IReactorTime

from buildbot.process.buildevents import BuildEvents
from buildbot.status.topics import BUILDS, CHANGES, MASTER, News, Subscription, Topics
from buildbot.web.feeds.metrics import Histogram
from buildbot.web.requestcounts import RequestCounts

#: The bounds of the durations of builds, of the waits for them, and of the delays of the reactor, in seconds.
DURATIONS = (10, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800)
WAITS = (1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400)
DELAYS = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
#: Seconds between two looks at the delay of the reactor.
LOOK = 0.25


class ReactorDelay:
    """I measure how late the reactor calls me. Slaves and pages wait that long for its longest turns.

    @ivar seen: the delays, in seconds.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self._clock = clock
        self._due = 0.0
        self._call: IDelayedCall | None = None
        self.seen = Histogram(DELAYS)

    def start(self) -> None:
        """Begin to measure."""
        self._due = self._clock.seconds() + LOOK
        self._call = self._clock.callLater(LOOK, self._look)

    def stop(self) -> None:
        """Stop measuring."""
        call, self._call = self._call, None
        if call is not None:
            call.cancel()

    def _look(self) -> None:
        self.seen.observe(max(0.0, self._clock.seconds() - self._due))
        self.start()


class Counting:
    """I count the events since the first request for metrics.

    @ivar finished: builder -> result -> the number of finished builds; C{seconds}: of all of them.
    @ivar changes: the number of received changes.
    @ivar durations: the durations of builds; C{waits}: the waits of their requests.
    @ivar requests: the counts of requests since the start.
    """

    def __init__(self, clock: IReactorTime, requests: RequestCounts | None = None) -> None:
        self._subscription: Subscription | None = None
        self._events: BuildEvents | None = None
        self.finished: dict[str, dict[int, int]] = {}
        self.seconds: dict[str, float] = {}
        self.changes = 0
        self.durations = Histogram(DURATIONS)
        self.waits = Histogram(WAITS)
        self.delay = ReactorDelay(clock)
        self.requests = requests or RequestCounts()
        self.reloaded = True
        self.reloadedAt: float | None = None

    def hear(self, topics: Topics, events: BuildEvents) -> None:
        """Begin to count, if I do not yet."""
        if self._subscription is None:
            self._subscription = topics.subscribe((BUILDS, CHANGES, MASTER), self._tell, events=True)
            self._events = events
            events.subscribe(self)
            self.delay.start()

    def stop(self) -> None:
        """Stop counting."""
        if self._subscription is not None:
            self._subscription.stop()
            self._subscription = None
        if self._events is not None:
            self._events.unsubscribe(self)
            self._events = None
        self.delay.stop()

    def buildStarted(self, builder: object, build: Any) -> None:
        """See L{BuildEvents.subscribe}. All requests of the build have waited until now."""
        started = build.build_status.started
        for request in build.requests:
            self.waits.observe(max(0.0, started - request.submitted))

    def _tell(self, news: News) -> None:
        for each in news.events:
            data = each["data"]
            if each["event"] == "buildFinished":
                self._built(data["builder"], data["results"], data["finished"] - data["started"])
            elif each["event"] == "changeAdded":
                self.changes += 1
            elif each["event"] == "reconfigured":
                self.reloaded = data["applied"]
                if data["applied"]:
                    self.reloadedAt = each["when"]

    def _built(self, builder: str, results: int, seconds: float) -> None:
        counts = self.finished.setdefault(builder, {})
        counts[results] = counts.get(results, 0) + 1
        self.seconds[builder] = self.seconds.get(builder, 0.0) + seconds
        self.durations.observe(seconds)

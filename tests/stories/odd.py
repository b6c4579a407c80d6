"""Plug-ins whose methods fail or return nonsense, when a test says so; a story loads them."""

from __future__ import annotations

from typing import Any

from buildbot.changes.base import ChangeSource, PollingChangeSource
from buildbot.process.buildstep import BuildStep
from buildbot.schedulers.branches import Scheduler
from buildbot.status.base import StatusReceiverMultiService


class Ways:
    """I control the plug-ins.

    @ivar way: what each method does; None: as it should.
    """

    way: Any = None


def odd(method: Any) -> Any:
    """A method that misbehaves as L{Ways} say."""

    def misbehave(self: Any, *args: Any, **kwargs: Any) -> Any:
        return method(self, *args, **kwargs) if Ways.way is None else Ways.way()

    return misbehave


class OddScheduler(Scheduler):
    """A scheduler of a site."""

    listBuilderNames = odd(Scheduler.listBuilderNames)
    getPendingBuildTimes = odd(Scheduler.getPendingBuildTimes)
    getPendingBuildsets = odd(Scheduler.getPendingBuildsets)
    waitingChanges = odd(Scheduler.waitingChanges)
    getName = odd(Scheduler.getName)
    treeStableTimer = property(odd(lambda self: 120), lambda self, value: None)
    isForEvery = property(odd(lambda self: False), lambda self, value: None)


class OddSource(ChangeSource):
    """A change source of a site."""

    describe = odd(lambda self: "an odd source")


class OddPoller(PollingChangeSource):
    """A poller of a site."""

    describe = odd(lambda self: "an odd poller")
    lastPoll = property(odd(lambda self: None), lambda self, value: None)
    found = property(odd(lambda self: 0), lambda self, value: None)

    def poll(self) -> Any:
        """Look for nothing."""
        return None


class OddReceiver(StatusReceiverMultiService):
    """A status receiver of a site."""

    buildsetSubmitted = odd(lambda self, *args: None)
    builderAdded = odd(lambda self, *args: None)
    buildStarted = odd(lambda self, *args: None)
    buildFinished = odd(lambda self, *args: None)
    getName = odd(lambda self: "odd")

    def setServiceParent(self, parent: Any) -> None:
        """Hear of everything."""
        StatusReceiverMultiService.setServiceParent(self, parent)
        parent.status.subscribe(self)


class OddStep(BuildStep):
    """A step of a site: it says nonsense in each way that a step has."""

    def start(self) -> Any:
        """Say nonsense, and go on until the test ends me."""
        status: Any = self.step_status
        for nonsense in (None, object(), [None, 5, b"\xff"], {"a": object()}, "\ud800" * 10):
            for say in (
                lambda value: status.setText(value),
                lambda value: status.setText2(value),
                lambda value: status.addURL(value, value),
                lambda value: status.setStatistic(value, value),
                lambda value: status.setProgress(value, value),
                lambda value: self.setProperty(str(value), value, value),
                lambda value: self.addCompleteLog(value, value),
                lambda value: self.addHTMLLog(value, value),
            ):
                try:
                    say(nonsense)
                except Exception:  # the master refuses it: that is good, too
                    pass

    def interrupt(self, reason: Any) -> Any:
        """End."""
        self.finished(2)

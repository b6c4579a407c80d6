"""A fake cloud, and latent slaves of 0.8 that run there. A test tells it to fail, or to take its time."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from buildbot.buildslave import AbstractLatentBuildSlave
from buildbot.interfaces import LatentBuildSlaveFailedToSubstantiate


class Cloud:
    """I have the running instances.

    @ivar running: the numbers of the running instances: slave -> list.
    @ivar most: the greatest number of instances of one slave at any time.
    @ivar holds: True: calls wait for L{answer}.
    @ivar startFails, stopFails: the reason why calls fail; empty if they succeed.
    @ivar leaks: True: a start that fails has made an instance.
    @ivar calls: the calls, in their order.
    """

    def __init__(self) -> None:
        self.running: dict[str, list[int]] = {}
        self.most = 0
        self.holds = False
        self.startFails = self.stopFails = ""
        self.leaks = False
        self.calls: list[str] = []
        self.builds: list[Any] = []
        self._waiting: list[Deferred[None]] = []
        self._count = 0

    @property
    def left(self) -> int:
        """The number of running instances."""
        return sum(map(len, self.running.values()))

    def answer(self) -> None:
        """Answer all calls that wait."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.callback(None)

    def _call(self, text: str) -> Deferred[None]:
        self.calls.append(text)
        if not self.holds:
            return succeed(None)
        waiting: Deferred[None] = Deferred()
        self._waiting.append(waiting)
        return waiting

    def start(self, name: str) -> Deferred[int]:
        """Start an instance; fires with its number."""
        return self._call(f"start {name}").addCallback(lambda none: self._start(name))

    def _start(self, name: str) -> int | Deferred[int]:
        if self.startFails and not self.leaks:
            return fail(LatentBuildSlaveFailedToSubstantiate(self.startFails))
        self._count += 1
        mine = self.running.setdefault(name, [])
        mine.append(self._count)
        self.most = max(self.most, len(mine))
        if self.startFails:
            return fail(LatentBuildSlaveFailedToSubstantiate(self.startFails))
        return self._count

    def stop(self, name: str) -> Deferred[None]:
        """Stop all instances of a slave."""
        return self._call(f"stop {name}").addCallback(lambda none: self._stop(name))

    def _stop(self, name: str) -> Deferred[None] | None:
        if self.stopFails:
            return fail(OSError(self.stopFails))
        self.running.pop(name, None)
        return None


#: The cloud of the master.cfg of a test.
CLOUD = Cloud()


class CloudSlave(AbstractLatentBuildSlave):
    """A slave in the manner of 0.8. Its cloud finds instances by the name of the slave."""

    instance = None

    def __init__(self, name: str, password: str, size: str = "small", **kwargs: Any) -> None:
        AbstractLatentBuildSlave.__init__(self, name, password, **kwargs)
        self.size = size

    def start_instance(self, build: Any) -> Deferred[Any]:
        CLOUD.builds.append(build)
        return CLOUD.start(self.slavename).addCallback(self._started)

    def _started(self, number: int) -> list[Any]:
        self.instance = number
        return [number, self.size, "00:00:01"]

    def stop_instance(self, fast: bool = False) -> Deferred[None]:
        self.instance = None
        return CLOUD.stop(self.slavename)

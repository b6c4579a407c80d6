# -*- test-case-name: tests.unit.irc.test_joining -*-
"""The channels of the bot: joined after the login, and again after a kick, ever later."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from buildbot.events.alarm import Alarm
from buildbot.events.reactors import Timers
from buildbot.irc.harmless import folded

#: Seconds until a channel is joined again, and the longest wait. Each wait is twice the one before.
FIRST_WAIT, LONGEST_WAIT = 60.0, 3600.0
#: The most channels, and how many are joined with one line.
MOST, AT_ONCE = 50, 4


class TooManyChannels(Exception):
    """There are L{MOST} channels already."""


class Channels:
    """I know the wanted channels of one connection, and which are joined.

    @ivar joined: the names of the joined channels, in small letters.
    """

    def __init__(
        self, clock: Timers, wanted: Mapping[str, str | None], join: Callable[[str, str | None], object]
    ) -> None:
        """@param wanted: channel -> its key or None.
        @param join: asks the server to let the bot into channels; it takes their names, and their keys or
            None, with commas between them.
        """
        self._clock = clock
        self._join = join
        self._keys = {folded(name): (name, key) for name, key in wanted.items()}
        self._failures: dict[str, int] = {}
        self._alarms: dict[str, Alarm] = {}
        self.joined: set[str] = set()

    def begin(self) -> None:
        """Join all channels, several at a time: each line takes its time."""
        open = [name for name, key in self._keys.values() if key is None]
        locked = [(name, key) for name, key in self._keys.values() if key is not None]
        for start in range(0, len(locked), AT_ONCE):
            names, keys = zip(*locked[start : start + AT_ONCE], strict=True)
            self._join(",".join(names), ",".join(keys))
        for start in range(0, len(open), AT_ONCE):
            self._join(",".join(open[start : start + AT_ONCE]), None)

    def want(self, name: str, key: str | None = None) -> None:
        """Join one more channel. Raises L{TooManyChannels}."""
        if folded(name) not in self._keys and len(self._keys) >= MOST:
            raise TooManyChannels(name)
        self._keys[folded(name)] = name, key
        self._join(name, key)

    def forget(self, name: str) -> None:
        """A channel is wanted no more."""
        self._keys.pop(folded(name), None)
        self._failures.pop(folded(name), None)
        alarm = self._alarms.pop(folded(name), None)
        if alarm is not None:
            alarm.stop()

    def entered(self, name: str) -> None:
        """The bot is in a channel."""
        self.joined.add(folded(name))

    def left(self, name: str) -> None:
        """The bot is no longer in a channel."""
        self.joined.discard(folded(name))

    def missed(self, name: str) -> float | None:
        """The bot was kicked, or is not let in: try later.

        @return: the seconds until then; None if the channel is not wanted.
        """
        small = folded(name)
        self.joined.discard(small)
        if small not in self._keys:
            return None
        failures = self._failures[small] = self._failures.get(small, 0) + 1
        wait: float = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(failures - 1, 20))
        alarm = self._alarms.setdefault(small, Alarm(lambda: self._again(small)))
        alarm.set(self._clock, wait)
        return wait

    def stop(self) -> None:
        """The connection is gone."""
        for alarm in self._alarms.values():
            alarm.stop()
        self.joined.clear()

    def _again(self, small: str) -> None:
        name, key = self._keys[small]
        self._join(name, key)

# -*- test-case-name: tests.unit.latent.test_buildslave -*-
"""AbstractLatentBuildSlave, as files of 0.8 derive their own slaves from it: an entry of C{c['slaves']}.

It is only the configuration of a slave, and the two methods that start and stop its instance.
L{buildbot.latent.instance} decides when the methods are called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, succeed

from buildbot.config.arguments import Kind, arguments
from buildbot.config.buildslave import BuildSlave
from buildbot.config.kinds import FLAG, SOME_SECONDS, isSeconds

#: Seconds until a slave that does not attach is stopped: the default of 0.8.
MISSING_TIMEOUT = 20 * 60
#: Seconds that an idle slave waits for the next build: the default of 0.8.
BUILD_WAIT_TIMEOUT = 10 * 60
#: Seconds until the first further attempt after a failure.
RETRY_WAIT = 15.0
#: The values of arguments that a comparison of two slaves understands.
_PLAIN = (str, bytes, int, float, bool, type(None))

WAIT = Kind(
    "a number of seconds, 0, or -1 for no limit", lambda value: value == -1 or isSeconds(value), standIn=0
)


class AbstractLatentBuildSlave(BuildSlave):
    """I am a slave that the master starts when a build needs it. A subclass has the two methods.

    The master sets two attributes before each call of a method.

    @ivar environment: what the instance has to know, as environment variables: name -> text.
    @ivar instance_id: what C{start_instance} has returned, as JSON values; None before that. It survives a
        restart of the master; other attributes do not.
    @ivar start_timeout: the seconds after which a start has surely ended, also if the master was
        killed; 0: unknown.
    @ivar stop_timeout: the most seconds for C{stop_instance}.
    @ivar makesPassword: True if the master makes a password for each instance.
    """

    environment: Mapping[str, str] = {}
    instance_id: Any = None
    start_timeout: float = 0.0
    stop_timeout: float = 1200.0
    makesPassword = False
    #: The plain attributes as the file has set them; later ones may belong to a running instance.
    _written: dict[str, object] | None = None

    @arguments(build_wait_timeout=WAIT, stop_with_master=FLAG, retry_wait=SOME_SECONDS)
    def __init__(
        self,
        name: str,
        password: str,
        max_builds: int | None = None,
        notify_on_missing: str | Sequence[str] | None = None,
        missing_timeout: float | None = MISSING_TIMEOUT,
        build_wait_timeout: float = BUILD_WAIT_TIMEOUT,
        properties: Mapping[str, Any] | None = None,
        locks: Sequence[Any] | None = None,
        keepalive_interval: float | None = None,
        stop_with_master: bool = True,
        retry_wait: float = RETRY_WAIT,
    ) -> None:
        """@param missing_timeout: seconds from the start until a slave that has not attached is stopped.
        @param build_wait_timeout: seconds without a build until it is stopped; 0: after its first build; -1:
            never, while the master runs.
        @param stop_with_master: stop the instance when the master stops. False: it may go on, and attach
            again after a restart.
        @param retry_wait: seconds until a failed start or stop is tried again; each time twice as many.
        """
        super().__init__(
            name,
            password,
            max_builds,
            notify_on_missing,
            missing_timeout,
            properties,
            locks,
            keepalive_interval,
        )
        self.build_wait_timeout = build_wait_timeout
        self.stop_with_master = stop_with_master
        self.retry_wait = retry_wait

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.slavename!r})"

    def start_instance(self, build: Any) -> Deferred[Any] | Any:
        """Start an instance that will connect with my name and password.

        @param build: the first build that needs it: a L{buildbot.process.base.Build} with its properties. It
            is never run, and has no number.
        @return: a Deferred that fires when the instance has started. A false value means that it has not.
        """
        raise NotImplementedError(f"{type(self).__name__} has no start_instance")

    def stop_instance(self, fast: bool = False) -> Deferred[Any] | Any:
        """Stop the instance; succeed also if there is none, or only a part of one.

        @param fast: True if somebody waits for it, such as the end of the master.
        @return: a Deferred that fires when it has ended. If it fails, the master calls this again later.
        """
        raise NotImplementedError(f"{type(self).__name__} has no stop_instance")

    def disconnect(self) -> Deferred[None]:
        """Does nothing: the master itself disconnects the slave before it calls C{stop_instance}."""
        return succeed(None)

    def abort_start(self, started: Deferred[Any]) -> None:
        """End a start that takes too long: its Deferred, which I get here, must fire soon."""
        started.cancel()

    def canStop(self, other: AbstractLatentBuildSlave) -> bool:
        """True if I can stop what another slave of my name has started. Asked after a stop has failed."""
        return False

    def means(self) -> dict[str, Any] | None:
        """What a later process needs to stop an instance, as JSON values; None: the configuration."""
        return None

    def asBot(self) -> tuple[str, str, dict[str, Any]]:
        """The entry for C{c['bots']}."""
        self._written = self._plainValues()
        name, password, options = super().asBot()
        return name, password, {**options, "latent": self}

    def _plainValues(self) -> dict[str, object]:
        return {name: value for name, value in vars(self).items() if name[0] != "_" and _isPlain(value)}

    def _compared(self) -> dict[str, object]:
        """Also the plain attributes that a subclass has set in its constructor."""
        return {
            **(self._written if self._written is not None else self._plainValues()),
            **super()._compared(),
        }


def _isPlain(value: object) -> bool:
    if isinstance(value, (list, tuple)):
        return all(map(_isPlain, value))
    if isinstance(value, dict):
        return all(_isPlain(each) for pair in value.items() for each in pair)
    return isinstance(value, _PLAIN)

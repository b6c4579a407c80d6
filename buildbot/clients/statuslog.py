# -*- test-case-name: tests.stories.test_statuslog -*-
"""Follow what happens on a master over PB, and print it: the master needs a PBListener."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.spread import pb

from buildbot.clients.connecting import ClientFactory, endpointOf, isRefusedLogin, reasonOf
from buildbot.model.results import Results
from buildbot.wire.dialect import text

#: The account of a PBListener by default.
ACCOUNT = ("statusClient", "clientpw")
#: The seconds until the master must have accepted the login.
TIMEOUT = 60.0
#: The seconds between two estimates, as in 0.7.
INTERVAL = 5
#: The most characters of a name, and of a line of output.
_LONGEST, _LONGEST_LINE = 200, 10_000
_CHANNELS = {0: "stdout", 1: "stderr", 2: "header"}


class NotFollowed(Exception):
    """The master could not be reached, or has gone. The text is for the user."""


class StatusLog(pb.Referenceable):
    """I print one line for each event that the master tells."""

    def __init__(
        self,
        master: str,
        mode: str,
        say: Callable[[str], object],
        reactor: Any,
        account: tuple[str, str] = ACCOUNT,
        endpoint: IStreamClientEndpoint | None = None,
    ) -> None:
        """@param master: the address of the port, C{HOST:PORT}.
        @param mode: builders, builds, steps, logs or full: how much the master tells.
        @param say: prints a line. If it fails, L{follow} fails with its exception.
        @raise ValueError: the address is not valid.
        """
        self._master = master
        self._mode = mode
        self._say = say
        self._reactor = reactor
        self._account = account
        self._endpoint = endpoint or endpointOf(master, reactor)
        self._over: Deferred[None] = Deferred()
        self._isOver = False

    async def follow(self) -> None:
        """Follow the master until the connection ends. Then raises L{NotFollowed}."""
        factory = ClientFactory()
        name, password = (each.encode("utf-8", "surrogateescape") for each in self._account)

        async def subscribe() -> Any:
            broker: Any = await self._endpoint.connect(factory)
            setTcpKeepAlive = getattr(broker.transport, "setTcpKeepAlive", None)
            if setTcpKeepAlive is not None:  # a long silence must not hide that the master's host is gone
                setTcpKeepAlive(True)
            remote = await factory.login(UsernamePassword(name, password))
            remote.notifyOnDisconnect(self._lost)
            await remote.callRemote("subscribe", self._mode.encode(), INTERVAL, self)
            return remote

        try:
            remote = await ensureDeferred(subscribe()).addTimeout(TIMEOUT, self._reactor)
        except Exception as error:
            factory.disconnect()
            raise NotFollowed(self._reason(error)) from None
        try:
            await self._over
        finally:
            remote.dontNotifyOnDisconnect(self._lost)
            factory.disconnect()

    def _reason(self, error: Exception) -> str:
        if isRefusedLogin(error, Failure()):
            why = "it has no PBListener with this name and password"
            return f"{self._master} refuses the login of {self._account[0]!r}: {why}"
        if isinstance(error, pb.RemoteError):
            return f"{self._master} refuses to tell what happens: {text(str(error), 500)}"
        return reasonOf(error, self._master, TIMEOUT)

    def _lost(self, reference: object) -> None:
        self._end(NotFollowed(f"{self._master} has ended the connection"))

    def _end(self, why: Exception) -> None:
        if not self._isOver:
            self._isOver = True
            self._over.errback(why)

    def _tell(self, event: str, *words: object, line: str | None = None) -> None:
        if self._isOver:
            return
        said = [event, *(text(each, _LONGEST) for each in words)]
        try:
            self._say(" ".join(said if line is None else [*said, text(line, _LONGEST_LINE)]))
        except OSError as error:
            self._end(error)

    # called by the master

    def remote_builderAdded(self, name: object, builder: object) -> None:
        """There is a builder."""
        self._tell("builderAdded", name)

    def remote_builderRemoved(self, name: object) -> None:
        """A builder has gone."""
        self._tell("builderRemoved", name)

    def remote_builderChangedState(self, name: object, state: object, eta: object = None) -> None:
        """A builder has another state."""
        self._tell("builderChangedState", name, state)

    def remote_buildStarted(self, name: object, build: object) -> None:
        """A build has started."""
        self._tell("buildStarted", name)

    def remote_buildFinished(self, name: object, build: object, results: object) -> None:
        """A build has ended."""
        self._tell("buildFinished", name, _outcome(results))

    def remote_buildETAUpdate(self, name: object, build: object, eta: object) -> None:
        """There is a new estimate for a build."""
        self._tell("buildETAUpdate", name, _seconds(eta))

    def remote_stepStarted(self, name: object, build: object, step: object, reference: object) -> None:
        """A step has started."""
        self._tell("stepStarted", name, step)

    def remote_stepFinished(
        self, name: object, build: object, step: object, reference: object, results: Any
    ) -> None:
        """A step has ended."""
        result = results[0] if isinstance(results, (list, tuple)) and results else results
        self._tell("stepFinished", name, step, _outcome(result))

    def remote_stepETAUpdate(
        self, name: object, build: object, step: object, reference: object, eta: object, expectations: object
    ) -> None:
        """There is a new estimate for a step."""
        self._tell("stepETAUpdate", name, step, _seconds(eta))

    def remote_logStarted(
        self, name: object, build: object, step: object, reference: object, logname: object, log: object
    ) -> None:
        """A log has been opened."""
        self._tell("logStarted", name, step, logname)

    def remote_logFinished(
        self, name: object, build: object, step: object, reference: object, logname: object, log: object
    ) -> None:
        """A log is complete."""
        self._tell("logFinished", name, step, logname)

    def remote_logChunk(
        self,
        name: object,
        build: object,
        step: object,
        reference: object,
        logname: object,
        log: object,
        channel: Any,
        output: Any,
    ) -> None:
        """There is output: one line for each of its lines."""
        if isinstance(output, bytes):
            output = output.decode("utf-8", "replace")
        where = _CHANNELS.get(channel, "?") if isinstance(channel, int) else "?"
        for line in str(output).splitlines():
            self._tell("logChunk", name, step, logname, f"{where}:", line=line)


def _outcome(results: object) -> str:
    """A result in words."""
    if isinstance(results, int) and 0 <= results < len(Results):
        return Results[results]
    return "unknown" if results is None else f"result {text(results, 20)}"


def _seconds(eta: object) -> str:
    if isinstance(eta, (int, float)) and math.isfinite(eta):
        return f"{eta:.0f} s"
    return "unknown"

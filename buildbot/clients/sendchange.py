# -*- test-case-name: tests.unit.clients.test_sendchange -*-
"""Send changes to a master over PB, also to masters of other generations.

L{buildbot.scripts} has the command line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from twisted.cred.credentials import UsernamePassword
from twisted.internet.defer import Deferred, ensureDeferred, fail
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.python.failure import Failure
from twisted.spread import pb
from twisted.spread.banana import SIZE_LIMIT

from buildbot.clients.connecting import (
    ClientFactory,
    endpointOf,
    isRefusedLogin,
    isRemote,
    isTooLarge,
    reasonOf,
)
from buildbot.wire import failure  # registers the decoding of errors of old masters
from buildbot.wire.dialect import text

__all__ = ["SendFailed", "Sender", "failure"]

#: The default time limit, in seconds.
TIMEOUT = 60.0
#: The remote exceptions for a change that the master refuses for good. Sending it again is useless.
_NEVER_TAKEN = ("BadChange", "TypeError", "ValueError", "KeyError", "AttributeError")
#: The default account, as in 0.7.5.
ACCOUNT = ("change", "changepw")


_TOO_LARGE = f"a text or list of the change has more than {SIZE_LIMIT} bytes or entries: too large to send"


class SendFailed(Exception):
    """The change was not sent, or the master did not confirm it. The message is for the user."""


class Sender:
    """I send changes to one master.

    @ivar failed: True after a change that could not be sent.
    """

    failed = False

    def __init__(
        self,
        master: str,
        user: str | None = None,
        username: str = ACCOUNT[0],
        password: str = ACCOUNT[1],
        timeout: float = TIMEOUT,
        reactor: Any = None,
        endpoint: IStreamClientEndpoint | None = None,
    ) -> None:
        """@param master: C{"host:port"}, or a client endpoint description of Twisted.
        @param user: the author of the changes; C{send} may name another.
        @param username: the account of the master's PBChangeSource, with its C{password}.
        @param timeout: the time limit in seconds, for one call of C{send} or C{sendAll}.
        @param endpoint: the C{IStreamClientEndpoint} to connect to, instead of C{master}.
        @raise ValueError: C{master} is neither.
        """
        if reactor is None:
            from twisted.internet import reactor
        self.user = user
        self._account = (username, password)
        self._timeout = timeout
        self._reactor = reactor
        self._master = master
        self._endpoint = endpoint or endpointOf(master, reactor)

    def send(
        self,
        branch: str | None,
        revision: str | int | None,
        comments: str,
        files: Iterable[str],
        user: str | None = None,
        **more: Any,
    ) -> Deferred[None]:
        """Send a change.

        @param more: further keys, such as C{category}, C{revlink}, C{when}, C{properties}. Masters before
            0.7.12 ignore them.
        @return: fires with None after the master has confirmed the change; fails with L{SendFailed}.
        """
        change = {
            "who": user or self.user or "",
            "files": list(files),
            "comments": comments,
            "branch": branch,
            "revision": revision,
            **more,
        }
        if isTooLarge(change):
            self.failed = True
            return fail(SendFailed(_TOO_LARGE))

        async def hand(remote: pb.RemoteReference) -> None:
            await self.addChange(remote, change)

        return ensureDeferred(self._converse(hand))

    def sendAll(
        self, changes: Sequence[Mapping[str, Any]], told: Callable[[int, str | None], None]
    ) -> Deferred[None]:
        """Send several changes in order over one connection, each after the answer to the one before.

        @param changes: the keys of each change, as PB sends them: C{who}, C{files}, C{comments}, C{branch},
            C{revision} and so on.
        @param told: called with the index of each change, and with None if the master has it, or with the
            reason why the master refuses it for good. After a refusal, the next change is sent.
        @return: fires with None after the last change. Fails with L{SendFailed} if the master cannot be
            reached, or does not answer in time. The master may have one change that C{told} did not report.
        """

        async def hand(remote: pb.RemoteReference) -> None:
            for index, change in enumerate(changes):
                told(index, await self._offer(remote, dict(change)))

        return ensureDeferred(self._converse(hand))

    async def _offer(self, remote: pb.RemoteReference, change: dict[str, Any]) -> str | None:
        """Send one change. Returns None, or the reason why the master refuses it for good."""
        if isTooLarge(change):
            return _TOO_LARGE
        try:
            await self.addChange(remote, change)
        except pb.RemoteError as error:
            if not any(isRemote(error, name) for name in _NEVER_TAKEN):
                raise
            self.failed = True
            return self._reason(error, Failure())
        return None

    async def _converse(self, hand: Callable[[pb.RemoteReference], Any]) -> None:
        """Log in, call C{hand} with the perspective, and disconnect. Raises L{SendFailed}."""
        factory = ClientFactory()
        name, password = (each.encode("utf-8", "surrogateescape") for each in self._account)

        async def converse() -> None:
            await self._endpoint.connect(factory)
            await hand(await factory.login(UsernamePassword(name, password)))

        try:
            await ensureDeferred(converse()).addTimeout(self._timeout, self._reactor)
        except Exception as error:
            self.failed = True
            raise SendFailed(self._reason(error, Failure())) from error
        finally:
            factory.disconnect()

    def addChange(self, remote: pb.RemoteReference, change: dict[str, Any]) -> Deferred[Any]:
        """Send one change. C{remote} is the perspective from the login. Fires with the master's answer."""
        answer: Deferred[Any] = remote.callRemote("addChange", change)
        return answer

    def _reason(self, error: Exception, why: Failure) -> str:
        if isRefusedLogin(error, why):
            none = "" if self._account != ACCOUNT else "; they are the default without --auth"
            return (
                f"{self._master} refuses the login of {self._account[0]!r}: "
                f"it has no PBChangeSource with this name and password{none}"
            )
        if isinstance(error, pb.RemoteError):
            return f"{self._master} refuses the change: {text(str(error), 500)}"
        return reasonOf(error, self._master, self._timeout)

    # methods of 0.7.5 for the command line

    def printSuccess(self, res: object) -> None:
        """Print that the change was sent."""
        print("change sent successfully")

    def printFailure(self, why: Failure) -> None:
        """Print the error, and set C{failed}."""
        self.failed = True
        print(f"change not sent: {why.getErrorMessage()}", file=sys.stderr)

    def stop(self, res: object) -> object:
        """End L{run}."""
        self._reactor.stop()
        return res

    def run(self) -> None:
        """Run the reactor until L{stop}."""
        self._reactor.run()

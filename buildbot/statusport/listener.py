# -*- test-case-name: tests.stories.test_statusport -*-
"""PBListener of C{c['status']}: a port for status clients, as in 0.7.5."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred
from twisted.logger import Logger

from buildbot.config.arguments import arguments, complain
from buildbot.config.kinds import NAME, PASSWORD
from buildbot.config.ports import BadPort, describe
from buildbot.status.base import StatusReceiverMultiService
from buildbot.statusport.perspective import StatusClientPerspective
from buildbot.wire.accounts import FOLLOWER
from buildbot.wire.clientport import ClientPort

log = Logger()

#: The password of 0.7.5, which everybody knows.
KNOWN_PASSWORD = "clientpw"


class PBListener(StatusReceiverMultiService):
    """I let status clients log in, and tell them what happens. They can change nothing."""

    compare_attrs: Sequence[str] = ("port", "user", "passwd")

    @arguments(user=NAME, passwd=PASSWORD)
    def __init__(self, port: int | str, user: str = "statusClient", passwd: str = KNOWN_PASSWORD) -> None:
        """@param port: the port to listen on: a number, or a description as in C{c['slavePortnum']}.
        @param user, passwd: the account of all clients.
        """
        super().__init__()
        try:
            self.port = describe(port)
        except BadPort as error:
            complain(self, f": port: {error}", "port", port)
        self.user = user
        self.passwd = passwd
        self._ownPort = ClientPort(self, FOLLOWER)
        self._guessed: dict[str, Any] = {}  # account -> the accounts of the master
        self._starting: Deferred[None] | None = None

    @property
    def configurationDoubts(self) -> list[str]:
        """Probable mistakes, as sentences for the author of the configuration."""
        if self.passwd != KNOWN_PASSWORD:
            return []
        return [
            f"PBListener: user {self.user!r} has the default password, which is public: anyone who can reach"
            " the port can read the logs of all builds; set passwd="
        ]

    def getPort(self) -> str:
        """The port that I listen on, in words."""
        return ", ".join(self._ownPort.ports())

    def clientsConnected(self) -> int:
        """The number of clients that are logged in."""
        return self._ownPort.clients()

    # the account

    def passwordOf(self, name: str) -> str | None:
        """The password of a user; None if there is no such user."""
        return self.passwd if name == self.user else None

    def perspectiveOf(self, name: str) -> StatusClientPerspective:
        """The perspective for one login."""
        master: Any = self.parent
        return StatusClientPerspective(master.getStatus())

    def guessed(self, name: str, address: str) -> None:
        """Count a wrong password, for the status."""
        master: Any = self.parent
        if master is not None:
            account = f"{name} ({self.port})"
            self._guessed[account] = master.dispatcher
            master.dispatcher.guessed(account, address)

    # start and stop

    def setServiceParent(self, parent: Any) -> Any:
        """Join the master.

        @return: if the master is running, a Deferred that fires when the port is open, or fails with
            L{buildbot.wire.listeners.CannotOpen}.
        """
        self._starting = None
        super().setServiceParent(parent)
        return self._starting

    def startService(self) -> Deferred[None]:
        """Open the port. Fires when it is open; fails with L{buildbot.wire.listeners.CannotOpen}."""
        super().startService()
        self._starting = ensureDeferred(self._open())
        return self._starting

    async def _open(self) -> None:
        master: Any = self.parent
        await self._ownPort.open(self.port, master.botmaster.clock, master.slavePort.files)
        log.info("status clients can log in at {port}", port=self.getPort())

    def stopService(self) -> Deferred[Any]:
        """Close the port with all connections."""
        for account, accounts in self._guessed.items():
            accounts.guesses.pop(account, None)
        self._guessed = {}
        closing = ensureDeferred(self._ownPort.close())
        stopped = super().stopService()
        return closing if stopped is None else DeferredList([stopped, closing])

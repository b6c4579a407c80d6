# -*- test-case-name: tests.stories.test_try -*-
"""The schedulers that build the patches of developers before a commit: C{Try_Userpass} and C{Try_Jobdir}.

L{buildbot.clients.tryclient} sends the jobs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, ensureDeferred

from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import isText
from buildbot.config.ports import BadPort, describe
from buildbot.model.tryjob import BadJobfile
from buildbot.schedulers.trybase import TryBase
from buildbot.schedulers.tryjobdir import Try_Jobdir
from buildbot.schedulers.tryperspective import Try_Userpass_Perspective
from buildbot.wire.accounts import WATCHER
from buildbot.wire.clientport import ClientPort

__all__ = ["BadJobfile", "TryBase", "Try_Jobdir", "Try_Userpass", "Try_Userpass_Perspective"]


def _isUserpass(value: object) -> bool:
    return isinstance(value, (list, tuple)) and all(
        isinstance(each, (list, tuple)) and len(each) == 2 and all(isText(one) and one for one in each)
        for each in value
    )


USERPASS = Kind("a list of (user, password) pairs", _isUserpass, isSecret=True, standIn=())


class Try_Userpass(TryBase):
    """I take the jobs of developers who log in to a port of mine with a name and a password."""

    compare_attrs: Sequence[str] = ("name", "builderNames", "port", "userpass", "properties")

    @arguments(userpass=USERPASS)
    def __init__(
        self,
        name: str,
        builderNames: Sequence[str],
        port: int | str,
        userpass: Sequence[tuple[str, str]],
        properties: Mapping[str, Any] | None = None,
    ) -> None:
        """@param port: the port to listen on: a number, or a description as in C{c['slavePortnum']}.
        @param userpass: (user, password) pairs.
        """
        super().__init__(name, builderNames, properties)
        try:
            self.port = describe(port)
        except BadPort as error:
            complain(self, f": port: {error}", "port", port)
        self.userpass = [(user, password) for user, password in userpass]
        self._ownPort = ClientPort(self, WATCHER)
        self._guessed: dict[str, Any] = {}  # account -> the accounts of the master

    @property
    def configurationDoubts(self) -> list[str]:
        """Probable mistakes, as sentences for the author of the configuration."""
        names = [user for user, _ in self.userpass]
        doubts = [
            f"Try_Userpass {self.name!r} has user {user!r} twice: the last password counts"
            for user in dict.fromkeys(names)
            if names.count(user) > 1
        ]
        if not names:
            doubts.append(f"Try_Userpass {self.name!r} has no users, so nobody can log in: fill userpass=")
        return doubts

    def getPort(self) -> str:
        """The port that I listen on, in words."""
        return ", ".join(self._ownPort.ports())

    def clientsConnected(self) -> int:
        """The number of developers that are logged in. A reconfig that changes me warns of them."""
        return self._ownPort.clients()

    # the accounts

    def passwordOf(self, name: str) -> str | None:
        """The password of a user; None if there is no such user."""
        return dict(self.userpass).get(name)

    def perspectiveOf(self, name: str) -> Try_Userpass_Perspective:
        """The perspective for one login."""
        return Try_Userpass_Perspective(self, name)

    def guessed(self, name: str, address: str) -> None:
        """Count a wrong password, for the status."""
        master: Any = self.parent
        if master is not None:
            account = f"{name} ({self.port})"
            self._guessed[account] = master.dispatcher
            master.dispatcher.guessed(account, address)

    # start and stop

    def startService(self) -> None:
        """Restore the state, and open the port."""
        super().startService()
        self._starting = ensureDeferred(self._open(self._starting))

    async def _open(self, starting: Deferred[None] | None) -> None:
        """Open the port. Raises CannotOpen if that fails."""
        master: Any = self.parent
        await self._ownPort.open(self.port, self.engine.clock, master.slavePort.files)
        if starting is not None:
            await starting

    def stopService(self) -> Deferred[Any]:
        """Close the port with all connections."""
        for account, accounts in self._guessed.items():
            accounts.guesses.pop(account, None)
        self._guessed = {}
        closing = ensureDeferred(self._ownPort.close())
        return DeferredList([super().stopService(), closing])

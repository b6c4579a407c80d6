# -*- test-case-name: tests.unit.changes.test_changes,tests.stories.test_try -*-
"""A separate port for clients with their own accounts, with the limits of slave ports.

The owner decides the accounts and what a client may call.
"""

from __future__ import annotations

from typing import Any, Protocol

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.portal import IRealm, Portal
from twisted.internet.interfaces import IReactorTime
from twisted.spread import pb
from zope.interface import implementer

from buildbot.files.reserve import FileReserve
from buildbot.wire import listeners
from buildbot.wire.accounts import CLIENT, Account
from buildbot.wire.callee import NewCredPerspective
from buildbot.wire.login import LoginRefused, LoginRoot
from buildbot.wire.slaveport import SlavePortFactory

#: The most connections before login to a separate port.
GREETING = 256
#: Replaces the password of an unknown name, so that the check takes as long as for a known name.
_NOBODY = b"\0"


class Accounts(Protocol):
    """The owner of a L{ClientPort}."""

    def passwordOf(self, name: str) -> str | None:
        """The password of a name; None if there is no such name."""

    def perspectiveOf(self, name: str) -> NewCredPerspective:
        """The perspective for one login under a name."""

    def guessed(self, name: str, address: str) -> None:
        """Called after a login under a known name with a wrong password."""


class ClientPort:
    """I am a separate port for clients. I open it, check logins, and close it with all connections."""

    def __init__(self, accounts: Accounts, account: Account = CLIENT) -> None:
        """@param account: the limits of each connection."""
        self._accounts = _Accounts(accounts, account)
        self._factory: SlavePortFactory | None = None
        self._open: list[listeners.SlavePort] = []
        self._closed = 0

    async def open(self, description: str, clock: IReactorTime, files: FileReserve) -> None:
        """Listen.

        @param description: a strports description, such as C{"tcp:8031"}.
        @raise CannotOpen: the port cannot be opened.
        """
        before = self._closed
        portal = Portal(self._accounts, [self._accounts])
        factory = SlavePortFactory(lambda broker: LoginRoot(portal, broker), clock, GREETING, files)
        opened = await listeners.openAll(clock, factory, [description])
        if self._closed != before:
            await listeners.closeAll(opened.values())
            return
        self._factory, self._open = factory, list(opened.values())

    async def close(self) -> None:
        """Close the port and all connections. May be called again."""
        self._closed += 1
        closing, self._open = self._open, []
        await listeners.closeAll(closing)
        if self._factory is not None:
            self._factory.stopAll()
            self._factory = None

    def clients(self) -> int:
        """The number of clients that are logged in."""
        return self._factory.members if self._factory is not None else 0

    def ports(self) -> list[str]:
        """The open ports, in words."""
        return [str(port) for port in self._open]


@implementer(IRealm, ICredentialsChecker)
class _Accounts:
    """I check logins for the owner of a port."""

    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self, owner: Accounts, account: Account) -> None:
        self._owner = owner
        self._account = account

    def requestAvatarId(self, credentials: Any) -> Any:
        """Return the name. Raises LoginRefused if the name or the password is wrong."""
        name: str = credentials.username
        password = self._owner.passwordOf(name)
        if password is None:
            credentials.checkPassword(_NOBODY)
            raise LoginRefused("there is no such name on this port", known=False)
        if not credentials.checkPassword(password.encode("utf-8", "surrogateescape")):
            self._owner.guessed(name, credentials.address)
            raise LoginRefused("wrong password")
        credentials.welcome(self._account)
        return name

    def requestAvatar(self, avatarID: Any, mind: Any, *interfaces: Any) -> tuple[Any, Any, Any]:
        """Return the perspective of the client."""
        if pb.IPerspective not in interfaces:
            raise NotImplementedError("only perspectives are handed out here")
        perspective = self._owner.perspectiveOf(avatarID)
        attached = perspective.attached(mind)
        return pb.IPerspective, attached, lambda: perspective.detached(mind)

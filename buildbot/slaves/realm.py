# -*- test-case-name: tests.unit.slaves.test_realm -*-
"""The checker and the realm of the slave port: check logins and hand out perspectives.

The accounts are the slaves of C{c['bots']}, and the names that plug-ins and C{c['debugPassword']} register.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernameHashedPassword
from twisted.cred.portal import IRealm
from twisted.internet.defer import Deferred, succeed
from twisted.spread import pb
from zope.interface import implementer

from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.refusedlogins import RefusedLogins, oneMore
from buildbot.wire.accounts import CLIENT, SLAVE
from buildbot.wire.callee import NewCredPerspective
from buildbot.wire.login import LoginRefused

#: Replaces the password of an unknown name, so that the check takes as long as for a known name.
_NOBODY = b"\0"


class PerspectiveMaker(Protocol):
    """A registered account that is not a slave."""

    def getPerspective(self) -> NewCredPerspective:
        """Return the perspective for one login."""


@implementer(IRealm, ICredentialsChecker)
class Dispatcher:
    """I check the name and the password of a client, and hand out its perspective.

    @ivar botmaster: holds the perspectives of the slaves.
    @ivar names: registered name -> the maker of its perspectives.
    @ivar guesses: registered name -> the refused logins with a wrong password.
    """

    credentialInterfaces = (IUsernameHashedPassword,)

    def __init__(self, botmaster: BotMaster | None = None) -> None:
        self.botmaster = botmaster if botmaster is not None else BotMaster()
        self.names: dict[str, PerspectiveMaker] = {}
        self.guesses: dict[str, RefusedLogins] = {}
        self._passwords: dict[str, str] = {}

    def register(self, name: str, afactory: PerspectiveMaker, password: str | None = None) -> None:
        """Add an account that is not a slave.

        @param afactory: its C{getPerspective()} makes a L{NewCredPerspective} for each login.
        @param password: without a password, every login under this name is refused.
        """
        self.names[name] = afactory
        if password is not None:
            self._passwords[name] = password

    def unregister(self, name: str) -> None:
        """Remove an account. Clients that are logged in stay logged in."""
        del self.names[name]
        self._passwords.pop(name, None)
        self.guesses.pop(name, None)

    def guessed(self, account: str, address: str) -> None:
        """Count a wrong password for a registered account."""
        self.guesses[account] = oneMore(self.guesses.get(account), self.botmaster.now(), address)

    def requestAvatarId(self, credentials: Any) -> Any:
        """Check the name and the password of a login.

        @return: the name.
        @raise LoginRefused: the name is unknown, or the password is wrong.
        """
        name: str = credentials.username
        registered = name in self.names
        password: str | None = self._passwords.get(name)
        if not registered:
            slave = self.botmaster.config.slaves.get(name)
            password = None if slave is None else slave.password
            if slave is not None and getattr(slave.latent, "makesPassword", False):
                password = self.botmaster.instances.passwordOf(name)
        if password is None:
            credentials.checkPassword(_NOBODY)
            if name in self.botmaster.slaves:
                raise self._unwanted(name, credentials.address)
            self.botmaster.unknownLogins.came(name, credentials.address)
            raise LoginRefused("there is no such name in c['bots']", known=registered)
        if not credentials.checkPassword(password.encode("utf-8", "surrogateescape")):
            if registered:
                self.guessed(name, credentials.address)
            else:
                self.botmaster.slaves[name].refused(credentials.address, "wrong password")
            raise LoginRefused("wrong password")
        if not registered and self.botmaster.instances.refusal(name):
            raise self._unwanted(name, credentials.address)
        credentials.welcome(CLIENT if registered else SLAVE)
        return name

    def _unwanted(self, name: str, address: str) -> LoginRefused:
        """Count the login of a latent slave that nobody waits for."""
        why = self.botmaster.instances.refusal(name)
        self.botmaster.slaves[name].refused(address, why)
        return LoginRefused(why)

    def requestAvatar(
        self, avatarID: Any, mind: Any, *interfaces: Any
    ) -> Deferred[tuple[Any, Any, Callable[[], None]]]:
        """Hand out a perspective.

        @param avatarID: a name from L{requestAvatarId}.
        @param mind: a reference for calls to the peer, or None.
        @return: fires with (interface, perspective, logout) when the perspective is attached; fails with
            L{LoginRefused} if it cannot be attached.
        """
        if pb.IPerspective not in interfaces:
            raise NotImplementedError("only perspectives are handed out here")
        if self.botmaster.resources.stopping:
            raise LoginRefused("the master is stopping", "the master is stopping: try again later", hold=0.5)
        perspective: NewCredPerspective | None
        if avatarID in self.names:
            perspective = self.names[avatarID].getPerspective()
        else:
            deposed = self.botmaster.resources.deposed
            if deposed:
                raise LoginRefused(deposed, f"{deposed}: look for another one", hold=0.5)
            perspective = self.botmaster.getPerspective(avatarID)
        if perspective is None:
            raise LoginRefused("this name was removed from the configuration during the login")
        attached, logout = perspective.attached(mind), partial(perspective.detached, mind)
        if isinstance(attached, Deferred):
            return attached.addCallback(lambda avatar: (pb.IPerspective, avatar, logout))
        return succeed((pb.IPerspective, attached, logout))

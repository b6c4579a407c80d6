# -*- test-case-name: tests.unit.changes.test_changes -*-
"""The source of changes from C{buildbot sendchange} and from hooks of version control systems.

L{buildbot.changes.changedict} checks the content of a change.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import ensureDeferred, maybeDeferred
from twisted.logger import Logger
from twisted.spread import pb

from buildbot.changes.base import ChangeSource
from buildbot.changes.changedict import changeFrom
from buildbot.config.arguments import arguments, complain, remember
from buildbot.config.kinds import NAME, PASSWORD, TEXT, orNone
from buildbot.config.ports import BadPort, describe
from buildbot.model.change import Change
from buildbot.store.interface import StoreFailed
from buildbot.wire.budget import Budget, BudgetExceeded, weigh
from buildbot.wire.callee import NewCredPerspective
from buildbot.wire.clientport import ClientPort
from buildbot.wire.dialect import text

log = Logger()

#: The default password of 0.7.5.
KNOWN_PASSWORD = "changepw"
#: Changes of this many seconds are one entry in the record of actions.
TOLD = 300.0
#: The most bytes of memory for the changes of one client that are not on disk yet.
WAITING = 16 << 20


class ChangeNotKept(pb.Error):
    """A change could not be stored; the client may send it again later. The text is for the client."""


class ChangePerspective(NewCredPerspective):
    """I am the object that a client logged in as a change sender can call."""

    _budget: Budget | None = None

    def __init__(self, changemaster: Any, prefix: str | None) -> None:
        """@param changemaster: stores a change with its C{addChangeNow}, or else its C{addChange}.
        @param prefix: see L{PBChangeSource}.
        """
        self.changemaster = changemaster
        self.prefix = prefix

    async def perspective_addChange(self, changedict: Mapping[Any, Any]) -> None:
        """Take a change from the client. The answer comes when the change is on disk (P2).

        @param changedict: see L{changeFrom}.
        @raise BadChange: the change is not valid.
        @raise ChangeNotKept: the change could not be stored.
        """
        change = changeFrom(changedict, self.prefix)
        if change is None:
            return
        if self._budget is None:
            self._budget = Budget("the unstored data of this client", WAITING)
        size = weigh(change.files) + weigh(change.links) + weigh(change.comments)
        try:
            self._budget.take(size)
        except BudgetExceeded as exceeded:
            raise ChangeNotKept(f"{exceeded}: send it again when others are stored") from None
        try:
            await self._keep(change)
        finally:
            self._budget.giveBack(size)

    async def _keep(self, change: Change) -> None:
        try:
            # Subclasses of 0.7.5 pass the ChangeMaster, whose addChange waits until the change is stored.
            keep = getattr(self.changemaster, "addChangeNow", self.changemaster.addChange)
            await maybeDeferred(keep, change)  # a plug-in's method may return None
        except StoreFailed as failed:
            who = text(change.who, 64)
            log.error("the change of {who} cannot be stored: {reason}", who=who, reason=failed.reason)
            raise ChangeNotKept(
                f"the change cannot be stored: {failed.reason}; send it again later"
            ) from failed


class PBChangeSource(ChangeSource):
    """I take changes from every client that logs in with my name and password."""

    compare_attrs = ("user", "passwd", "port", "prefix")

    _registered: Any = None
    _guessedAt: Any = None

    @arguments(user=NAME, passwd=PASSWORD, prefix=orNone(TEXT, "every file"), sep=orNone(TEXT))
    def __init__(
        self,
        user: str = "change",
        passwd: str = KNOWN_PASSWORD,
        port: int | str | None = None,
        prefix: str | None = None,
        sep: str | None = None,
    ) -> None:
        """@param passwd: the default is public: with it, anyone who can reach the port can start builds.
        @param port: the port to listen on: a number, or a description as in C{c['slavePortnum']}; None is the
            slave port.
        @param prefix: removed from the names of all files. Files without it are left out, and a change
            without any file that has it is ignored. The name of a directory ends in C{"/"}.
        @param sep: deprecated: put it at the end of C{prefix}.
        """
        remember(self)
        if sep is not None:
            warnings.warn("PBChangeSource: put sep= at the end of prefix=", DeprecationWarning, stacklevel=2)
            if prefix is not None and not prefix.endswith(sep):
                prefix += sep
        self.user = user
        self.passwd = passwd
        self._sep = sep
        try:
            self.port = None if port is None else describe(port)
        except BadPort as error:
            complain(self, f": port: {error}", "port", port)
        self.prefix = prefix
        self._sent: list[int | None] = []  # the numbers of the changes that are not recorded yet
        self._telling: Any = None
        self._recorder: Any = None
        self._ownPort = ClientPort(self)

    @property
    def account(self) -> str | None:
        """The name for logins on the slave port; None if I have a separate port."""
        return self.user if self.port is None else None

    @property
    def configurationDoubts(self) -> list[str]:
        """Probable mistakes, as sentences for the author of the configuration."""
        doubts = []
        if self.passwd == KNOWN_PASSWORD:
            doubts.append(
                f"PBChangeSource: user {self.user!r} has the default password, which is public: anyone who"
                " can reach the port can send changes; set passwd="
            )
        if self._sep is not None and self.prefix is None:
            doubts.append("PBChangeSource: sep does nothing without prefix: leave it out")
        return doubts

    def describe(self) -> str:
        """One line for people: the sender, the port and the prefix."""
        where = "the slave port" if self.port is None else self.port
        below = "" if self.prefix is None else f", below {self.prefix}"
        return f"PBChangeSource: changes that {self.user!r} sends to {where}{below}"

    def getPerspective(self) -> ChangePerspective:
        """Return a perspective for a client that has logged in."""
        return ChangePerspective(self, self.prefix)

    async def addChange(self, change: object) -> Any:
        """Store a change that a client sent.

        @raise ChangeNotKept: the configuration does not have me any more, or the master is stopping.
        @raise StoreFailed: the change cannot be stored now; the client may send it again.
        """
        changemaster: Any = self.parent
        if changemaster is None or not self.running:
            raise ChangeNotKept(
                "this source takes no changes any more: it was removed, or the master is stopping"
            )
        stored = await changemaster.addChangeNow(change)
        self._sent.append(getattr(stored, "number", None))
        if self._telling is None and hasattr(changemaster.parent, "recordAction"):
            self._recorder = changemaster.parent.recordAction
            self._telling = changemaster.parent.botmaster.clock.callLater(TOLD, self._tellSent)
        return stored

    def _tellSent(self) -> None:
        """Record the changes since the last entry as one entry, because there may be thousands."""
        self._telling = None
        sent, self._sent = self._sent, []
        which = f"change {sent[0]}" if len(sent) == 1 else f"{len(sent)} changes: {sent[0]} to {sent[-1]}"
        self._recorder(self.user, "pb", "sendChange", which)

    # the accounts of my separate port

    def passwordOf(self, name: str) -> str | None:
        """The password of the only account."""
        return self.passwd if name == self.user else None

    def perspectiveOf(self, name: str) -> ChangePerspective:
        """Return a perspective for a client that has logged in."""
        return self.getPerspective()

    def guessed(self, name: str, address: str) -> None:
        """Count a wrong password, for the status."""
        changemaster: Any = self.parent
        if changemaster is not None:
            self._guessedAt = changemaster.parent.dispatcher
            self._guessedAt.guessed(self._ownAccount, address)

    @property
    def _ownAccount(self) -> str:
        return f"{self.user} ({self.port})"

    async def start(self) -> None:
        """Open an account on the slave port, or a separate port.

        @raise ValueError: the name is taken.
        @raise CannotOpen: the port cannot be opened.
        """
        changemaster: Any = self.parent
        master = changemaster.parent
        if self.port is None:
            if self.user in master.dispatcher.names:
                raise ValueError(f"two accounts on the slave port are called {self.user!r}")
            master.dispatcher.register(self.user, self, self.passwd)
            self._registered = master.dispatcher
            return
        await self._ownPort.open(self.port, master.botmaster.clock, master.slavePort.files)

    def disownServiceParent(self) -> Any:
        """Leave the ChangeMaster. Close the account even if C{stop} of a subclass fails."""
        try:
            return super().disownServiceParent()
        finally:
            self._closeAccount()
            closing = ensureDeferred(self._closePort())
            closing.addErrback(lambda why: log.failure("closing the port of a PBChangeSource failed", why))

    def _closeAccount(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            self._tellSent()
        if self._registered is not None:
            registered, self._registered = self._registered, None
            registered.unregister(self.user)

    async def stop(self) -> None:
        """Close the account, or the port with all its connections."""
        self._closeAccount()
        await self._closePort()

    async def _closePort(self) -> None:
        await self._ownPort.close()
        if self._guessedAt is not None:
            self._guessedAt.guesses.pop(self._ownAccount, None)

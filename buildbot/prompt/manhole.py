# -*- test-case-name: tests.stories.test_manhole -*-
"""The services of C{c['manhole']}: a port with a Python prompt inside the running master, as in 0.7.5.

Whoever logs in can do everything that the master can. Twisted's conch has the protocols; it is loaded when
the port opens.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred
from twisted.logger import Logger

from buildbot.config.arguments import arguments, complain
from buildbot.config.compare import ComparableMixin
from buildbot.config.kinds import NAME, PASSWORD, TEXT
from buildbot.config.ports import BadPort, describe
from buildbot.control.audit import MASTER, By
from buildbot.events.onuse import onUse
from buildbot.wire.listeners import CannotOpen, SlavePort, closeAll, openAll

if TYPE_CHECKING:
    from buildbot.prompt import doors
else:
    doors = onUse("buildbot.prompt.doors")

log = Logger()

#: The host key of the SSH server, in the master's directory. It is made at the first start.
HOST_KEY = "manhole_host_key"
_LOOPBACK = ":interface=127.0.0.1"


class _BaseManhole(ComparableMixin, MultiService):
    """I open a port with a prompt, and close it with all its sessions."""

    compare_attrs: Sequence[str] = ("port",)
    #: True for SSH, False for telnet.
    isSecure = True

    def __init__(self, port: int | str) -> None:
        """@param port: the port to listen on: a number, or a description as in C{c['slavePortnum']}."""
        super().__init__()
        try:
            self.port = describe(port)
        except BadPort as error:
            complain(self, f": port: {error}", "port", port)
        else:
            isNumber = isinstance(port, int) or port.isdigit()
            if isNumber and not self.isSecure:  # passwords of telnet must not leave this machine
                self.port += _LOOPBACK
        if self.isSecure and not all(map(find_spec, ("cryptography", "bcrypt"))):
            complain(self, "needs more packages: pip install 'buildbot-classic[manhole]'")
        self._ports: list[SlavePort] = []
        self._factory: Any = None
        self._starting: Deferred[None] | None = None

    @property
    def configurationDoubts(self) -> list[str]:
        """Probable mistakes, as sentences for the author of the configuration."""
        if self.isSecure or _LOOPBACK in self.port or self.port.startswith("unix:"):
            return []
        return [
            f"{type(self).__name__}: telnet sends the password unencrypted, and {self.port} can be reached"
            " from other machines; add :interface=127.0.0.1 to the port, or write PasswordManhole"
        ]

    def checker(self) -> Any:
        """The credentials checker of the logins. Subclasses override me."""
        raise NotImplementedError(f"{type(self).__name__} has no checker")

    def namespace(self) -> dict[str, Any]:
        """The names that the prompt knows at its start."""
        master: Any = self.parent
        return {"master": master, "status": master.getStatus(), "show": doors.show}

    def getPort(self) -> str:
        """The port that I listen on, in words; "" while it is closed."""
        return ", ".join(map(str, self._ports))

    # start and stop

    def setServiceParent(self, parent: Any) -> Any:
        """Join the master.

        @return: if the master is running, a Deferred that fires when the port is open, or fails with
            L{CannotOpen}.
        """
        self._starting = None
        super().setServiceParent(parent)
        return self._starting

    def startService(self) -> Deferred[None]:
        """Open the port. Fires when it is open; fails with L{CannotOpen}."""
        super().startService()
        self._starting = ensureDeferred(self._open())
        return self._starting

    async def _open(self) -> None:
        master: Any = self.parent
        kind = "ssh" if self.isSecure else "telnet"
        portal = doors.Doorkeeper(self.checker(), self.namespace, lambda *login: self._entered(kind, *login))
        clock = master.botmaster.clock
        if self.isSecure:
            path = os.path.join(master.basedir, HOST_KEY)
            try:
                factory = doors.secureDoor(portal, path, clock)
            except (OSError, ValueError) as error:
                raise CannotOpen(f"the manhole cannot use its host key {path}: {error}") from error
        else:
            factory = doors.plainDoor(portal, clock)
        opened = await openAll(clock, factory, [self.port])
        if not self.running:
            await closeAll(opened.values())
            return
        self._factory, self._ports = factory, list(opened.values())
        log.info(
            "administrators can log in to the manhole at {port} ({kind})", port=self.getPort(), kind=kind
        )

    def _entered(self, kind: str, name: str, address: str) -> None:
        """Record a login."""
        master: Any = self.parent
        if master is not None:
            log.info("{name} logged in to the manhole from {address}", name=name, address=address)
            ensureDeferred(master.audit.record(By(name, kind, address), "openManhole", MASTER))

    def stopService(self) -> Deferred[Any]:
        """Close the port with all sessions."""
        stopped = super().stopService()
        ports, self._ports = self._ports, []
        closing = ensureDeferred(closeAll(ports))
        if self._factory is not None:
            self._factory.closeSessions()
            self._factory = None
        return closing if stopped is None else DeferredList([stopped, closing])


class TelnetManhole(_BaseManhole):
    """I let one account log in by telnet, without encryption."""

    compare_attrs: Sequence[str] = ("port", "username", "password")
    isSecure = False

    @arguments(username=NAME, password=PASSWORD)
    def __init__(self, port: int | str, username: str, password: str) -> None:
        """@param port: a number is a port of this machine alone."""
        super().__init__(port)
        self.username = username
        self.password = password

    def checker(self) -> Any:
        """See L{_BaseManhole}."""
        return doors.OneAccount(self.username, self.password)


class PasswordManhole(_BaseManhole):
    """I let one account log in by SSH, with a password."""

    compare_attrs: Sequence[str] = ("port", "username", "password")

    @arguments(username=NAME, password=PASSWORD)
    def __init__(self, port: int | str, username: str, password: str, ssh_hostkey_dir: object = None) -> None:
        """@param ssh_hostkey_dir: ignored: the host key is in the master's directory."""
        super().__init__(port)
        self.username = username
        self.password = password

    def checker(self) -> Any:
        """See L{_BaseManhole}."""
        return doors.OneAccount(self.username, self.password)


class AuthorizedKeysManhole(_BaseManhole):
    """I let the owners of the keys in a file log in by SSH, under any name."""

    compare_attrs: Sequence[str] = ("port", "keyfile")

    @arguments(keyfile=TEXT)
    def __init__(self, port: int | str, keyfile: str, ssh_hostkey_dir: object = None) -> None:
        """@param keyfile: a file like authorized_keys of OpenSSH, read at each login. A relative path begins
            in the master's directory; C{~} is the home of the master's user.
        @param ssh_hostkey_dir: ignored: the host key is in the master's directory.
        """
        super().__init__(port)
        self.keyfile = keyfile

    def checker(self) -> Any:
        """See L{_BaseManhole}."""
        master: Any = self.parent
        return doors.AuthorizedKeysChecker(os.path.join(master.basedir, os.path.expanduser(self.keyfile)))


class ArbitraryCheckerManhole(_BaseManhole):
    """I let everybody log in by SSH who passes a credentials checker of Twisted."""

    compare_attrs: Sequence[str] = ("port", "checker")

    def __init__(self, port: int | str, checker: Any) -> None:
        """@param checker: provides L{twisted.cred.checkers.ICredentialsChecker}."""
        super().__init__(port)
        self.checker = lambda: checker  # type: ignore[method-assign]

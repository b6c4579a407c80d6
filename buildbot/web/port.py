# -*- test-case-name: tests.stories.test_webreconfig -*-
"""The open port of a web server. It passes to the next server of a reconfig without being closed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime

from buildbot.events.onuse import onUse
from buildbot.web.asleep import Asleep
from buildbot.wire.listeners import Gate, SlavePort, closeAll, openAll, renewed

if TYPE_CHECKING:
    from buildbot.web import http
else:  # a reconfiguration reads master.cfg in a child process, which starts no web server
    http = onUse("buildbot.web.http")


class WebPort:
    """I am the port of one web server: closed, open, or lent to the next server until that has started."""

    def __init__(self) -> None:
        self._ports: dict[str, SlavePort] = {}
        self._gate = Gate()
        self._lender: WebPort | None = None  # I will take its port
        self._renewed: list[tuple[SlavePort, Any]] = []  # its certificate, read again
        self._isLent = False  # another server will take my port

    def listening(self) -> list[SlavePort]:
        """What is open."""
        return list(self._ports.values())

    @property
    def mayPass(self) -> bool:
        """True if I am open, and another server may take my port."""
        return bool(self._ports) and not self._isLent

    async def open(self, clock: IReactorTime, description: str) -> None:
        """Listen on a port. Raises L{CannotOpen<buildbot.wire.listeners.CannotOpen>}."""
        self._ports = await openAll(clock, self._gate, [description])

    def borrow(self, lender: WebPort) -> None:
        """Prepare to take the port of another server, which answers until L{take}."""
        self._renewed = [(port, renewed(port)) for port in lender.listening()]
        self._lender, lender._isLent = lender, True
        self._ports, self._gate = lender._ports, lender._gate

    async def release(self) -> None:
        """Close the port, or give back a port that I have not taken yet."""
        ports, self._ports = self._ports, {}
        if self._lender is not None:
            self._lender._isLent = False
            self._lender, self._gate = None, Gate()
        else:
            await closeAll(ports.values())

    def take(self, site: Any) -> None:
        """The port is mine from now on, and the site answers. The old site completes what it has begun."""
        lender, self._lender = self._lender, None
        if lender is not None:
            lender._ports, lender._gate, lender._isLent = {}, Gate(), False
            for port, options in self._renewed:
                if port.context is not None:
                    port.context.options = options
        self._isLent = False
        before, self._gate.factory = self._gate.factory, site
        _close(before, isGentle=True)

    async def end(self) -> None:
        """Close the port and all connections. If another server takes the port, I stay open until then."""
        if not self._isLent:
            await self.release()
            site, self._gate.factory = self._gate.factory, None
            _close(site)


def _close(site: Any, isGentle: bool = False) -> None:
    """Close the connections of a site.

    @param isGentle: True to complete the answers that have begun.
    """
    if site is not None:
        site.doStop()
    if isinstance(site, Asleep):
        site = site.site
    if site is not None and isinstance(site, http.Site):
        site.disconnectAll(isGentle)

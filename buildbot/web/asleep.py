# -*- test-case-name: tests.unit.web.test_asleep -*-
"""A web server that is made at its first connection: a master starts faster while nobody looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.interfaces import IProtocolNegotiationFactory
from twisted.internet.protocol import ServerFactory
from zope.interface import implementer


@implementer(IProtocolNegotiationFactory)
class Asleep(ServerFactory):
    """I stand at the port for a site, and make it when somebody comes.

    @ivar site: the site; None until it is made.
    """

    noisy = False

    def __init__(self, make: Callable[[], Any], unused: Callable[[], object] = lambda: None) -> None:
        """@param make: makes the site. If it fails, the connection is closed, and the next one tries again.
        @param unused: called when I stop and there is no site.
        """
        self._make = make
        self._unused = unused
        self.site: Any = None

    def wake(self) -> Any:
        """The site, made now if there is none."""
        if self.site is None:
            self.site = self._make()
        return self.site

    def buildProtocol(self, addr: Any) -> Any:
        """The protocol of the site."""
        return self.wake().buildProtocol(addr)

    def acceptableProtocols(self) -> list[bytes]:
        """The protocols of the site, for TLS."""
        ours = IProtocolNegotiationFactory(self.wake(), None)
        return [] if ours is None else list(ours.acceptableProtocols())

    def doStop(self) -> None:
        """The port is closed, or has another site."""
        if self.site is None:
            self._unused()
        else:
            self.site.doStop()

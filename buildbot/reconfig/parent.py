# -*- test-case-name: tests.unit.reconfig.test_reconfigurer -*-
"""A service that distinguishes its children by identity.

Twisted's MultiService removes the first child that is equal to the given one, and plug-ins are compared by
value.
"""

from __future__ import annotations

from typing import Any

from twisted.application import service
from twisted.application.service import IService
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

log = Logger()


class PluginParent(service.MultiService):
    """I am the parent of plug-ins."""

    services: list[Any]
    namedServices: dict[str, Any]

    def stopService(self) -> Deferred[Any]:
        """Stop all children. A failure is logged, and the others are stopped all the same.

        @return: fires when all have stopped.
        """
        service.Service.stopService(self)
        children = list(reversed(self.services))
        stopping: list[Deferred[Any]] = [maybeDeferred(each.stopService) for each in children]
        for each, child in zip(stopping, children, strict=True):
            each.addErrback(self._notStopped, type(child).__name__)
        return DeferredList(stopping)

    def _notStopped(self, why: Failure, name: str) -> None:
        log.failure("{name} failed to stop", why, name=name)

    def removeService(self, service: IService) -> Any:
        """Remove this child, found by identity. Does nothing if it is not mine.

        @return: the result of its C{stopService} if I am running, else None.
        """
        if not any(each is service for each in self.services):
            return None
        self.services = [each for each in self.services if each is not service]
        self.namedServices = {name: each for name, each in self.namedServices.items() if each is not service}
        return service.stopService() if self.running else None

# -*- test-case-name: tests.unit.slaves.test_realm -*-
"""Logins under names that the configuration does not have (O9).

C{status} shows them: most come from slaves with a typing error in their name. L{buildbot.slaves.realm} has
the messages to refused clients.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

#: The most remembered names.
NAMES = 100
#: The most remembered names of one host.
NAMES_EACH = 50


@dataclass(frozen=True)
class RefusedLogins:
    """The refused logins under one name.

    @ivar when: the time of the last one, in seconds since the epoch.
    @ivar address: the address of the last one.
    @ivar logins: their number.
    """

    when: float
    address: str
    logins: int


def oneMore(before: RefusedLogins | None, when: float, address: str) -> RefusedLogins:
    """Count one more refused login under a name."""
    return RefusedLogins(when, address, before.logins + 1 if before else 1)


class UnknownLogins:
    """I remember the last logins under unknown names.

    @ivar names: name -> L{RefusedLogins}; never more than NAMES.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """@param now: returns the time, in seconds since the epoch."""
        self._now = now
        self.names: OrderedDict[str, RefusedLogins] = OrderedDict()

    def came(self, name: str, address: str) -> None:
        """Count a login under an unknown name."""
        name = name[:64]
        before = self.names.pop(name, None)
        if before is None:
            self._makeRoom(address.rpartition(":")[0])
        self.names[name] = oneMore(before, self._now(), address)

    def forget(self, name: str) -> None:
        """Forget a name: the configuration has it now."""
        self.names.pop(name, None)

    def _makeRoom(self, host: str) -> None:
        """Forget one name if there are too many: one of this host if the host has too many, else any."""
        same = [name for name, each in self.names.items() if each.address.rpartition(":")[0] == host]
        if len(same) < NAMES_EACH:
            same = list(self.names) if len(self.names) >= NAMES else []
        if same:
            # A client with many logins is probably a slave with a typing error in its name: keep it.
            del self.names[min(same, key=lambda name: self.names[name].logins)]

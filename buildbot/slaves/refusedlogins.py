# -*- test-case-name: tests.unit.slaves.test_realm -*-
"""
Logins under names that the configuration does not have (O9).

C{status} shows them: most are slaves with a slip in their name. What a refused client is told is
in L{buildbot.slaves.realm}.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

#: Unknown names that are remembered.
NAMES = 100
#: Unknown names of one host that are remembered.
NAMES_EACH = 50


@dataclass(frozen=True)
class RefusedLogins:
    """
    The refused logins under one name.

    @ivar when: the last one, in seconds since the epoch.
    @ivar address: where that came from.
    @ivar logins: how many there were.
    """

    when: float
    address: str
    logins: int


def oneMore(before: RefusedLogins | None, when: float, address: str) -> RefusedLogins:
    """Count one more login under a name."""
    return RefusedLogins(when, address, before.logins + 1 if before else 1)


class UnknownLogins:
    """
    I remember the last logins under unknown names.

    @ivar names: name -> L{RefusedLogins}; never more than NAMES.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        """@param now: tells the time, in seconds since the epoch."""
        self._now = now
        self.names: OrderedDict[str, RefusedLogins] = OrderedDict()

    def came(self, name: str, address: str) -> None:
        """Remember a login."""
        name = name[:64]
        before = self.names.pop(name, None)
        if before is None:
            self._makeRoom(address.rpartition(":")[0])
        self.names[name] = oneMore(before, self._now(), address)

    def forget(self, name: str) -> None:
        """The configuration has this name now."""
        self.names.pop(name, None)

    def _makeRoom(self, host: str) -> None:
        """Forget one name, if there are too many: one of this host, if it alone has too many."""
        same = [name for name, each in self.names.items() if each.address.rpartition(":")[0] == host]
        if len(same) < NAMES_EACH:
            same = list(self.names) if len(self.names) >= NAMES else []
        if same:
            # a client that comes again and again is probably a slave with a slip in its name: it stays
            del self.names[min(same, key=lambda name: self.names[name].logins)]

# -*- test-case-name: tests.unit.web.accounts.test_limits -*-
"""The limit on failed logins: a growing delay for each address and each account. Time is passed in."""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address

#: The failed logins in WINDOW seconds before a delay.
MOST = 5
WINDOW = 60.0
#: The first delay, in seconds. Each further failure doubles it.
FIRST = 15.0
#: The longest delay of an address, and of an account. An attacker must not lock the owner out for long.
LONGEST_ADDRESS = 900.0
LONGEST_ACCOUNT = 60.0
#: Seconds without a failure after which everything is forgotten.
FORGET = 3600.0
#: The most addresses, and the most accounts, that are remembered.
REMEMBERED = 10_000


@dataclass
class _Failures:
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=MOST))
    excess: int = 0
    until: float = 0.0
    last: float = 0.0


class _Map:
    """I remember the failures of the latest keys."""

    def __init__(self, longest: float) -> None:
        self._longest = longest
        self._all: OrderedDict[str, _Failures] = OrderedDict()

    def __len__(self) -> int:
        return len(self._all)

    def wait(self, key: str, now: float) -> float:
        found = self._all.get(key)
        return 0.0 if found is None else max(0.0, found.until - now)

    def failed(self, key: str, now: float) -> None:
        found = self._all.pop(key, None)
        if found is None or now - found.last > FORGET:
            found = _Failures()
        found.recent.append(now)
        found.last = now
        if found.excess or (len(found.recent) == MOST and now - found.recent[0] < WINDOW):
            found.until = now + min(self._longest, FIRST * 2.0 ** min(found.excess, 20))
            found.excess += 1
        self._all[key] = found
        while len(self._all) > REMEMBERED:
            self._all.popitem(last=False)

    def takeBack(self, key: str) -> None:
        found = self._all.get(key)
        if found is not None and found.recent:
            found.recent.pop()
            if found.excess:
                found.excess -= 1
                found.until = 0.0
            if not found.recent:
                del self._all[key]

    def forget(self, key: str) -> None:
        self._all.pop(key, None)


class LoginLimits:
    """I count failed logins, and say how long the next attempt must wait."""

    def __init__(self) -> None:
        self._addresses = _Map(LONGEST_ADDRESS)
        self._accounts = _Map(LONGEST_ACCOUNT)

    def wait(self, address: str, account: str, now: float) -> float:
        """The seconds until the next attempt; 0: an attempt is allowed now.

        @param now: seconds of a clock that never goes back.
        """
        return max(self._addresses.wait(networkOf(address), now), self._accounts.wait(_short(account), now))

    def failed(self, address: str, account: str, now: float) -> None:
        """Count a failed attempt."""
        self._addresses.failed(networkOf(address), now)
        self._accounts.failed(_short(account), now)

    def succeeded(self, account: str, address: str) -> None:
        """Forget the failures of an account, and the latest one of the address.

        Other failures of the address stay: its own account must not free it to attack other accounts.
        """
        self._accounts.forget(_short(account))
        self._addresses.takeBack(networkOf(address))

    @property
    def size(self) -> tuple[int, int]:
        """The numbers of remembered addresses and accounts."""
        return len(self._addresses), len(self._accounts)


def networkOf(address: str) -> str:
    """The key of an address: an IPv6 host owns a whole /64 network."""
    try:
        read = ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(read, IPv6Address):
        return str(read.ipv4_mapped or IPv6Address(int(read) >> 64 << 64))
    return str(read)


def _short(account: str) -> str:
    return account[:256]

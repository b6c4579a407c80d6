# -*- test-case-name: tests.unit.mails.test_people -*-
"""Who gets a mail: the addresses of users, and those of the configuration."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from twisted.internet.defer import TimeoutError
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.mails.addresses import addressOf
from buildbot.reporters.asking import asked
from buildbot.status.build import BuildStatus

log = Logger()

#: The most users to whom one mail goes.
MOST_USERS = 200
#: The properties that name the owners of a build, as in 0.8.
OWNERS = ("owner", "owners")


def usersOf(builds: Iterable[BuildStatus]) -> list[str]:
    """The users who care about some builds: the authors of changes, and who forced or tried a build."""
    users: dict[str, None] = {}
    for build in builds:
        users.update(dict.fromkeys(build.getInterestedUsers()))
        for name in OWNERS:
            owners = build.properties.get(name)
            several = owners if isinstance(owners, (list, tuple)) else [owners]
            users.update(dict.fromkeys(each for each in several if isinstance(each, str) and each))
    return list(users)[:MOST_USERS]


async def addressesOf(users: Iterable[str], lookup: Any, clock: IReactorTime) -> list[str]:
    """The addresses of users, without duplicates.

    @param lookup: an L{IEmailLookup<buildbot.interfaces.IEmailLookup>}; None: only users whose name has an
        address get a mail.
    """
    found: dict[str, None] = {}
    for user in users:
        address = addressOf(user) if lookup is None else await _lookedUp(user, lookup, clock)
        if address is not None:
            found[address] = None
        elif lookup is not None:
            log.info("there is no mail address for {user!r}", user=user)
    return list(found)


async def _lookedUp(user: str, lookup: Any, clock: IReactorTime) -> str | None:
    try:
        return addressOf(await asked(clock, lookup.getAddress, user))
    except (*PLUGIN_ERRORS, TimeoutError):
        log.failure("the look-up of {user!r} failed", user=user)
        return addressOf(user)


def addressed(interested: Sequence[str], extra: Sequence[str]) -> tuple[list[str], list[str]]:
    """The addresses in To and in Cc: those who care, and those of the configuration."""
    to = list(dict.fromkeys(interested))
    others = [each for each in dict.fromkeys(extra) if each not in to]
    return (to, others) if to else (others, [])

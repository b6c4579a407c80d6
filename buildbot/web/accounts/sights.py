# -*- test-case-name: tests.unit.web.accounts.test_sights -*-
"""The builders that each visitor sees. Visitors share an answer if the rules treat them alike."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

from buildbot.config.model import MasterConfig
from buildbot.web.accounts.guard import Guard
from buildbot.web.accounts.rights import Answer
from buildbot.web.accounts.visitor import Visitor
from buildbot.web.sight import Sight, sightOf

#: The largest number of kept answers.
MOST = 1000


class Sights:
    """I know which builders visitors see, under one configuration and its rules."""

    def __init__(self, guard: Guard, config: MasterConfig) -> None:
        self.guard = guard
        self.config = config
        self._kept: dict[Hashable, Sight] = {}

    async def of(self, who: Visitor) -> Sight | None:
        """The builders that a visitor sees; None: all, also removed ones.

        A function of the configuration is called each time, because its answer may change.
        """
        if not self.guard.rights.differs(who, "view"):
            return None
        key = _kindOf(who)
        known = self._kept.get(key)
        if known is not None:
            return known
        seen, isSure = set(), True
        for name in self.config.builders:
            answer = self.guard.rights.decide(who, "view", self.guard.subject(name))
            if not isinstance(answer, Answer):
                answer, isSure = await self.guard.ask(who, "view", self.guard.subject(name)), False
            if answer.isAllowed:
                seen.add(name)
        config = self.config
        slaves = {name: [builder for builder, _ in config.builderList(name)] for name in config.slaves}
        sight = sightOf(seen, config.builders, slaves)
        if isSure and len(self._kept) < MOST:
            self._kept[key] = sight
        return sight


def _kindOf(who: Visitor) -> Visitor:
    """The visitor without all that rules do not ask for."""
    token = None if who.token is None else replace(who.token, used=None)
    name = "someone" if who.isLoggedIn else ""
    return Visitor(name, "", roles=who.roles, token=token)

# -*- test-case-name: tests.stories.test_web -*-
"""A door for a master without accounts: everybody may look, nobody may act."""

from __future__ import annotations

from buildbot.web.call import Call
from buildbot.web.dispatch import Incoming
from buildbot.web.markup import NOTHING, Markup
from buildbot.web.who import Who


class OpenDoor:
    """I let everybody look, and nobody act."""

    async def enter(self, request: Incoming) -> Who:
        """An anonymous visitor with an address."""
        return Who(address=request.peer)

    async def aboutMe(self, call: Call) -> Markup:
        """Nothing: nobody can log in."""
        return NOTHING

    async def may(self, who: Who, action: str, builder: str | None = None) -> bool:
        """True for the actions that only look."""
        return action.startswith("view")

    async def couldAfterLogin(self, action: str, builder: str | None = None) -> bool:
        """False: there are no accounts."""
        return False

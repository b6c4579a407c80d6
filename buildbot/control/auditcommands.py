# -*- test-case-name: tests.unit.control.test_auditcommands -*-
"""The command of the control socket about the record of actions: who has done what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from buildbot.control.audit import Audit
from buildbot.control.client import ControlError
from buildbot.model.rows import MOST_ROWS
from buildbot.store.interface import StoreFailed


class AuditCommands:
    """I answer questions about the actions of people and scripts."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {"audit": self.audit, "account": self.account}

    def account(self, name: str, what: str) -> dict[str, Any]:
        """Accept the news that an account has changed. The control socket records the person."""
        return {"name": name, "what": what}

    async def audit(
        self,
        count: int = 100,
        who: str | None = None,
        subject: str | None = None,
        cursor: str = "",
    ) -> dict[str, Any]:
        """The latest actions, the latest first.

        @param who: only actions of this user; "" for visitors without a login.
        @param subject: only actions on this subject. Actions on a builder include actions on its builds.
        @param cursor: C{next} of the answer before; "" for the latest.
        """
        try:
            found = await self._audit.find(max(1, min(count, MOST_ROWS)), cursor, subject, who)
        except (StoreFailed, ValueError) as why:
            raise ControlError(str(why)) from None
        return {"entries": [asdict(each) for each in found.rows], "next": found.next or None}

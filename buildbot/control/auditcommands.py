# -*- test-case-name: tests.unit.control.test_auditcommands -*-
"""The command of the control socket about the record of actions: who has done what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from buildbot.control.audit import MOST, Audit


class AuditCommands:
    """I answer questions about the actions of people and scripts."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    def handlers(self) -> dict[str, Callable[..., object]]:
        """The handlers for the control socket: command -> method."""
        return {"audit": self.audit}

    def audit(self, count: int = 100, who: str | None = None, subject: str | None = None) -> dict[str, Any]:
        """The latest actions, the latest first.

        @param who: only those of this user; "" for visitors without a login.
        @param subject: only those on this; those on a builder include those on its builds.
        """
        found = self._audit.latest(min(count, MOST), subject=subject, who=who)
        return {"entries": [asdict(each) for each in found]}

"""The name of 0.8 for posts of all events; L{buildbot.webhooks.statuspush} has it."""

from __future__ import annotations

from buildbot.webhooks.statuspush import HttpStatusPush

__all__ = ["HttpStatusPush"]

"""The names of 0.8 for all events; L{buildbot.webhooks} has them."""

from __future__ import annotations

from buildbot.webhooks.eventpush import StatusPush
from buildbot.webhooks.statuspush import HttpStatusPush

__all__ = ["HttpStatusPush", "StatusPush"]

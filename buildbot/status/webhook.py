"""The class for messages to web servers; L{buildbot.webhooks.notifier} has it."""

from __future__ import annotations

from buildbot.webhooks.notifier import Webhook

__all__ = ["Webhook"]

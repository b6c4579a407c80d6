"""The classes for messages in chat rooms; L{buildbot.chat} has them."""

from __future__ import annotations

from buildbot.chat.hooks import DiscordStatus, MattermostStatus, SlackStatus, TeamsStatus
from buildbot.chat.matrix import MatrixStatus

__all__ = ["DiscordStatus", "MatrixStatus", "MattermostStatus", "SlackStatus", "TeamsStatus"]

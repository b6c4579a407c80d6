"""The name of 0.8 for statuses on GitHub; L{buildbot.webhooks.github} has it."""

from __future__ import annotations

from buildbot.webhooks.github import GitHubStatus

__all__ = ["GitHubStatus"]

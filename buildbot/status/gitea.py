"""The class for statuses on Gitea and Forgejo; L{buildbot.webhooks.github} has it."""

from __future__ import annotations

from buildbot.webhooks.github import GiteaStatus

__all__ = ["GiteaStatus"]

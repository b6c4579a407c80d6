"""The class for statuses on GitLab; L{buildbot.webhooks.gitlab} has it."""

from __future__ import annotations

from buildbot.webhooks.gitlab import GitLabStatus

__all__ = ["GitLabStatus"]

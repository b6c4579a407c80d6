"""The handler of GitHub's deliveries of 0.8, under its name; see L{buildbot.web.hooks.githubhandler}."""

from __future__ import annotations

from buildbot.web.hooks.githubhandler import GitHubEventHandler

__all__ = ["GitHubEventHandler"]

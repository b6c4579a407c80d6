"""Functions for C{c['revlink']}; see L{buildbot.text.revlinks}."""

from __future__ import annotations

from buildbot.text.revlinks import (
    GithubRevlink,
    GitwebMatch,
    RevlinkMatch,
    RevlinkMultiplexer,
    SourceforgeGitRevlink,
    SourceforgeGitRevlink_AlluraPlatform,
    default_revlink_matcher,
)

__all__ = [
    "GithubRevlink",
    "GitwebMatch",
    "RevlinkMatch",
    "RevlinkMultiplexer",
    "SourceforgeGitRevlink",
    "SourceforgeGitRevlink_AlluraPlatform",
    "default_revlink_matcher",
]

"""The hook for Mercurial's own process, under its name of 0.8; see L{buildbot.clients.hgbuildbot}."""

from __future__ import annotations

from buildbot.clients.hgbuildbot import hook as hook

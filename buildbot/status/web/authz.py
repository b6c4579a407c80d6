"""Who may do what on the web pages, under its name of 0.8; see L{buildbot.web.accounts.authz}."""

from __future__ import annotations

from buildbot.web.accounts.authz import Authz
from buildbot.web.accounts.rights import Rule

__all__ = ["Authz", "Rule"]

"""The names of 0.7.5 and 0.8 for the web servers; L{buildbot.web.service} has them."""

from __future__ import annotations

from buildbot.web.service import Waterfall, WebStatus

__all__ = ["Waterfall", "WebStatus"]

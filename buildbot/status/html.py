"""The names of 0.7.5 and 0.8 for the web servers; L{buildbot.web} has them."""

from __future__ import annotations

from html import escape

from buildbot.web.service import WebStatus
from buildbot.web.waterfall import Waterfall

__all__ = ["Waterfall", "WebStatus", "escape"]

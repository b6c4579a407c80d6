"""What JSON of people's own imports in 0.8; L{buildbot.web.oldpages.jsonpages} has it."""

from __future__ import annotations

from buildbot.web.oldpages.jsonpages import FilterOut, JsonResource, JsonStatusResource

__all__ = ["FilterOut", "JsonResource", "JsonStatusResource"]

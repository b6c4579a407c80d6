"""SourceStamp, where 0.7.5 has it."""

from __future__ import annotations

from buildbot.model.sourcestamp import PLACE, SourceStamp, lastRevision

__all__ = ["PLACE", "SourceStamp", "lastRevision"]

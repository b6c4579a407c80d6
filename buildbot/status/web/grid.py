"""The grids as resources, under their names of 0.7.8 to 0.8."""

from __future__ import annotations

from buildbot.web.oldpages.served import GridStatusResource, TransposedGridStatusResource

__all__ = ["GridStatusResource", "TransposedGridStatusResource"]

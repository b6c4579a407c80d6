"""Sets of builds, where 0.7.5 has them."""

from __future__ import annotations

from buildbot.process.buildset import BuildSet

__all__ = ["BuildSet"]

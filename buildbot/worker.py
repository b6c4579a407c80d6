"""The slaves of a configuration, under the names of 0.9."""

from __future__ import annotations

from buildbot.config.buildslave import BuildSlave as Worker

__all__ = ["Worker"]

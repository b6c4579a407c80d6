"""The slaves of a configuration, under the module name of 0.7.6 to 0.8."""

from __future__ import annotations

from buildbot.config.buildslave import BuildSlave

__all__ = ["BuildSlave"]

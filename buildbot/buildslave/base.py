"""The base of latent slaves, under its module name of 0.8."""

from __future__ import annotations

from buildbot.config.buildslave import BuildSlave
from buildbot.latent.buildslave import AbstractLatentBuildSlave

#: In 0.8 a base of its own.
AbstractBuildSlave = BuildSlave

__all__ = ["AbstractBuildSlave", "AbstractLatentBuildSlave", "BuildSlave"]

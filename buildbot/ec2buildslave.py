"""The latent slave of Amazon EC2, under its module name of 0.7.11."""

from __future__ import annotations

from buildbot.latent.ec2 import EC2LatentBuildSlave

__all__ = ["EC2LatentBuildSlave"]

"""The slaves of a configuration, under the module name of 0.7.6 to 0.8.

Latent slaves load when they are used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from buildbot.config.buildslave import BuildSlave
from buildbot.events.onuse import namesOnUse

if TYPE_CHECKING:
    from buildbot.buildslave.base import AbstractBuildSlave as AbstractBuildSlave
    from buildbot.latent.buildslave import AbstractLatentBuildSlave as AbstractLatentBuildSlave
    from buildbot.latent.command import CommandLatentBuildSlave as CommandLatentBuildSlave
else:
    __getattr__, __dir__ = namesOnUse(
        __name__,
        {
            "buildbot.buildslave.base": "AbstractBuildSlave",
            "buildbot.latent.buildslave": "AbstractLatentBuildSlave",
            "buildbot.latent.command": "CommandLatentBuildSlave",
        },
    )

__all__ = ["AbstractBuildSlave", "AbstractLatentBuildSlave", "BuildSlave", "CommandLatentBuildSlave"]

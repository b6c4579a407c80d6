"""The build master and its parts, under the module name of 0.7.5; buildbot.tac imports it."""

from __future__ import annotations

from buildbot.buildmaster.service import BuildMaster
from buildbot.control.debug import DebugPerspective
from buildbot.control.plugins import Control
from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.perspective import BotPerspective
from buildbot.slaves.realm import Dispatcher

__all__ = ["BotMaster", "BotPerspective", "BuildMaster", "Control", "DebugPerspective", "Dispatcher"]

"""The build master and its parts, under the module name of 0.7.5; buildbot.tac imports it.

The examples of 0.7.5 have its prompt by telnet from here, too, as C{Manhole}.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from buildbot.buildmaster.service import BuildMaster
from buildbot.control.debug import DebugPerspective
from buildbot.control.plugins import Control
from buildbot.slaves.botmaster import BotMaster
from buildbot.slaves.perspective import BotPerspective
from buildbot.slaves.realm import Dispatcher

if TYPE_CHECKING:
    from buildbot.prompt.manhole import TelnetManhole as Manhole
else:

    def __getattr__(name: str) -> Any:
        if name == "Manhole":  # imported on use: it needs more packages
            from buildbot.prompt.manhole import TelnetManhole

            return TelnetManhole
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)


__all__ = [
    "BotMaster",
    "BotPerspective",
    "BuildMaster",
    "Control",
    "DebugPerspective",
    "Dispatcher",
    "Manhole",
]

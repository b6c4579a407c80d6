"""The name of 0.7.5 for the port of status clients; L{buildbot.statusport.listener} has it."""

from __future__ import annotations

from buildbot.statusport.listener import PBListener

__all__ = ["PBListener"]

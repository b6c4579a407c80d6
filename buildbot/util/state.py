"""What plug-ins of 0.8 that keep a state import; L{buildbot.store.ownstates} has it."""

from __future__ import annotations

from buildbot.store.ownstates import StateMixin

__all__ = ["StateMixin"]

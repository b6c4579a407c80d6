"""Sources of changes, and how the master receives a change."""

from buildbot.events.onuse import modulesOnUse

__getattr__ = modulesOnUse(__name__)

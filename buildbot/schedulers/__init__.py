"""The schedulers, which decide when to build."""

from buildbot.events.onuse import modulesOnUse

__getattr__ = modulesOnUse(__name__)

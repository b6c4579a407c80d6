"""The status of the master, its builders, builds and slaves, for people and programs."""

from buildbot.events.onuse import modulesOnUse

__getattr__ = modulesOnUse(__name__)

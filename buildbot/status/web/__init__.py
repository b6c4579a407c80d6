"""The names of the web pages of 0.8, as thin facades."""

from buildbot.events.onuse import modulesOnUse

__getattr__ = modulesOnUse(__name__)

"""Builds: requests, builders, running steps, locks."""

from buildbot.events.onuse import modulesOnUse

__getattr__ = modulesOnUse(__name__)

"""Ready-made build steps, and factories made of them."""

from buildbot.events.onuse import modulesOnUse

__getattr__ = modulesOnUse(__name__)

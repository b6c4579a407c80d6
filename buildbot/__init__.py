"""A Perspective Broker build master: the successor of the Buildbot 0.7.5 master."""

from importlib import import_module
from types import ModuleType

version = "1.0.0a1"
__version__ = version


def __getattr__(name: str) -> ModuleType:
    """A module that is not imported yet; see C{modulesOnUse} of L{buildbot.events.onuse}."""
    try:
        return import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as missing:
        if missing.name != f"{__name__}.{name}":
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name) from None

"""The status of the master, its builders, builds and slaves, for people and programs."""

from importlib import import_module
from types import ModuleType


def __getattr__(name: str) -> ModuleType:
    """A module of this package that is not imported yet.

    Receivers for 0.8 write C{status.base} after C{from buildbot import status}, because its master had
    imported all modules.
    """
    place = f"{__name__}.{name}"
    try:
        return import_module(place)
    except ModuleNotFoundError as missing:
        if missing.name != place:
            raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None

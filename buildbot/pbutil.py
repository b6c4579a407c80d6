"""The base classes of objects that are called over PB, under the module name of 0.7.5."""

from __future__ import annotations

from buildbot.wire.callee import (
    Callee,
    MalformedCall,
    NewCredPerspective,
    WrongArguments,
    dispatch,
)
from buildbot.wire.reconnecting import ReconnectingPBClientFactory

__all__ = [
    "Callee",
    "MalformedCall",
    "NewCredPerspective",
    "ReconnectingPBClientFactory",
    "WrongArguments",
    "dispatch",
]

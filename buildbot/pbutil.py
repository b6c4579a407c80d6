"""What is common to objects that are called over PB, where 0.7.5 has it."""

from __future__ import annotations

from buildbot.wire.callee import (
    Callee,
    MalformedCall,
    NewCredPerspective,
    ReconnectingPBClientFactory,
    WrongArguments,
    dispatch,
)

__all__ = [
    "Callee",
    "MalformedCall",
    "NewCredPerspective",
    "ReconnectingPBClientFactory",
    "WrongArguments",
    "dispatch",
]

# -*- test-case-name: tests.unit.config.test_logstorage -*-
"""A change of C{c['logStorage']} in words, with what it means for the logs that are stored already."""

from __future__ import annotations

from buildbot.config.compare import sameValue
from buildbot.config.model import IsLogStorage


def storageChange(old: object, new: object) -> tuple[tuple[str, str], ...]:
    """The change as a pair for L{buildbot.config.diff.ConfigChange.values}; empty without one."""
    if sameValue(old, new):
        return ()
    before, after = (each.place if isinstance(each, IsLogStorage) else None for each in (old, new))
    if before is None:
        words = f"not given -> {after}: logs of finished builds go there, and those that are here already"
    elif after is None:
        words = f"{before} -> not given: logs that are only there cannot be read until the key is back"
    elif before != after:
        words = f"{before} -> {after}: logs that are only there cannot be read until their objects are copied"
    else:
        was, now = vars(old), vars(new)
        words = ", ".join(
            f"{name} {was.get(name)} -> {value}" for name, value in now.items() if value != was.get(name)
        )
    return (("logStorage", words),)

"""The scheduler that follows another one, under its name of 0.8."""

from __future__ import annotations

from buildbot.schedulers.upstream import Dependent

__all__ = ["Dependent"]

"""ChangeFilter, under its other name of 0.8."""

from __future__ import annotations

from buildbot.changes.filter import ChangeFilter

__all__ = ["ChangeFilter"]

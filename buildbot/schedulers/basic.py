"""The schedulers of changes, under their names of 0.8."""

from __future__ import annotations

from buildbot.schedulers.branches import AnyBranchScheduler, Scheduler
from buildbot.schedulers.upstream import Dependent

#: The name of 0.8 for L{Scheduler}.
SingleBranchScheduler = Scheduler

__all__ = ["AnyBranchScheduler", "Dependent", "Scheduler", "SingleBranchScheduler"]

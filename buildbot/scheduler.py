# -*- test-case-name: tests.unit.schedulers.test_scheduler -*-
"""
The schedulers, which decide when to build and what, under the names of 0.7.5.

Each kind has a module of its own in L{buildbot.schedulers}.
"""

from __future__ import annotations

from buildbot.schedulers.base import BaseScheduler
from buildbot.schedulers.branches import AnyBranchScheduler, Scheduler
from buildbot.schedulers.timed import Nightly, Periodic
from buildbot.schedulers.triggerable import Triggerable
from buildbot.schedulers.trysched import BadJobfile as BadJobfile
from buildbot.schedulers.trysched import Try_Jobdir, Try_Userpass
from buildbot.schedulers.trysched import Try_Userpass_Perspective as Try_Userpass_Perspective
from buildbot.schedulers.trysched import TryBase as TryBase
from buildbot.schedulers.upstream import BaseUpstreamScheduler, Dependent

__all__ = [
    "AnyBranchScheduler",
    "BaseScheduler",
    "BaseUpstreamScheduler",
    "Dependent",
    "Nightly",
    "Periodic",
    "Scheduler",
    "Triggerable",
    "Try_Jobdir",
    "Try_Userpass",
]

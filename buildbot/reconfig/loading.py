# -*- test-case-name: tests.unit.reconfig.test_reconfigurer -*-
"""The two stages in which a running master loads its file: in a child process, then in a thread.

A file that hangs or crashes does so in the child, and never reaches the master.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from twisted.internet.defer import Deferred

from buildbot.config.model import MasterConfig
from buildbot.events.reactors import LoadingReactor
from buildbot.reconfig.childload import LoadReport, loadInChild
from buildbot.reconfig.fileload import loadInThread


@dataclass(frozen=True)
class Loading:
    """The two stages. Both functions get a path, the directory of the master, and a limit in seconds.

    @ivar check: loads a file in a child process; see L{buildbot.reconfig.childload}.
    @ivar load: loads it in this process; see L{buildbot.reconfig.fileload}.
    """

    check: Callable[[str, str, float], Deferred[LoadReport]]
    load: Callable[[str, str, float], Deferred[MasterConfig]]


def loadingBy(reactor: LoadingReactor) -> Loading:
    """The L{Loading} with child processes and threads of this reactor."""
    return Loading(
        lambda path, basedir, seconds: loadInChild(path, basedir, seconds, reactor),
        lambda path, basedir, seconds: loadInThread(path, basedir, seconds, reactor),
    )

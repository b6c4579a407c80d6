# -*- test-case-name: tests.unit.reconfig.test_fileload -*-
"""Load master.cfg in a thread of this process.

L{buildbot.reconfig.childload} must have checked the file first.
"""

from __future__ import annotations

import os
import threading

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.config.model import ConfigError, ConfigErrors, MasterConfig
from buildbot.events.alarm import Alarm
from buildbot.events.reactors import ThreadReactor
from buildbot.reconfig.configchild import readConfig as readConfig  # the child and we load in one way


def loadInThread(path: str, basedir: str, timeout: float, reactor: ThreadReactor) -> Deferred[MasterConfig]:
    """Load a file in a thread, without blocking the reactor (L6).

    A thread that does not end in time is left behind as a daemon thread. That happens only if a file ended in
    the child process and does not end here.

    @param timeout: the time limit in seconds.
    @return: fires with the configuration; fails with L{ConfigErrors}.
    """
    loaded: Deferred[MasterConfig] = Deferred()

    def finish(result: MasterConfig | Failure) -> None:
        if not loaded.called:
            late.stop()
            loaded.callback(result)

    def work() -> None:
        try:
            result: MasterConfig | Failure = readConfig(path, basedir)
        except BaseException:
            result = Failure()
        reactor.callFromThread(finish, result)

    def giveUp() -> None:
        told = f"it did not finish in {timeout:g} s the second time"
        loaded.errback(Failure(ConfigErrors([ConfigError(told, os.path.relpath(path, basedir))])))

    late = Alarm(giveUp)
    late.set(reactor, timeout)
    threading.Thread(target=work, name="master.cfg", daemon=True).start()
    return loaded

# -*- test-case-name: tests.processes.test_trycommand -*-
"""The command C{try}: have a patch built before it is committed.

L{buildbot.clients.tryclient} implements it, L{buildbot.scripts.tryoptions} has the options.
"""

from __future__ import annotations

from twisted.internet.defer import ensureDeferred

from buildbot.clients.tryclient import Try, TryFailed
from buildbot.scripts.inreactor import resultOf
from buildbot.scripts.output import CommandFailed, Config


def doTry(config: Config) -> int:
    """Send a job. Runs the reactor, so call it only once.

    @return: 0 when the master has the job; with C{wait}, 1 if a build was not successful.
    @raise CommandFailed: the job was not built, or its result is not known.
    """
    try:
        job = Try(config)
        status: int = resultOf(lambda: ensureDeferred(job.go()))
    except TryFailed as why:
        raise CommandFailed(str(why)) from None
    return status

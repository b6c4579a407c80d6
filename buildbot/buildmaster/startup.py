# -*- test-case-name: tests.stories.test_admin -*-
"""The messages of a start: the reason of a failure, and the troubles in the directory of the master.

L{buildbot.buildmaster.service} has the start itself.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial

from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.model import ConfigErrors, MasterConfig
from buildbot.daemon import lock, pidfile
from buildbot.daemon.diskroom import EVERYTHING, roomTrouble
from buildbot.daemon.readiness import StartFailed
from buildbot.daemon.symptoms import Symptom
from buildbot.daemon.troubles import Troubles
from buildbot.files.plain import NotPlain
from buildbot.logs.names import LOGS
from buildbot.reconfig.fileload import readConfig
from buildbot.reconfig.plugins import Refused
from buildbot.store.interface import SchemaTooNew, StoreFailed
from buildbot.store.place import serverOf
from buildbot.store.recovery import setAsides
from buildbot.store.sqlite import FILE
from buildbot.text.plural import counted

log = Logger()

#: The subject of the trouble that a file which could not be loaded at a takeover is. A reconfig ends it.
STALE = "configuration"
#: The beginning of the lines of a start that warn.
WARNING = "warning: "


def watchDirectory(basedir: str, troubles: Troubles) -> None:
    """Watch the directory of a master for troubles."""
    troubles.watch("state.sqlite", lambda: setAsides(os.path.join(basedir, FILE)))
    kept = LOGS if serverOf(basedir) else EVERYTHING
    troubles.watch("disk", partial(roomTrouble, basedir, None, kept))
    troubles.watch("disk of logs", partial(roomTrouble, os.path.join(basedir, LOGS), basedir, LOGS))
    troubles.watch("buildbot.lock", lambda: lock.trouble(basedir))
    troubles.watch("twistd.pid", lambda: pidfile.pidTrouble(os.path.realpath(basedir)))


def startedLines(
    config: MasterConfig, ports: Sequence[str], pages: Sequence[str], warnings: Sequence[str]
) -> list[str]:
    """The lines for the user about a successful start.

    @param ports: the open slave ports, in words.
    @param pages: the address and the ports of the pages, in words.
    @param warnings: without the warnings of the configuration.
    """
    slaves, builders = len(config.slaves), len(config.builders)
    return [
        f"slaves: {', '.join(ports)}; {counted(builders, 'builder')}, "
        f"0 of {counted(slaves, 'slave')} connected",
        *([f"pages: {', '.join(pages)}"] if pages else []),
        *[f"{WARNING}{warning}" for warning in [*config.warnings, *warnings]],
    ]


def troublesFound(basedir: str, troubles: Troubles) -> list[str]:
    """A line for each trouble that a start finds in the directory."""
    origin = lock.copiedFrom(basedir)
    copied = (
        f"this directory was copied from {origin} while a master ran there: data written during the copy"
        " may be missing or torn; `buildbot backup` makes complete copies"
    )
    symptoms = [each.symptom for each in troubles.current()]
    return [*([copied] if origin else []), *(f"{each.what}: {each.why}" for each in symptoms)]


def readAgain(path: str, basedir: str, before: MasterConfig, troubles: Troubles) -> MasterConfig:
    """Load the configuration of a master that takes over: the file may be newer than its start.

    @param before: the configuration of its start, which is used if the file has errors.
    @param troubles: get the errors, as the subject L{STALE}.
    """
    try:
        return readConfig(path, basedir)
    except ConfigErrors as why:
        symptom = Symptom(
            "the configuration in force is that of the start, since the file had errors at the takeover",
            "; ".join(str(each) for each in why.errors),
            "correct the file, and run `buildbot reconfig`",
        )
        troubles.report(STALE, symptom)
        return before


def failedLines(why: Failure, server: str = "") -> list[str]:
    """The lines for the user about a failed start. An internal error is also logged, with its traceback.

    @param server: the address of the store; "" for a file.
    """
    error = why.value
    if isinstance(error, ConfigErrors):
        return [str(each) for each in error.errors]
    if isinstance(error, StartFailed):
        return error.lines
    if isinstance(error, (Refused, lock.AlreadyRunning, SchemaTooNew, NotPlain)):
        return str(error).splitlines()
    if isinstance(error, StoreFailed):
        lost = f"changes, requests and builds cannot be kept: {error}"
        if isinstance(error.__cause__, NotPlain):  # it says what to do
            return [lost]
        if server:
            return [lost, f"the store is {server}: start again when it can be used"]
        return [lost, "make sure that the disk has room and is writable, and start again"]
    log.failure("starting the master failed", why)
    return [f"internal error: {why.getErrorMessage()}"]

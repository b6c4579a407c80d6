# -*- test-case-name: tests.unit.scripts.test_checkconfig -*-
"""The command C{checkconfig}: check a configuration file.

It uses the same function as a start and a reconfig. L{buildbot.config} has the rules.
"""

from __future__ import annotations

import os
from importlib.util import find_spec

from buildbot.daemon import directory as place
from buildbot.daemon.oserrors import inWords
from buildbot.reconfig import childload
from buildbot.scripts.output import CommandFailed, Config, basedir, say, setting, waiting


def checkconfig(config: Config) -> int:
    """Check a file, or the file of a master's directory. Status 0, or fails with all errors."""
    path = configPath(basedir(config))
    if config.get("migrate"):
        from buildbot.scripts.migrate import migrate  # most checks, and each restart, do without it

        return migrate(config, path)
    with waiting(config, f"{os.path.basename(path)} to end"):
        seconds = setting(config, "timeout", float, 90.0)
        report = childload.checkInChild(path, os.path.dirname(path), seconds, not config.get("quiet"))
    printed = report.output.rstrip().splitlines()
    if printed:
        say(config, "the configuration file printed:", *(f"  {line}" for line in printed))
    warnings = [f"warning: {warning}" for warning in report.warnings]
    errors = [*map(str, report.errors), *(_storeErrors(basedir(config)))]
    if errors:
        raise CommandFailed(*warnings, *errors)
    say(config, *warnings, "Config file is good!")
    return 0


def _storeErrors(named: str) -> list[str]:
    """What is wrong with the lines of buildbot.tac about the store and its masters. No database is asked."""
    tac = place.readTac(named) if os.path.isdir(named) else ""
    if not tac:
        return []
    for read in (place.standsBy, place.leaseOf, place.pagesAddress):
        try:
            read(tac)
        except place.Unusable as why:
            return [str(why)]
    from buildbot.store.address import MISSING, BadAddress  # a file alone is checked without it
    from buildbot.store.place import placeOf

    try:
        found = placeOf(named)
        if found.server is not None:
            found.conninfo()  # which looks at the file with the password
    except BadAddress as why:
        return [str(why)]
    if found.server is not None and find_spec("psycopg") is None:
        return [MISSING.format(error="it is not installed")]
    return []


def configPath(named: str) -> str:
    """The path of the configuration file: the named file itself, or the file of the named directory."""
    if not _isThere(named):
        raise CommandFailed(f"there is no {named}: name a configuration file or a master's directory")
    path = _within(named) if os.path.isdir(named) else named
    if not os.access(path, os.R_OK):
        raise CommandFailed(place.closed(path))
    return path


def _within(directory: str) -> str:
    if not os.access(directory, os.X_OK):
        raise CommandFailed(place.closed(directory))
    tac = place.readTac(directory)
    if place.kindOf(tac) is place.Kind.SLAVE:
        raise CommandFailed(f"{directory} is a buildslave's directory: its master has the configuration")
    path = os.path.join(directory, place.configFile(tac))
    if not _isThere(path):
        raise CommandFailed(f"no {os.path.basename(path)} in {directory}")
    return path


def _isThere(path: str) -> bool:
    """True if the file exists. Raises L{CommandFailed} if this user may not look."""
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as why:
        raise CommandFailed(f"cannot use {inWords(why)}") from None
    return True

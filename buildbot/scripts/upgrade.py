# -*- test-case-name: tests.unit.scripts.test_upgrade -*-
"""The command C{upgrade-master}: upgrade the store of a stopped master, as its next start would do.

L{buildbot.store.database} copies and upgrades the file.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing

from buildbot.daemon import directory
from buildbot.scripts.locked import locked
from buildbot.scripts.output import CommandFailed, Config, command, complain, say, usable, waiting
from buildbot.store.database import BUSY, Database
from buildbot.store.direct import hasStore
from buildbot.store.files import FILE, WAL, mustBePlainStore, openToRead
from buildbot.store.interface import StoreFailed
from buildbot.store.schema import CURRENT

#: An upgrade needs room for this many further copies of the store: the copy, the journal, and moved pages.
_COPIES = 3


def upgradeMaster(config: Config) -> int:
    """Upgrade a store. Status 0 if it has the format of this release now; 1 if it cannot have it."""
    isCheck = bool(config.get("check"))
    here = usable(config, toWrite=not isCheck)
    if directory.kindOf(directory.readTac(here)) is directory.Kind.SLAVE:
        raise CommandFailed(f"{here} is a buildslave's directory: there is nothing to upgrade")
    path = os.path.join(here, FILE)
    if not hasStore(here):
        say(config, f"{here} has no store yet: there is nothing to upgrade")
        return 0
    old = _versionOf(path)
    if isCheck:
        return _said(config, path, old)
    if 0 < old < CURRENT.version:
        _mustFit(path)
    with locked(here, "upgrade"), waiting(config, lambda passed: f"upgrading {path} ({passed:.0f} s) …"):
        aside = _upgrade(path)
    if aside:
        complain(f"{path} was damaged: it is kept as {aside}, and the readable data is in the new one")
    elif old == CURRENT.version:
        say(config, f"{path} has the format of this release: there was nothing to upgrade")
    else:
        kept = f"{path}.schema-{old}"
        say(config, f"{path} was upgraded from schema {old} to {CURRENT.version}")
        say(config, f"the old one is kept as {kept}: delete it when you will not go back")
    say(config, f"`{command('checkconfig', here)}` checks the configuration")
    return 0


def _said(config: Config, path: str, old: int) -> int:
    if old > CURRENT.version:
        raise CommandFailed(
            f"{path} was written by a later release (its schema is {old}, this release knows up to"
            f" {CURRENT.version}): run that release"
        )
    if old == CURRENT.version:
        say(config, f"{path} has the format of this release: there is nothing to upgrade")
    else:
        say(config, f"{path} has the schema {old}: an upgrade gives it the schema {CURRENT.version}")
    return 0


def _versionOf(path: str) -> int:
    """The version of the tables; 0 if the file does not say one that is plausible, for example if damaged."""
    try:
        mustBePlainStore(path)
        with closing(openToRead(path, timeout=BUSY)) as store:
            (version,) = store.execute("PRAGMA user_version").fetchone()
            return int(version)
    except sqlite3.Error:
        return 0
    except OSError as why:
        raise CommandFailed(str(why)) from None


def _mustFit(path: str) -> None:
    """Raise L{CommandFailed} if an upgrade would fill the disk."""
    sizes = [os.path.getsize(each) for each in (path, path + WAL) if os.path.exists(each)]
    about = os.statvfs(os.path.dirname(path))
    needed, free = _COPIES * sum(sizes), about.f_bavail * about.f_frsize
    if needed > free:
        raise CommandFailed(
            f"the upgrade of {path} needs about {needed / 1e6:.0f} MB, and the disk has {free / 1e6:.0f}:"
            " make room on that disk; nothing was changed"
        )


def _upgrade(path: str) -> str:
    """Upgrade the file, or leave it as it is. Returns the path of a damaged file, set aside, or ""."""
    try:
        database = Database(path, sqlite3.connect, CURRENT)
    except (StoreFailed, OSError) as why:
        raise CommandFailed(f"{why}") from None
    except KeyboardInterrupt:
        complain(f"interrupted: {path} is as before, and the same command upgrades it")
        raise
    aside = database.aside
    database.close()
    return aside

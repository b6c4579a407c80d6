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
from buildbot.store.address import BadAddress
from buildbot.store.database import BUSY, Database
from buildbot.store.direct import SLOW, hasStore, made, opened
from buildbot.store.files import WAL, mustBePlainStore, openToRead
from buildbot.store.interface import StoreFailed
from buildbot.store.place import Place, placeOf
from buildbot.store.schema import CURRENT

#: An upgrade needs room for this many further copies of the store: the copy, the journal, and moved pages.
_COPIES = 3


def upgradeMaster(config: Config) -> int:
    """Upgrade a store. Status 0 if it has the format of this release now; 1 if it cannot have it."""
    isCheck = bool(config.get("check"))
    here = usable(config, toWrite=not isCheck)
    if directory.kindOf(directory.readTac(here)) is directory.Kind.SLAVE:
        raise CommandFailed(f"{here} is a buildslave's directory: there is nothing to upgrade")
    try:
        place = placeOf(here)
        if not hasStore(here):
            say(config, f"{here} has no store yet: there is nothing to upgrade")
            return 0
        if place.server is not None:
            return _upgradeServer(config, place, isCheck)
    except (StoreFailed, BadAddress) as why:
        raise CommandFailed(str(why)) from None
    path = place.path
    old = _versionOf(path)
    if isCheck:
        _said(config, path, old)
        return 0
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


def _upgradeServer(config: Config, place: Place, isCheck: bool) -> int:
    """Upgrade a store in PostgreSQL. Raises L{StoreFailed}, also if another master uses it."""
    with opened(place, patience=SLOW) as store:
        old = store.version
    if old < 0:
        raise CommandFailed(f"{place.shown} has the tables of another program, and no store")
    _mustBeKnown(place.shown, old)
    if isCheck or old == CURRENT.version:
        _said(config, place.shown, old)
        if old < CURRENT.version:
            say(config, "an upgrade keeps no copy of the old one: `pg_dump` makes one")
        return 0
    shown = place.shown
    with (
        locked(place.basedir, "upgrade"),
        waiting(config, lambda passed: f"upgrading {shown} ({passed:.0f} s) …"),
    ):
        made(place).close()
    say(config, f"{shown} was upgraded from schema {old} to {CURRENT.version}")
    say(config, f"`{command('checkconfig', place.basedir)}` checks the configuration")
    return 0


def _mustBeKnown(shown: str, old: int) -> None:
    """Raise L{CommandFailed} for the tables of a later release."""
    if old > CURRENT.version:
        raise CommandFailed(
            f"{shown} was written by a later release (its schema is {old}, this release knows up to"
            f" {CURRENT.version}): run that release"
        )


def _said(config: Config, path: str, old: int) -> None:
    _mustBeKnown(path, old)
    if old == CURRENT.version:
        say(config, f"{path} has the format of this release: there is nothing to upgrade")
    else:
        say(config, f"{path} has the schema {old}: an upgrade gives it the schema {CURRENT.version}")


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

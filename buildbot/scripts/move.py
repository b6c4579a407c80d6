# -*- test-case-name: tests.unit.scripts.test_move -*-
"""The command C{move-store}: move the store of a stopped master between the file and PostgreSQL.

L{buildbot.store.moving} copies and compares; L{buildbot.daemon.taclines} changes buildbot.tac.
"""

from __future__ import annotations

import os
import sqlite3

from buildbot.daemon import directory
from buildbot.daemon.directory import Unusable
from buildbot.daemon.oserrors import inWords
from buildbot.daemon.taclines import withAddress, writeTac
from buildbot.scripts.locked import locked
from buildbot.scripts.output import CommandFailed, Config, command, complain, say, usable, waiting
from buildbot.store.address import BadAddress
from buildbot.store.database import Database
from buildbot.store.direct import SLOW, Opened, OpenedFile, made, opened, openedServer
from buildbot.store.interface import StoreFailed
from buildbot.store.marks import COMPLETE, MOVING
from buildbot.store.moving import Move, Tally
from buildbot.store.place import Place, placeAt, placeOf
from buildbot.store.schema import CURRENT
from buildbot.text.plural import counted


def moveStore(config: Config) -> int:
    """Move the store. Status 0 when buildbot.tac names the new store, which has everything."""
    here = usable(config)
    if directory.kindOf(directory.readTac(here)) is directory.Kind.SLAVE:
        raise CommandFailed(f"{here} is a buildslave's directory: there is no store to move")
    address, passwordFile = str(config["address"]), str(config["db-password-file"] or "")
    try:
        source, target = placeOf(here), placeAt(here, address, passwordFile)
        if source.server == target.server:
            say(config, f"{here} has its store in {source.shown} already")
            return 0
        text = withAddress(directory.readTac(here), address, passwordFile)
        with locked(here, "move the store of"):
            tally = _moved(config, source, target, text)
    except (StoreFailed, BadAddress, Unusable) as why:
        raise CommandFailed(str(why)) from None
    except OSError as why:
        raise CommandFailed(inWords(why)) from None
    except KeyboardInterrupt:
        complain("interrupted: the old store is in force, and the same command continues the move")
        raise
    counts = [counted(tally.counts[name], name[:-1]) for name in ("builds", "changes", "requests")]
    say(
        config,
        f"moved to {target.shown}: {', '.join(counts)}; all {counted(tally.total, 'row')} are equal",
        f"{directory.TAC} has the new address; the old store stays as it was: {source.shown}",
    )
    if tally.mended:
        complain(f"{counted(tally.mended, 'row')} had NUL characters, which are replaced in the new store")
    say(config, f"`{command('start', here)}` starts the master with it")
    return 0


def _moved(config: Config, source: Place, target: Place, tac: str) -> Tally:
    """Copy everything, then write the new buildbot.tac. Raises L{StoreFailed}, L{CommandFailed}, OSError."""
    tally = Tally()
    with opened(source, patience=SLOW) as old:
        _mustBeCurrent(source, old)
        old.lock()
        new = _target(target)
        try:
            move = Move(old, new, source.shown, tally)
            try:
                move.begin(MOVING in new.tables())
            except StoreFailed as why:
                raise CommandFailed(f"{target.shown}: {why}: {_OTHER}") from None
            if move.isContinued:
                say(config, "continues the move that was ended before its time")
            with waiting(config, lambda passed: _progress(tally, passed)):
                move.run()
            writeTac(source.basedir, tac)
            move.end()
        finally:
            new.close()
    return tally


_OTHER = "name an empty database, or empty that one; a file is moved away"


def _mustBeCurrent(source: Place, old: Opened) -> None:
    """Raise L{CommandFailed} if the source cannot be moved."""
    version = old.version
    if version == 0:
        raise CommandFailed(
            f"{source.basedir} has no store yet: the first start makes it where {directory.TAC} says"
        )
    if version > CURRENT.version:
        raise CommandFailed(f"{source.shown} was written by a later release: run that release")
    if version < 0:
        raise CommandFailed(f"{source.shown} is not the store of a buildmaster")
    if version < CURRENT.version:
        raise CommandFailed(
            f"{source.shown} is of an earlier release: `{command('upgrade-master', source.basedir)}` first"
        )
    if MOVING in old.tables():
        with old.transaction(False) as connection:
            row = connection.execute(f"SELECT state FROM {MOVING}").fetchone()
        if row is not None and row[0] != COMPLETE:
            raise CommandFailed(f"{source.shown} has only a part of a store: a move to it has not ended")


def _target(target: Place) -> Opened:
    """The open target, with empty tables or with what an earlier move has left. Raises L{StoreFailed}."""
    if target.server is None:
        if not os.path.exists(target.path):
            Database(target.path, sqlite3.connect, CURRENT).close()
        file = OpenedFile(target.path, True, SLOW)
        if file.version == 0:
            file.close()
            Database(target.path, sqlite3.connect, CURRENT).close()
            file = OpenedFile(target.path, True, SLOW)
        return _usable(target, file)
    server = openedServer(target, True, SLOW)
    if server.version < 1:
        refusal = server.refusal()
        server.close()
        if refusal:
            raise StoreFailed(f"{target.shown} {refusal}")
        made(target).close()
        server = openedServer(target, True, SLOW)
    server.lock()
    return _usable(target, server)


def _usable(target: Place, store: Opened) -> Opened:
    """The store itself, if a move can go there. Raises L{CommandFailed}."""
    version = store.version
    if version == CURRENT.version:
        return store
    store.close()
    if version > CURRENT.version:
        raise CommandFailed(f"{target.shown} was written by a later release: {_OTHER}")
    raise CommandFailed(f"{target.shown} has the data of something else: {_OTHER}")


def _progress(tally: Tally, passed: float) -> str:
    """The line about the progress: both the copying and the comparing take their time."""
    done, total = tally.copied + tally.compared, 2 * tally.total
    share = f"{100 * done // total} %" if total else "0 %"
    left = f", about {passed * (total - done) / done:.0f} s left" if done * 50 >= total > 0 else ""
    rows = f"copied {tally.copied:,} and compared {tally.compared:,} of {total // 2:,} rows"
    return f"{rows} ({share}{left}) …"

# -*- test-case-name: tests.unit.scripts.test_importing -*-
"""The command C{import}: add the history of a master of 0.7 or 0.8 to a stopped master.

L{buildbot.importing.work} does the work.
"""

from __future__ import annotations

from contextlib import nullcontext

from buildbot.daemon import directory, otherdaemon
from buildbot.daemon.oserrors import inWords
from buildbot.importing.oldmaster import NoOldMaster, OldMaster, look
from buildbot.importing.reader import PickleReader
from buildbot.importing.work import Import, Tally
from buildbot.scripts.arguments import nearest
from buildbot.scripts.locked import locked
from buildbot.scripts.output import (
    CommandFailed,
    Config,
    command,
    complain,
    say,
    setting,
    usable,
    waiting,
)
from buildbot.store.imported import ImportedStore, Present
from buildbot.store.interface import StoreFailed
from buildbot.text.plural import counted


def importMaster(config: Config) -> int:
    """Import the history. Status 0 if all of it was read; 1 if something was unreadable."""
    isCheck = bool(config.get("check"))
    here = usable(config, toWrite=not isCheck)
    if directory.kindOf(directory.readTac(here)) is directory.Kind.SLAVE:
        raise CommandFailed(f"{here} is a buildslave's directory: name that of a master")
    reader = PickleReader()
    try:
        old = _looked(setting(config, "oldmaster", str, "."), here, reader)
        work = Import(old, reader, _names(config, old), not config.get("no-changes"), complain)
        with nullcontext() if isCheck else locked(here, "import into"):
            _refuseConflicts(work, here)
            with waiting(config, Progress(work.tally)):
                if isCheck:
                    work.check()
                else:
                    _run(work, here)
    finally:
        reader.close()
    _sum(config, work.tally, old, here, isCheck)
    return 1 if work.tally.unreadable else 0


def _looked(path: str, here: str, reader: PickleReader) -> OldMaster:
    try:
        old = look(path, reader)
    except NoOldMaster as why:
        raise CommandFailed(str(why)) from None
    if old.path == here:
        raise CommandFailed(
            f"OLDMASTER and DIR are the same directory: make a new one for this release, with"
            f" `{command('create-master', 'NEWDIR')}`, and name that as DIR"
        )
    other = otherdaemon.daemonIn(old.path)
    if other is not None:
        complain(
            f"process {other} still runs the master in {old.path}: its next builds are not imported; stop it,"
            " and give this command again"
        )
    return old


def _names(config: Config, old: OldMaster) -> dict[str, str]:
    """The chosen builders, each with its new name."""
    known = [each.name for each in old.builders]
    chosen: list[str] = setting(config, "builders", list, [])
    renamed: dict[str, str] = setting(config, "renamed", dict, {})
    for name in [*chosen, *renamed]:
        if name not in known:
            raise CommandFailed(f"the old master has no builder {name}{nearest(name, known)}")
    for name in renamed:
        if chosen and name not in chosen:
            raise CommandFailed(f"--rename renames {name}, which the options --builder leave out")
    names = {name: renamed.get(name, name) for name in chosen or known}
    for name in names.values():
        if list(names.values()).count(name) > 1:
            raise CommandFailed(f"two builders would get the name {name}: their builds have the same numbers")
    return names


def _refuseConflicts(work: Import, here: str) -> None:
    try:
        present = Present.of(here)
        try:
            conflicts = work.conflicts(present)
        finally:
            present.close()
    except StoreFailed as why:
        raise CommandFailed(f"cannot read the store in {here}: {why}") from None
    if conflicts:
        raise CommandFailed(
            *(f"{here}: {line}" for line in conflicts),
            "nothing was imported, because an import replaces nothing: import into a new directory, choose"
            " other builders with --builder, rename one with --rename OLD=NEW, or leave out the changes with"
            " --no-changes",
        )


def _run(work: Import, here: str) -> None:
    try:
        store = ImportedStore(here)
        try:
            work.run(store, here)
        finally:
            store.close()
    except (StoreFailed, OSError) as why:
        words = inWords(why) if isinstance(why, OSError) else str(why)
        raise CommandFailed(
            f"stopped after {counted(work.tally.builds, 'build')}: {words}",
            "the same command continues the import",
        ) from None
    except KeyboardInterrupt:
        complain(
            f"stopped after {counted(work.tally.builds, 'build')}: the same command continues the import"
        )
        raise


class Progress:
    """I make the line about the progress of an import."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def __call__(self, passed: float) -> str:
        tally = self._tally
        done = tally.passed - tally.before
        rate = done / passed if passed else 0.0
        left = (tally.total - tally.passed) / rate if rate else None
        rest = (
            "" if left is None else f", {rate:.{0 if rate >= 1 else 2}f} a second, about {_span(left)} left"
        )
        changes = f"{counted(tally.changes, 'change')}, " if tally.changes and not done else ""
        return f"{changes}{tally.passed} of {counted(tally.total, 'build')}{rest} …"


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _sum(config: Config, tally: Tally, old: OldMaster, here: str, isCheck: bool) -> None:
    """Print the numbers of imported and unreadable things."""
    parts = [counted(tally.builds, "build"), counted(tally.changes, "change")]
    if not isCheck:
        parts += [f"{counted(tally.logs, 'log')} with {counted(tally.size, 'byte')}"]
    if old.database is not None:
        parts.append(counted(tally.sets, "build set"))
    verb = "can be imported" if isCheck else "imported"
    say(config, f"{verb} from {old.path}: {', '.join(parts)}")
    if tally.before or tally.changesBefore:
        before = f"{counted(tally.before, 'build')} and {counted(tally.changesBefore, 'change')}"
        say(config, f"imported before: {before}")
    if tally.gone:
        say(config, f"{counted(tally.gone, 'log')} of these builds had been deleted by the old master")
    if tally.unreadable:
        complain(f"{counted(tally.unreadable, 'thing')} could not be read: see above")
    if tally.builds and not isCheck:
        say(
            config,
            "the master keeps all these builds until c['buildHorizon'] in its master.cfg says how many of"
            " each builder to keep (docs/howto/import-old-master.rst)",
        )

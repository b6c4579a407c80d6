# -*- test-case-name: tests.unit.config.test_check -*-
"""Warn about methods that a plug-in overrides and this release never calls.

The methods are those of 0.7.5 that were removed, and those of later releases that do not exist yet.
"""

from __future__ import annotations

from collections.abc import Iterator

from buildbot.config.messages import Raw, Report, Say, entries, listing
from buildbot.config.model import ConfigError

#: Class of this release -> names that subclasses may define without effect.
UNCALLED = {
    "buildbot.process.base.Build": (
        *("startNextStep", "getNextStep", "stepDone", "allStepsDone", "buildException"),
        *("setupSlaveBuilder", "setupStatus", "setupProgress"),
    ),
    "buildbot.process.basestep.BuildStep": (
        *("startStep", "acquireLocks", "releaseLocks", "setupProgress", "setDefaultWorkdir"),
    ),
    "buildbot.steps.trigger.Trigger": (
        *("getSchedulerByName", "prepareSourcestampListForTrigger", "getAllGotRevisions", "end"),
    ),
    "buildbot.schedulers.branches.Scheduler": ("gotChange",),
    "buildbot.schedulers.branches.AnyBranchScheduler": ("schedulerFactory", "gotChange"),
    "buildbot.schedulers.timed.Nightly": ("addTime", "findFirstValueAtLeast"),
    "buildbot.steps.source.base.Source": ("patch",),
    "buildbot.schedulers.base.BaseScheduler": ("submitBuildSet", "getCodebaseDict"),
    "buildbot.mails.notifier.MailNotifier": (
        *("useLookup", "useUsers", "buildMessageDict", "createEmail", "shouldAttachLog"),
    ),
    "buildbot.schedulers.forcesched.ForceScheduler": ("force", "gatherPropertiesAndChanges"),
}


def uncalled(cls: object) -> dict[type, list[str]]:
    """The names without effect in a plug-in's class and its bases: class -> names."""
    mro = cls.__mro__ if isinstance(cls, type) else ()
    ours = [base for base in mro if base.__module__.startswith("buildbot.")]
    if len(ours) + 1 == len(mro):  # the class is ours, below object
        return {}
    names = {name for base in ours for name in UNCALLED.get(f"{base.__module__}.{base.__qualname__}", ())}
    names -= {name for base in ours for name in vars(base)}
    return {
        base: [name for name, value in vars(base).items() if name in names and not isinstance(value, bool)]
        for base in mro
        if base not in ours
    }


def overriddenInVain(raw: Raw, report: Report) -> Iterator[ConfigError]:
    """Yield warnings, one for each class."""
    told: set[type] = set()
    seen: set[int] = set()
    for cls, say in _plugins(raw, report):
        if id(cls) in seen:
            continue
        seen.add(id(cls))
        for owner, names in uncalled(cls).items():
            if names and owner not in told:
                told.add(owner)
                title = f"class {owner.__qualname__} defines {listing(names)}"
                yield say(f"{title}, which this release never uses: see docs/differences.rst")


def _plugins(raw: Raw, report: Report) -> Iterator[tuple[object, Say]]:
    """Yield classes of builds, steps, schedulers and status targets, each with a function for errors."""
    for index, entry in enumerate(entries(raw, "builders")):
        factory = entry.get("factory") if isinstance(entry, dict) else None
        say = report.item(raw, "builders", index)
        yield getattr(factory, "buildClass", None), say
        steps = getattr(factory, "steps", None)
        for step in steps if isinstance(steps, (list, tuple)) else ():
            yield step[0] if isinstance(step, tuple) and step else type(step), say
    for key in ("schedulers", "status"):
        for index, thing in enumerate(entries(raw, key)):
            yield type(thing), report.item(raw, key, index)

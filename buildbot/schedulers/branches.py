# -*- test-case-name: tests.unit.schedulers.test_scheduler -*-
"""Schedulers that build changes when a branch has been stable for a while.

L{buildbot.schedulers.treestable} has the rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from buildbot.changes.filter import EVERY, ChangeFilter
from buildbot.config.arguments import Kind, arguments, complain
from buildbot.config.kinds import BRANCH, BRANCHES, CHANGE_FUNCTION, NAMES, SECONDS, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.schedulers import choice
from buildbot.schedulers.base import LONGEST_SLEEP
from buildbot.schedulers.choice import Choice, changesOf, chosen, reasonOf
from buildbot.schedulers.treestable import TreeStable
from buildbot.schedulers.upstream import BaseUpstreamScheduler
from buildbot.status.request import BuildSetStatus
from buildbot.store.outbox import RETRY_AFTER
from buildbot.text.plural import counted

log = Logger()

#: The most unimportant changes that wait for an important one, on all branches of a scheduler together.
MOST_UNIMPORTANT = 1000

ChangeFunction = Callable[[Change], object]
#: The default of an argument that follows optional ones; the constructor demands a list.
_NAMES = Kind(NAMES.expected, lambda value: value is None or NAMES.fits(value), NAMES.detail)
#: A branch, or the default for all branches.
_BRANCH = Kind(BRANCH.expected, lambda value: value is EVERY or BRANCH.fits(value), BRANCH.detail)


class _TreeScheduler(BaseUpstreamScheduler):
    """I build the changes of a branch when nobody has committed to it for a while.

    @ivar fileIsImportant: None, or a function that returns true for a Change that is worth a build. An
        unimportant change is built along with the next important one.
    """

    mergeRequests = True
    fileIsImportant: Any = None
    choice = Choice()
    _hasForgotten = _hasDropped = False

    @arguments(
        treeStableTimer=orNone(SECONDS, "none"),
        builderNames=_NAMES,
        fileIsImportant=orNone(CHANGE_FUNCTION, "every change"),
    )
    def __init__(
        self,
        name: str,
        treeStableTimer: float | None,
        builderNames: Sequence[str] | None,
        fileIsImportant: ChangeFunction | None,
    ) -> None:
        super().__init__(name)
        if fileIsImportant is not None:
            self.fileIsImportant = fileIsImportant
        if builderNames is None:
            complain(self, "lacks its argument builderNames", "builderNames", builderNames)
        self.treeStableTimer = treeStableTimer
        self.builderNames = list(builderNames or ())
        self.reason = f"scheduler {name}"
        self._trees: dict[str | None, TreeStable] = {}
        self._alarm = self.newAlarm(self._wake)
        self._alarmTime = 0.0

    def isWanted(self, branch: str | None) -> bool:
        """True if I build this branch."""
        raise NotImplementedError

    def treeOf(self, change: Change) -> str | None:
        """The name of the tree that a change waits in: changes of one tree are built together."""
        return change.branch

    def getCodebaseDict(self, codebase: str) -> Mapping[str, Any]:
        """The branch, the repository and so on of a codebase that the waiting changes are not of.

        Subclasses may override it.
        """
        return self.choice.codebases[codebase]

    def listBuilderNames(self) -> list[str]:
        """See L{BaseScheduler.listBuilderNames}."""
        return self.builderNames

    def waitingChanges(self) -> int:
        """The number of changes that wait for a build."""
        return sum(len(tree.changes) for tree in self._trees.values())

    def getPendingBuildTimes(self) -> list[float]:
        """The build time of each waiting branch, if nobody commits before."""
        if not self.running:
            return []
        return sorted(self.toWall(due) for due in self._dueTimes(self.steady()).values())

    def getPendingBuildsets(self) -> list[Any]:
        """See L{BaseScheduler.getPendingBuildsets}: one set for each waiting branch."""
        waiting = (
            [self._trees[branch].changes for branch in self._dueTimes(self.now())] if self.running else []
        )
        sources = [source for changes in waiting for source in self._sources(changes)]
        return [BuildSetStatus(source, self.reason, self.builderNames) for source in sources]

    def _sources(self, changes: Sequence[Change]) -> list[SourceStamp]:
        if len(changes) == 1 and not self.choice.isSeveral:  # so it is most often
            return [SourceStamp(changes=changes)]
        return self.choice.sources(changes, self.getCodebaseDict)

    def addChange(self, change: Change) -> None:
        """See L{BaseScheduler.addChange}."""
        if not self.isWanted(change.branch):
            return
        if not self.choice.isEvery and not self.choice.wants(change, self.name):
            return
        if self._isImportant(change):
            self.addImportantChange(change)
        elif not self.choice.onlyImportant:
            self.addUnimportantChange(change)

    def _isImportant(self, change: Change) -> bool:
        if self.fileIsImportant is None:
            return True
        try:
            return bool(self.fileIsImportant(change))
        except PLUGIN_ERRORS:
            log.failure(
                "fileIsImportant of scheduler {name} failed: the change counts as important", name=self.name
            )
            return True

    def addImportantChange(self, change: Change) -> None:
        """Build this change when the tree is stable."""
        self._add(change, True)

    def addUnimportantChange(self, change: Change) -> None:
        """Build this change along with the next important one."""
        self._add(change, False)

    def _add(self, change: Change, important: bool) -> None:
        name = self.treeOf(change)
        tree = self._trees.pop(name, None) or TreeStable(self.treeStableTimer or 0.0)
        came = self._clock.seconds()
        if change.came is not None:  # a change that was read from the store came earlier
            came += min(change.came - self.engine.resources.now(), 0.0)
        self._trees[name] = tree.add(change, came, important)  # moves it to the end
        if not important:
            self._forgetOldest()
        self.changed()
        self._arm()

    def _forgetOldest(self) -> None:
        """Drop the oldest unimportant changes beyond MOST_UNIMPORTANT."""
        idle = [(branch, tree) for branch, tree in self._trees.items() if tree.latest is None]
        excess = sum(len(tree.changes) for _, tree in idle) - MOST_UNIMPORTANT
        if excess > 0 and not self._hasForgotten:
            self._hasForgotten = True
            log.warn(
                "scheduler {name}: {count} unimportant changes wait for an important one;"
                " from now on the oldest are dropped",
                **{"name": self.name, "count": MOST_UNIMPORTANT},
            )
        for branch, tree in idle:
            if excess <= 0:
                return
            excess -= len(tree.changes)
            self._trees[branch] = tree.without(len(tree.changes) + min(excess, 0))
            if not self._trees[branch].changes:
                del self._trees[branch]

    def _dueTimes(self, now: float) -> dict[str | None, float]:
        dues = {branch: tree.due(now) for branch, tree in self._trees.items()}
        return {branch: due for branch, due in dues.items() if due is not None}

    def _arm(self, wait: float = 0.0) -> None:
        """Set the timer for the first due branch, but at least C{wait} seconds from now."""
        if not self._isReady:
            return
        now = self._clock.seconds()
        dues = self._dueTimes(now)
        if dues:
            self.setTimer(self.engine.resources.now() + max(wait, min(dues.values()) - now))
        elif self._alarmTime:
            self.stopTimer()

    def setTimer(self, when: float) -> None:
        """Set the timer.

        @param when: seconds since the epoch. I do not wake up earlier.
        """
        wait = when - self.engine.resources.now()
        self._alarmTime = self._clock.seconds() + wait
        self._alarm.set(self._clock, min(wait, LONGEST_SLEEP))

    def stopTimer(self) -> None:
        """Cancel the wait for a stable tree."""
        self._alarmTime = 0.0
        self._alarm.stop()

    def _wake(self) -> None:
        now = self._clock.seconds()
        due = [branch for branch, when in self._dueTimes(now).items() if when <= now]
        if not due and self._alarmTime - now < 1e-3:  # the two clocks differ by rounding
            due = [branch for branch, when in self._dueTimes(now).items() if when <= self._alarmTime]
        isBroken, self._alarmTime = False, 0.0
        for branch in due:
            try:
                self.isStable(branch)
            except PLUGIN_ERRORS:  # of a subclass: its changes keep waiting, and the other branches are built
                isBroken = True
                log.failure("scheduler {name} failed on branch {branch!r}", name=self.name, branch=branch)
        self._arm(RETRY_AFTER if isBroken else 0.0)

    def isStable(self, branch: str | None) -> None:
        """Called when nobody has committed to this branch for C{treeStableTimer} seconds."""
        self.buildBranch(branch)

    def buildBranch(self, branch: str | None) -> None:
        """Build all waiting changes of a branch now, if there are any."""
        tree = self._trees.pop(branch, None)
        if tree is None:
            return
        sources = self._sources(tree.changes)
        for number, source in enumerate(sources, 1):
            if number < len(sources):  # a crash before the later sets are stored must not lose them
                self._trees[branch] = replace(tree, changes=changesOf(sources[number:]))
            else:
                self._trees.pop(branch, None)
            self._build(BuildSet(self.builderNames, source, self.reason, properties=self.choice.properties))

    def _build(self, bs: BuildSet) -> None:
        self.submit(bs)

    def toRecord(self) -> dict[str, Any]:
        """See L{BaseScheduler.toRecord}."""
        return {"trees": [[branch, self._onWall(tree).toRecord()] for branch, tree in self._trees.items()]}

    def _onWall(self, tree: TreeStable) -> TreeStable:
        if tree.latest is None:
            return tree
        ahead = self.engine.resources.now() - self._clock.seconds()
        return replace(tree, latest=tree.latest + ahead)

    def restore(self, record: Mapping[str, Any]) -> None:
        """Restore the waiting changes of the branches and codebases in the present configuration."""
        self._trees, self._hasDropped = {}, False
        for branch, tree in record.get("trees", []):
            kept = TreeStable.fromRecord(self.treeStableTimer or 0.0, tree)
            if kept.latest is not None:
                kept = replace(kept, latest=self.fromWall(kept.latest))
            self._restoreTree(branch, kept)

    def _restoreTree(self, branch: str | None, tree: TreeStable) -> None:
        """Add the wanted changes of a stored tree to the trees of the present configuration."""
        trees: dict[str | None, list[Change]] = {}
        dropped: dict[tuple[str, str | None], int] = {}
        for change in tree.changes:
            if not self.isWanted(change.branch):
                dropped["branch", branch] = dropped.get(("branch", branch), 0) + 1
            elif not self.choice.hasCodebaseOf(change):
                place = ("codebase", change.codebase)
                dropped[place] = dropped.get(place, 0) + 1
            else:
                trees.setdefault(self.treeOf(change), []).append(change)
        for (what, name), count in dropped.items():
            self._hasDropped = True
            log.info(
                "scheduler {name} no longer builds {what} {which!r}: dropped {changes}",
                **{"name": self.name, "what": what, "which": name},
                changes=counted(count, "waiting change"),
            )
        for key, changes in trees.items():
            part = replace(tree, changes=tuple(changes))
            self._trees[key] = self._trees[key].joined(part) if key in self._trees else part

    def restored(self) -> None:
        """See L{BaseScheduler.restored}."""
        self._arm()
        if self._hasDropped:
            self.changed()  # else the next reconfig would find them again

    def stopService(self) -> Deferred[Any]:
        """See L{BaseScheduler.stopService}."""
        self.stopTimer()
        return super().stopService()


class _Waiting(list[Change]):
    """The pending changes as a list; appending, as subclasses of 0.7.5 do, queues the change."""

    def __init__(self, changes: Iterable[Change], add: Callable[[Change], None]) -> None:
        super().__init__(changes)
        self._add = add

    def append(self, change: Change) -> None:
        """Append and queue a change."""
        super().append(change)
        self._add(change)

    def extend(self, changes: Iterable[Change]) -> None:
        """Append and queue changes."""
        for change in changes:
            self.append(change)

    def __iadd__(self, changes: Iterable[Change]) -> _Waiting:  # type: ignore[override,misc]
        self.extend(changes)
        return self

    def _refuse(self, *args: object, **kwargs: object) -> Any:
        raise TypeError(
            "a single waiting change cannot be removed: set the attribute to an empty list to remove all"
        )

    insert = remove = pop = clear = __setitem__ = __delitem__ = _refuse


class Scheduler(_TreeScheduler):
    """I build the changes of one branch once it has been stable for C{treeStableTimer} seconds.

    C{importantChanges}, C{unimportantChanges}, C{nextBuildTime} and C{timer} are for subclasses that were
    written for 0.7.5.
    """

    _ownTimer: Any = None

    compare_attrs = (
        *("name", "treeStableTimer", "builderNames", "branch", "isForEvery", "fileIsImportant", "choice"),
        "reason",
    )

    @arguments(branch=_BRANCH, **choice.KINDS)
    def __init__(
        self,
        name: str,
        branch: str | None = EVERY,
        treeStableTimer: float | None = None,
        builderNames: Sequence[str] | None = None,
        fileIsImportant: ChangeFunction | None = None,
        properties: Mapping[str, Any] | None = None,
        categories: Sequence[str] | None = None,
        *,
        change_filter: ChangeFilter | None = None,
        onlyImportant: bool = False,
        reason: str | None = None,
        codebases: object = None,
    ) -> None:
        """@param branch: None is the main line. If it is left out, C{change_filter} chooses the branches.
        @param treeStableTimer: seconds; None: no waiting.
        @param builderNames: the builders to start.
        @param fileIsImportant: called with a Change; returns true if it is worth a build. None: each change
            is.
        @param properties: properties of the builds.
        @param categories: the categories of changes to build; None: every category.
        @param change_filter: the changes to build; None: every change.
        @param onlyImportant: whether to drop unimportant changes.
        @param reason: the reason of the builds; C{%(name)s} is my name.
        """
        super().__init__(name, treeStableTimer, builderNames, fileIsImportant)
        self.isForEvery = branch is EVERY
        if self.isForEvery and change_filter is None:
            complain(self, "lacks its argument branch, or a change_filter", "branch", branch)
        self.branch = None if self.isForEvery else branch
        self.choice = chosen(properties, categories, change_filter, onlyImportant, codebases)
        self.reason = reasonOf(reason, self.reason, self)

    def isWanted(self, branch: str | None) -> bool:
        """True for my branch; without one, for those of C{change_filter}."""
        return self.choice.wantsBranch(branch) if self.isForEvery else branch == self.branch

    def treeOf(self, change: Change) -> str | None:
        """See L{_TreeScheduler.treeOf}. With several codebases, all changes wait together."""
        return self.branch if self.choice.isSeveral else change.branch

    def isStable(self, branch: str | None) -> None:
        """Called when a branch of mine is stable."""
        if self.isForEvery:
            self.buildBranch(branch)
        else:
            self.fireTimer()

    def fireTimer(self) -> None:
        """Build all waiting changes now, or the latest revision if no change waits."""
        if self.branch in self._trees:
            self.buildBranch(self.branch)
        else:
            source = self.choice.latest(self.branch)
            self.submit(BuildSet(self.builderNames, source, self.reason, properties=self.choice.properties))

    @property
    def importantChanges(self) -> list[Change]:
        """All waiting changes. A subclass may take them and then set me to an empty list."""
        tree = self._trees.get(self.branch)
        return _Waiting(tree.changes if tree else (), lambda change: self._add(change, True))

    @importantChanges.setter
    def importantChanges(self, changes: Sequence[Change]) -> None:
        if list(changes) == self.importantChanges:  # after +=, which has already added them
            return
        if changes:
            raise ValueError("the list cannot be set: call addImportantChange for each change")
        self._trees.pop(self.branch, None)
        self.changed()

    @property
    def unimportantChanges(self) -> list[Change]:
        """Always empty: C{importantChanges} has all changes. A change added here starts no timer."""
        return _Waiting((), lambda change: self._add(change, False))

    @unimportantChanges.setter
    def unimportantChanges(self, changes: Sequence[Change]) -> None:
        if changes and not isinstance(changes, _Waiting):
            raise ValueError("the list cannot be set: call addUnimportantChange for each change")

    @property
    def nextBuildTime(self) -> float | None:
        """The time of the next build; None if no change waits. Setting it does nothing."""
        return min(self.getPendingBuildTimes(), default=None)

    @nextBuildTime.setter
    def nextBuildTime(self, when: float | None) -> None:
        pass

    @property
    def timer(self) -> Any:
        """The delayed call of the next build; None without one."""
        return self._alarm.waiting if self._ownTimer is None else self._ownTimer

    @timer.setter
    def timer(self, timer: object) -> None:
        self._ownTimer = timer  # a subclass that makes a timer must also stop it


class AnyBranchScheduler(_TreeScheduler):
    """I build the changes of each branch once it has been stable for C{treeStableTimer} seconds."""

    compare_attrs = (
        *("name", "branches", "treeStableTimer", "builderNames", "fileIsImportant", "choice", "reason"),
    )

    @arguments(branches=BRANCHES, **choice.KINDS)
    def __init__(
        self,
        name: str,
        branches: Iterable[str | None] | None = None,
        treeStableTimer: float | None = None,
        builderNames: Sequence[str] | None = None,
        fileIsImportant: ChangeFunction | None = None,
        properties: Mapping[str, Any] | None = None,
        categories: Sequence[str] | None = None,
        *,
        change_filter: ChangeFilter | None = None,
        onlyImportant: bool = False,
        reason: str | None = None,
        codebases: object = None,
    ) -> None:
        """@param branches: the branches to build; None: every branch.

        For the other parameters see L{Scheduler}.
        """
        super().__init__(name, treeStableTimer, builderNames, fileIsImportant)
        self.branches = None if branches is None else list(branches)
        self.choice = chosen(properties, categories, change_filter, onlyImportant, codebases)
        self.reason = reasonOf(reason, self.reason, self)

    def isWanted(self, branch: str | None) -> bool:
        """True for one of my branches."""
        return (self.branches is None or branch in self.branches) and self.choice.wantsBranch(branch)

    def _build(self, bs: BuildSet) -> None:
        self.submitBuildSet(bs)

    def submitBuildSet(self, bs: BuildSet) -> None:
        """Submit a build set; see L{BaseScheduler.submit}. Subclasses may override this."""
        self.submit(bs)

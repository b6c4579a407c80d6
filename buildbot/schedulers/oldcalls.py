# -*- test-case-name: tests.stories.test_ownscheduler -*-
"""What a scheduler of people's own calls in 0.8: it asks for changes, and submits sets of builds.

C{gotChange} of such a scheduler often works later. A change counts as seen when that has ended, or has
submitted a set. So a crash loses no change, and builds none twice; but C{gotChange} may get a change again
that it has only noted.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from twisted.internet.defer import DeferredLock
from twisted.logger import Logger
from twisted.python.failure import Failure

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.change import Change
from buildbot.model.properties import Properties
from buildbot.model.records import BuildsetRecord
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.buildset import BuildSet
from buildbot.schedulers.choice import Choice, stampOf
from buildbot.store.interface import IStore

log = Logger()

#: The most changes that wait for C{startConsumingChanges}. Older ones are dropped.
MOST_WAITING = 1000
#: The number of a stored set, and the number of its request for each builder. Of a lost set: None, and {}.
Added = tuple[int | None, dict[str, int]]


class Old(Protocol):
    """What I need of the scheduler."""

    name: str

    def listBuilderNames(self) -> list[str]:
        """The builders of its sets."""

    def changed(self) -> None:
        """Store the state soon."""


class _Rule:
    """Which changes a scheduler wants, and which of them are important."""

    def __init__(
        self, fileIsImportant: Callable[[Change], Any] | None, change_filter: Any, onlyImportant: bool
    ) -> None:
        self._judge, self._filter, self._onlyImportant = fileIsImportant, change_filter, onlyImportant

    def importance(self, change: Change) -> bool | None:
        """True or False for a wanted change, else None."""
        if self._filter is not None and not self._filter.filter_change(change):
            return None
        isImportant = self._judge is None or bool(self._judge(change))
        return isImportant if isImportant or not self._onlyImportant else None


class OldCalls:
    """I hand changes to C{gotChange} of one scheduler, and make its sets."""

    def __init__(
        self, scheduler: Old, choice: Choice, submit: Callable[[BuildSet], Awaitable[BuildsetRecord | None]]
    ) -> None:
        """@param choice: the properties and codebases of the sets.
        @param submit: submits a set; see C{BaseScheduler.submit}. Its result is None for a lost set.
        """
        self._scheduler, self._choice, self._submit = scheduler, choice, submit
        self.reset()

    def reset(self) -> None:
        """Forget everything: the scheduler starts."""
        self._rule: _Rule | None = None
        self._waiting: list[Change] = []
        self._open: list[int] = []  # the numbers of changes that were taken and are not done
        self._lock = DeferredLock()
        self._now: int | None = None

    # changes

    def consume(
        self,
        fileIsImportant: Callable[[Change], Any] | None = None,
        change_filter: Any = None,
        onlyImportant: bool = False,
    ) -> None:
        """Hand over the changes from now on, and those that wait."""
        self._rule = _Rule(fileIsImportant, change_filter, onlyImportant)
        waiting, self._waiting = self._waiting, []
        for change in waiting:
            self._hand(change, self._rule)

    def stop(self) -> None:
        """Hand over no more changes. They wait."""
        self._rule = None

    def take(self, change: Change) -> None:
        """Take a change."""
        if self._rule is None:
            self._waiting = [*self._waiting, change][-MOST_WAITING:]
        else:
            self._hand(change, self._rule)

    def seen(self, last: int) -> int:
        """The number of the last change that is done, with all before it. C{last} was taken last."""
        numbers = [*self._open, *(change.number or 0 for change in self._waiting)]
        return min(numbers) - 1 if numbers else last

    def _hand(self, change: Change, rule: _Rule) -> None:
        try:
            isImportant = rule.importance(change)
        except PLUGIN_ERRORS:
            log.failure(
                "scheduler {name} failed to judge change {number}: it is left out",
                name=self._scheduler.name,
                number=change.number,
            )
            return
        if isImportant is None:
            return
        number = change.number or 0
        self._open.append(number)

        def gotChange() -> Any:
            self._now = number
            hearing: Any = self._scheduler
            return hearing.gotChange(change, isImportant)

        def failed(why: Failure) -> None:
            log.failure(
                "scheduler {name} failed to take change {number}",
                why,
                name=self._scheduler.name,
                number=number,
            )

        def ended(_: object) -> None:
            self._now = None
            self._close([number])
            self._scheduler.changed()

        self._lock.run(gotChange).addErrback(failed).addBoth(ended)

    def _close(self, numbers: Sequence[int | None]) -> None:
        self._open = [each for each in self._open if each not in numbers]

    # sets

    async def forSource(
        self, branch: str | None, repository: str, project: str, revision: str | None, **said: Any
    ) -> Added:
        """Submit a set without changes; see L{submit}. Without a revision it is the latest of the branch."""
        source = self._choice.latest(branch)
        if revision is not None or repository or project:
            source = SourceStamp(
                branch, revision, repository=repository, project=project, codebase=source.codebase
            )
        return await self.submit(source, **said)

    async def forChanges(self, store: IStore, numbers: Sequence[int], **said: Any) -> Added:
        """Submit a set for changes; see L{submit}.

        @raise ValueError: there are no changes with these numbers.
        """
        found = [await store.getChange(number) for number in numbers]
        changes = [each for each in found if each is not None]
        if not changes:
            raise ValueError(f"scheduler {self._scheduler.name}: there are no changes {list(numbers)}")
        if not self._choice.isSeveral:
            return await self.submit(SourceStamp(changes=changes), done=numbers, **said)
        codebases = self._choice.codebases
        sources = self._choice.sources(changes, lambda codebase: codebases.get(codebase, {}))
        added = [await self.submit(each, done=numbers, **said) for each in sources]
        return added[0]

    async def forSources(self, sources: Mapping[str, Mapping[str, Any]], **said: Any) -> Added:
        """Submit a set for given sources; see L{submit}.

        @param sources: codebase -> C{repository}, C{branch}, C{revision} and C{project}; each may be missing.
        """
        named = {**self._choice.codebases, **sources} or {"": {}}
        stamps = [stampOf(name, known) for name, known in named.items()]
        return await self.submit(SourceStamp.together(stamps), **said)

    async def submit(
        self,
        source: SourceStamp,
        reason: str = "",
        external_idstring: str | None = None,
        builderNames: Sequence[str] | None = None,
        properties: Mapping[str, Any] | Properties | None = None,
        done: Sequence[int] = (),
    ) -> Added:
        """Submit a set.

        @param builderNames: None: all builders of the scheduler.
        @param done: the numbers of changes that are done with this set.
        """
        given = properties.asDict() if isinstance(properties, Properties) else dict(properties or {})
        names = self._scheduler.listBuilderNames() if builderNames is None else builderNames
        whole = {**self._choice.properties, **given}
        made = BuildSet(
            names, source, reason, bsid=external_idstring, properties=whole, mergeRequests=True
        )  # in 0.8 the builder decides
        self._close([self._now, *done])  # the state, which is stored with the set, has these changes
        record = await self._submit(made)
        if record is None:
            return None, {}
        return record.id, {
            name: request.id or 0 for name, request in zip(made.builderNames, made.requests, strict=False)
        }

# -*- test-case-name: tests.unit.schedulers.test_tryperspective,tests.stories.test_try -*-
"""The methods for the clients of developers on the port of a L{Try_Userpass}, of all generations."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any, Protocol

from twisted.logger import Logger
from twisted.spread import pb

from buildbot.model.records import BuildsetRecord
from buildbot.model.tryjob import LONGEST_JOB, BadJobfile, TryJob, jobOfCall
from buildbot.process.buildset import BuildSet
from buildbot.process.triggering import SchedulerStopped
from buildbot.status.remote import RemoteBuildSet
from buildbot.status.visit import Visit
from buildbot.wire.budget import Budget, BudgetExceeded, weigh
from buildbot.wire.callee import NewCredPerspective, WrongArguments
from buildbot.wire.dialect import Dialect

log = Logger()

#: The most bytes of memory for the jobs of one client that are not on disk yet.
WAITING = LONGEST_JOB


class TryRefused(pb.Error):
    """A try job was not taken. The text is for the developer."""


class TakesJobs(Protocol):
    """The part of a L{buildbot.schedulers.trysched.Try_Userpass} that its clients use."""

    name: str

    def listBuilderNames(self) -> list[str]:
        """The builders that a job may use."""

    def buildSetOf(self, job: TryJob, user: str = "") -> BuildSet:
        """The build set of a job. Raises L{BadJobfile} if it names other builders."""

    def recorded(self, who: str, how: str, buildset: BuildSet) -> None:
        """Record who has sent a job."""

    def keep(self, bs: BuildSet) -> Coroutine[Any, Any, BuildsetRecord | None]:
        """Submit a build set. Raises L{SchedulerStopped}."""


class Try_Userpass_Perspective(NewCredPerspective):
    """I serve one connection of a developer."""

    def __init__(self, parent: TakesJobs, username: str) -> None:
        self.parent = parent
        self.username = username
        self._visit: Visit | None = None
        self._isWatched = False
        self._budget = Budget("the unstored jobs of this client", WAITING)

    def perspectiveMessageReceived(self, broker: Any, message: str, args: object, kw: object) -> Any:
        """Serve a call. The first one begins to watch the connection.

        The logout comes too early: some clients drop the perspective while they wait for their builds.
        """
        if not self._isWatched:
            self._isWatched = True
            broker.notifyOnDisconnect(self._lost)
        return super().perspectiveMessageReceived(broker, message, args, kw)

    def _lost(self) -> None:
        """The connection has ended: forget all that the client waits for."""
        if self._visit is not None:
            self._visit.end()

    async def perspective_try(
        self, branch: object, revision: object, patch: object, builderNames: object, *more: object
    ) -> RemoteBuildSet | None:
        """Take a job. The answer comes when it is on disk (P2).

        @param builderNames: since 0.8 this is the repository: see L{jobOfCall}.
        @return: the build set; None if the job names a builder that it may not use.
        @raise WrongArguments: the job is malformed.
        @raise TryRefused: the job could not be stored.
        """
        arguments = (branch, revision, patch, builderNames, *more)
        try:
            job = jobOfCall(arguments)
        except BadJobfile as error:
            raise WrongArguments(f"a malformed try job: {error}") from None
        try:
            buildset = self.parent.buildSetOf(job, self.username)
        except BadJobfile as error:
            name = self.parent.name
            log.warn(
                "scheduler {name} refuses a job of {user}: {why}", name=name, user=self.username, why=error
            )
            return None
        size = weigh(job.diff)
        try:
            self._budget.take(size)
        except BudgetExceeded as exceeded:
            raise TryRefused(f"{exceeded}: send it again when others are stored") from None
        try:
            if await self.parent.keep(buildset) is None:
                raise TryRefused("this job cannot be built: see twistd.log of the master")
        except SchedulerStopped:
            raise TryRefused("the scheduler has stopped before the job was stored: send it again") from None
        finally:
            self._budget.giveBack(size)
        self.parent.recorded(self.username, "pb", buildset)
        return self._visitOf(arguments).remote(RemoteBuildSet, buildset.status)

    def perspective_getAvailableBuilderNames(self) -> Any:
        """The names of the builders that a job may use. A client that only asks this is of 0.8.5 or later."""
        return self.parent.listBuilderNames()

    def _visitOf(self, arguments: Sequence[object]) -> Visit:
        if self._visit is None:
            self._visit = Visit(dialectOf(arguments))
        return self._visit


def dialectOf(arguments: Sequence[object]) -> Dialect:
    """The dialect of a client, from the arguments of its call C{try}.

    The patch alone tells little: clients on Python 3 send bytes, too.
    """
    branch, revision, patch, *others = arguments
    words = _typesIn([branch, revision, others]) or _typesIn(patch)
    return Dialect.PYTHON2 if words == {bytes} else Dialect.PYTHON3


def _typesIn(value: object) -> set[type]:
    """The types of the texts in a value: C{str}, C{bytes}, both or none."""
    if isinstance(value, (list, tuple)):
        return {kind for each in value for kind in _typesIn(each)}
    if isinstance(value, dict):
        return _typesIn([*value, *value.values()])
    return {type(value)} & {str, bytes}

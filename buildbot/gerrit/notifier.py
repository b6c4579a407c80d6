# -*- test-case-name: tests.stories.test_gerrit -*-
"""GerritStatusPush of C{c['status']}: reviews on Gerrit about builds and build sets, as in 0.8."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from twisted.logger import Logger

from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import NAMES_OR_ONE, TEXT, hostKind, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.gerrit.reviews import (
    REVIEWED,
    VERIFIED,
    Place,
    placeOfSeveral,
    reviewOf,
    usualReview,
    usualSummary,
)
from buildbot.gerrit.ssh import PORT, USER, GerritTarget, Login
from buildbot.model.records import BuildsetRecord
from buildbot.model.results import RETRY, SUCCESS, Results, worst
from buildbot.programs.running import run
from buildbot.reporters.asking import asked
from buildbot.reporters.receiver import QueueingReceiver
from buildbot.reporters.revision import builtOf
from buildbot.status.build import BuildStatus
from buildbot.text.idnames import inId

log = Logger()

#: The names of 0.8 for labels.
GERRIT_LABEL_VERIFIED, GERRIT_LABEL_REVIEWED = VERIFIED, REVIEWED
#: Whom Gerrit mails about a review.
_NOTIFY = ("NONE", "OWNER", "OWNER_REVIEWERS", "ALL")


def makeReviewResult(message: str | None, *labels: tuple[str, int]) -> dict[str, Any]:
    """What a function for reviews returns: a message, and pairs of a label and its value."""
    return {"message": message, "labels": dict(labels)}


def defaultReviewCB(builderName: str, build: Any, result: int, status: Any, arg: Any) -> dict[str, Any]:
    """The review about a build, without a function in the configuration. Only a success is verified."""
    if result == RETRY:
        return makeReviewResult(None)
    return usualReview(builderName, Results[result], result == SUCCESS, status.getURLForThing(build))


def defaultSummaryCB(
    buildInfoList: Sequence[dict[str, Any]], results: int, status: Any, arg: Any
) -> dict[str, Any]:
    """The review about a build set, without a function in the configuration."""
    isGood = all(each["result"] == SUCCESS for each in buildInfoList)
    return usualSummary(buildInfoList, isGood)


class DEFAULT_REVIEW:
    """I am the default of C{reviewCB}: there are no reviews about single builds."""


class DEFAULT_SUMMARY:
    """I am the default of C{summaryCB}: L{defaultSummaryCB}, unless C{reviewCB} is given."""


_FUNCTION = Kind("a function", callable)
_ANY = Kind("anything", lambda value: True)
_WHOM = Kind(f"one of {', '.join(_NOTIFY)}", lambda value: value in _NOTIFY)


class GerritStatusPush(QueueingReceiver):
    """I add a review for each build of a change on Gerrit, or for each build set."""

    compare_attrs: Sequence[str] = (
        *("login", "reviewCB", "startCB", "reviewArg", "startArg", "summaryCB", "summaryArg", "notify"),
        *("builders", "categories"),
    )

    @arguments(
        server=hostKind("port"),
        username=USER,
        reviewCB=orNone(_FUNCTION),
        startCB=orNone(_FUNCTION),
        port=PORT,
        reviewArg=_ANY,
        startArg=_ANY,
        summaryCB=orNone(_FUNCTION),
        summaryArg=_ANY,
        identity_file=orNone(TEXT),
        notify=orNone(_WHOM),
        builders=orNone(NAMES_OR_ONE),
        categories=orNone(NAMES_OR_ONE),
    )
    def __init__(
        self,
        server: str,
        username: str,
        reviewCB: Callable[..., Any] | None = DEFAULT_REVIEW,
        startCB: Callable[..., Any] | None = None,
        port: int = 29418,
        reviewArg: Any = None,
        startArg: Any = None,
        summaryCB: Callable[..., Any] | None = DEFAULT_SUMMARY,
        summaryArg: Any = None,
        identity_file: str | None = None,
        notify: str | None = None,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
    ) -> None:
        """@param reviewCB: a function (builder name, build, result, status, C{reviewArg}) that returns the
            review about a build that has ended: see L{reviewOf}. None: there is none.
        @param startCB: a function (builder name, build, C{startArg}) that returns the review about a build
            that begins. None: there is none.
        @param summaryCB: a function (list of dicts, results, status, C{summaryArg}) that returns the review
            about a build set. A dict has C{name}, C{result}, C{resultText}, C{text}, C{url} and C{build}.
        @param identity_file: the file of a private key; None: ssh finds one.
        @param notify: whom Gerrit mails; None: as it is set up.
        """
        QueueingReceiver.__init__(self, builders, categories)
        remember(self)
        self.login = Login(server, username, port, identity_file)
        # as in 0.8: without both functions, there are reviews about build sets
        if reviewCB is DEFAULT_REVIEW and summaryCB is DEFAULT_SUMMARY:
            summaryCB = defaultSummaryCB
        reviewCB = None if reviewCB is DEFAULT_REVIEW else reviewCB
        summaryCB = None if summaryCB is DEFAULT_SUMMARY else summaryCB
        self.reviewCB, self.reviewArg = reviewCB, reviewArg
        self.startCB, self.startArg = startCB, startArg
        self.summaryCB, self.summaryArg = summaryCB, summaryArg
        self.notify = notify
        self.tellsBuilds, self.tellsSets = reviewCB is not None, summaryCB is not None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.login.name}>"

    @property
    def queueName(self) -> str:
        """See L{QueueingReceiver}."""
        return self.login.name

    def newTarget(self) -> GerritTarget:
        """See L{QueueingReceiver}."""
        clock = self.master.botmaster.resources.clock
        return GerritTarget(self.login, clock, lambda command, seconds: run(clock, command, seconds))

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Add a review about a build that begins, if there is a function for it."""
        if self.startCB is not None:
            self.work.do(self._begun(builderName, build))

    async def _begun(self, name: str, build: BuildStatus) -> None:
        await self._review(self._id("start", build), [build], self.startCB, name, build, self.startArg)

    async def tell(self, build: BuildStatus, results: int) -> None:
        """Add a review about a build that has ended."""
        name = build.getBuilder().getName()
        told = (name, build, results, self.status, self.reviewArg)
        await self._review(self._id("end", build), [build], self.reviewCB, *told)

    async def tellSet(self, buildset: BuildsetRecord, builds: list[BuildStatus]) -> None:
        """Add a review about a build set that has ended."""
        results = SUCCESS
        for build in builds:
            results = worst(results, build.getResults() or SUCCESS)
        infos = [self._infoOf(build) for build in builds]
        id = f"gerrit.set.{buildset.id}.{int(buildset.submitted):x}"
        await self._review(id, builds, self.summaryCB, infos, results, self.status, self.summaryArg)

    def _infoOf(self, build: BuildStatus) -> dict[str, Any]:
        results = build.getResults() or SUCCESS
        return {
            "name": build.getBuilder().getName(),
            "result": results,
            "resultText": Results[results],
            "text": " ".join(build.getText()),
            "url": self.status.getURLForThing(build),
            "build": build,
        }

    def _id(self, event: str, build: BuildStatus) -> str:
        name = inId(build.getBuilder().getName(), 60)
        return f"gerrit.{event}.{build.number}.{int(build.started):x}.{name}"

    async def _review(
        self, id: str, builds: Sequence[BuildStatus], function: Callable[..., Any] | None, *told: Any
    ) -> None:
        """Queue the review that a function wants, if these builds are for a change on Gerrit."""
        place = next((each for each in map(self._placeOf, builds) if each is not None), None)
        if place is None or function is None:
            return
        try:
            review = reviewOf(await asked(self.master.botmaster.resources.clock, function, *told))
        except PLUGIN_ERRORS:
            log.failure("the function for a review on Gerrit failed; there is no review")
            return
        if review is not None:
            message = {
                "project": place.project,
                "patchSet": place.patchSet,
                "message": review.message,
                "labels": dict(review.labels),
                "notify": self.notify,
            }
            where = f"{place.project} {place.patchSet}"
            self.enqueue(id, message, f"review of {where}", where)

    def _placeOf(self, build: BuildStatus) -> Place | None:
        return placeOfSeveral(build.properties, [(each.project, found) for each, found in builtOf(build)])

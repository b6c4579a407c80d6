# -*- test-case-name: tests.stories.test_trigger -*-
"""A step that triggers schedulers, and can wait for their builds.

L{buildbot.process.triggering} does the work. L{buildbot.schedulers.triggerable} has the schedulers.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from buildbot.config.arguments import REQUIRED, Kind, arguments, complain
from buildbot.config.kinds import FLAG, isText, sequenceOf
from buildbot.config.messages import listing, nearest
from buildbot.logs.live import LogFile
from buildbot.model.found import safeRevisions
from buildbot.model.properties import Properties, isRenderable
from buildbot.model.records import BuildRecord, BuildsetRecord
from buildbot.model.results import CANCELLED, EXCEPTION, FAILURE, RETRY, SUCCESS, Results, worst
from buildbot.model.sourcestamp import SourceStamp
from buildbot.process.basestep import BuildStep
from buildbot.process.kinds import isFilledIn
from buildbot.process.triggering import NotTriggered, Triggering
from buildbot.process.waits import Over
from buildbot.status.build import LONGEST_PROPERTY
from buildbot.status.urls import buildPath

#: The most triggered builds that a step links to.
MOST_LINKS = 50

#: The keys of a source in the configuration; the last two are accepted and not used.
_SOURCE = ("branch", "revision", "repository", "project", "codebase")
_PATCH = ("patch_level", "patch_body", "patch_subdir", "patch_author", "patch_comment")


def _isSource(value: object) -> bool:
    return isRenderable(value) or (isinstance(value, Mapping) and _sourceDetail(value) is None)


def _sourceDetail(value: object) -> str | None:
    if not isinstance(value, Mapping):
        return None
    known = (*_SOURCE, *_PATCH)
    wrong = next((each for each in value if each not in known), None)
    if wrong is None:
        return None
    hint = nearest(wrong, known) if isinstance(wrong, str) else ""
    return f"it has the key {wrong!r}{hint}; keys are {listing(_SOURCE)}"


def _sourcesDetail(value: object) -> str | None:
    if not isinstance(value, (list, tuple)):
        return None
    wrong = next(filter(None, map(_sourceDetail, value)), None)
    if wrong is not None:
        return wrong
    named = [each.get("codebase") or "" for each in value if isinstance(each, Mapping)]
    twice = [name for name in filter(isText, named) if named.count(name) > 1]
    return f"two of them have the codebase {twice[0]!r}" if twice else None


def _namesDetail(value: object) -> str | None:
    if isinstance(value, str):
        return "put a single name into a list, too"
    return "it is empty" if value in ([], ()) else None


def _orRenderable(kind: Kind) -> Kind:
    """A kind that also allows a value that is known only in a build."""
    return Kind(kind.expected, lambda value: kind.fits(value) or isRenderable(value), kind.detail)


_FLAG = _orRenderable(Kind("True, False or None", FLAG.fits))
_NAMES = _orRenderable(
    Kind(
        "a list of names of schedulers",
        lambda value: sequenceOf(isFilledIn)(value) and "" not in value and len(value) > 0,
        _namesDetail,
        standIn=("x",),
    )
)
_SOURCES = Kind(
    "a list of dicts, as in [{'codebase': 'lib', 'branch': 'x'}]",
    lambda value: value is None or (sequenceOf(_isSource)(value) and _sourcesDetail(value) is None),
    _sourcesDetail,
)
_PROPERTIES = _orRenderable(
    Kind(
        "a dict of property names and values",
        lambda value: value is None or (isinstance(value, Mapping) and all(map(isText, value))),
    )
)


class Trigger(BuildStep):
    """I trigger schedulers with the source of my build.

    Each scheduler is triggered once, even if the master is killed and my build starts again. I wait for the
    triggered builds with C{waitForFinish}; their worst result is mine.
    """

    name = "trigger"
    flunkOnFailure = True
    _triggering: Triggering | None = None

    @arguments(
        schedulerNames=_NAMES,
        sourceStamp=Kind(
            "a dict such as {'branch': 'x'}, or None",
            lambda value: value is None or _isSource(value),
            _sourceDetail,
        ),
        sourceStamps=_SOURCES,
        updateSourceStamp=_FLAG,
        alwaysUseLatest=_FLAG,
        waitForFinish=_FLAG,
        set_properties=_PROPERTIES,
        copy_properties=Kind(
            "a list of names of properties", lambda value: value is None or sequenceOf(isText)(value)
        ),
    )
    def __init__(
        self,
        schedulerNames: Any = REQUIRED,
        sourceStamp: Any = None,
        sourceStamps: Any = None,
        updateSourceStamp: object = None,
        alwaysUseLatest: object = False,
        waitForFinish: Any = False,
        set_properties: Any = None,
        copy_properties: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """@param schedulerNames: the names of schedulers that can be triggered.
        @param sourceStamp: a dictionary: the source of the triggered builds, instead of that of my build.
        @param sourceStamps: the same as a list of dictionaries, one for each codebase.
        @param updateSourceStamp: whether the triggered builds get the revisions that my build has found, as
            its property C{got_revision}; by default they do.
        @param alwaysUseLatest: True: the latest revision of each codebase of my build, on its branch and
            without its changes.
        @param waitForFinish: whether to wait for the triggered builds.
        @param set_properties: properties of the triggered builds.
        @param copy_properties: the names of properties of my build that the triggered builds get, too.
        """
        super().__init__(**kwargs)
        self.schedulerNames = schedulerNames
        self.sourceStamps = [*(sourceStamps or ()), *([sourceStamp] if sourceStamp else [])]
        self.alwaysUseLatest = alwaysUseLatest
        isOther = bool(self.sourceStamps) or bool(alwaysUseLatest)
        self.updateSourceStamp = not isOther if updateSourceStamp is None else updateSourceStamp
        self.waitForFinish = waitForFinish
        self.set_properties = dict(set_properties) if isinstance(set_properties, Mapping) else set_properties
        self.copy_properties = list(copy_properties or ())
        if sourceStamp and sourceStamps:
            complain(self, "takes sourceStamp or sourceStamps, not both")
        if self.sourceStamps and alwaysUseLatest is True:
            complain(self, "takes a sourceStamp or alwaysUseLatest, not both")
        if isOther and updateSourceStamp is True:
            other = "a sourceStamp" if self.sourceStamps else "alwaysUseLatest"
            complain(self, f"takes {other} or updateSourceStamp, not both")

    def triggeredSchedulers(self) -> list[str]:
        """The names of schedulers that are known before a build; see L{BuildFactory.triggered}."""
        isOwn = type(self).getSchedulersAndProperties is not Trigger.getSchedulersAndProperties
        isListed = isinstance(self.schedulerNames, (list, tuple))
        return (
            [] if isOwn or not isListed else [each for each in self.schedulerNames if isinstance(each, str)]
        )

    # for subclasses, as in 0.8

    def createTriggerProperties(self, properties: Mapping[str, Any]) -> Mapping[str, Any]:
        """The properties for one scheduler. Subclasses may override it."""
        return Properties(properties, "Trigger")

    def getSchedulersAndProperties(self) -> Any:
        """The schedulers to trigger, as a list of (name, properties). Subclasses may override it, also as a
        coroutine; C{set_properties} and C{schedulerNames} have their values then.
        """
        return [(name, self.set_properties) for name in self.schedulerNames]

    def end(self, results: int) -> None:
        """The name of 0.8 for C{finished}, for subclasses that override C{start}."""
        self.finished(results)

    # during the build

    async def run(self) -> int:
        """See L{BuildStep}."""
        self._triggering = Triggering(self.build, self.name)
        logfile = self.addLog("builds")
        try:
            return await self._triggerAll(self._triggering, logfile)
        except Over:
            self.step_status.setText([self.name, "interrupted"])
            return EXCEPTION
        except NotTriggered as why:
            logfile.addStderr(f"{why}\n")
            self.step_status.setText([self.name, str(why)])
            self.step_status.setText2([self.name])
            return FAILURE

    async def _triggerAll(self, triggering: Triggering, logfile: LogFile) -> int:
        self._render()
        pairs = await self._wanted(triggering)
        names = list(dict.fromkeys(name for name, _ in pairs))
        await triggering.check(names)
        self.step_status.setText(["triggering", *names])
        if not self.waitForFinish:
            for name, properties in pairs:
                await self._trigger(triggering, name, properties, logfile)
            self.step_status.setText(["triggered", *names])
            return SUCCESS
        status = self.build.build_status
        try:
            await triggering.result(self.build.builder.buildWaits(self.build, True))
            numbers = {}
            for name, properties in pairs:
                numbers.update(
                    dict.fromkeys(await self._trigger(triggering, name, properties, logfile), name)
                )
            waited = listing(dict.fromkeys(numbers.values()))
            self.step_status.setText(["waiting for", waited])
            status.waitsFor = lambda: f"waiting for the builds of {waited}"
            records = await triggering.ended(list(numbers))
        finally:
            status.waitsFor, status.waits = None, False
        await triggering.result(self.build.builder.buildWaits(self.build, False))
        return await self._judged(triggering, names, records, logfile)

    async def _wanted(self, triggering: Triggering) -> list[tuple[str, Mapping[str, Any]]]:
        """The schedulers to trigger, each with its properties."""
        wanted: Any = self.getSchedulersAndProperties()
        if inspect.isawaitable(wanted):
            wanted = await triggering.result(wanted)
        pairs = [_pair(each) for each in wanted]
        return [(name, self.createTriggerProperties(properties or {})) for name, properties in pairs]

    def _render(self) -> None:
        """Fill in the arguments; subclasses see the values."""
        for name in (
            "schedulerNames",
            "sourceStamps",
            "updateSourceStamp",
            "alwaysUseLatest",
            "waitForFinish",
        ):
            setattr(self, name, self.build.render(getattr(self, name)))
        if isinstance(self.schedulerNames, str):
            self.schedulerNames = [self.schedulerNames]
        properties = dict(self.build.render(self.set_properties) or {})
        for name in self.copy_properties:
            if self.build.getProperties().hasProperty(name):  # otherwise it is not set there, either
                properties[name] = self.build.getProperty(name)
        self.set_properties = properties

    def _source(self) -> SourceStamp:
        """The source of the triggered builds."""
        mine = self.build.getSourceStamp()
        if self.sourceStamps:
            given = [_given(each) for each in self.sourceStamps]
            names = [each.codebase for each in given]
            twice = [name for name in names if names.count(name) > 1]
            if twice:
                raise NotTriggered(f"two of sourceStamps have the codebase {twice[0]!r}")
            return SourceStamp.together(given)
        if self.alwaysUseLatest:
            return SourceStamp.together([_latest(each) for each in mine.each()])
        found = safeRevisions(mine, self.build.properties) if self.updateSourceStamp else {}
        return mine.getAbsoluteSourceStamp(found) if found else mine

    async def _trigger(
        self, triggering: Triggering, name: str, properties: Mapping[str, Any], logfile: LogFile
    ) -> list[int]:
        """Trigger one scheduler. Returns the numbers of the build sets to wait for."""
        made = properties if isinstance(properties, Properties) else Properties(properties)
        values = {name: value for name, (value, _) in made.toRecord().items()}
        for each, value in values.items():
            if len(str(value)) > LONGEST_PROPERTY:
                told = f"property {each!r} is longer than {LONGEST_PROPERTY} characters"
                raise NotTriggered(f"{told}: scheduler {name!r} is not triggered")
        numbers = await triggering.trigger(name, self._source(), values)
        told = f"build set {listing(map(str, numbers))}" if numbers else "builds at its next time"
        logfile.addStdout(f"scheduler {name}: {told}\n")
        return numbers

    async def _judged(
        self,
        triggering: Triggering,
        names: Iterable[str],
        records: Sequence[BuildsetRecord],
        logfile: LogFile,
    ) -> int:
        """Log the builds of all sets, and return the worst result."""
        results, bad = SUCCESS, []
        for record in records:
            results = worst(results, _meaning(record.results))
            for build in await triggering.built(record.id):
                title, result = f"{build.builder}/{build.number}", build.results or SUCCESS
                logfile.addStdout(f"build set {record.id}: {title}: {Results[result]}\n")
                bad += [title] * (result != SUCCESS)
                self._linkTo(build)
        words = ["triggered", *names]
        if results != SUCCESS:
            word = "failed" if results == FAILURE else Results[results]
            words.append(f"{word}: {listing(bad)}" if bad else word)
            self.step_status.setText2([self.name])
        self.step_status.setText(words)
        return results

    def _linkTo(self, build: BuildRecord) -> None:
        """Link the page of a triggered build, if the pages have an address."""
        base = self.build.builder.botmaster.config.buildbotURL
        if base and len(self.step_status.getURLs()) < MOST_LINKS:
            address = f"{base.rstrip('/')}/{buildPath(build.builder, build.number or 0)}"
            self.addURL(f"{build.builder} #{build.number}", address)

    def interrupt(self, reason: str | Failure) -> Deferred[None]:
        """See L{BuildStep}. The triggered builds run on."""
        interrupting = super().interrupt(reason)
        if self._triggering is not None:
            self._triggering.stop()
        return interrupting


def _pair(wanted: Any) -> tuple[str, Mapping[str, Any]]:
    """The scheduler and its properties, which later releases write as a dictionary."""
    if isinstance(wanted, Mapping):
        return str(wanted["sched_name"]), wanted.get("props_to_set") or {}
    name, properties = wanted
    return str(name), properties


def _given(said: Mapping[str, Any]) -> SourceStamp:
    """The source in a dictionary of the configuration."""
    patch = None
    if said.get("patch_body"):
        patch = (said.get("patch_level") or 0, said["patch_body"], *filter(None, [said.get("patch_subdir")]))
    place = [said.get(name) or "" for name in ("repository", "project", "codebase")]
    return SourceStamp(said.get("branch"), said.get("revision"), patch, None, *place)


def _latest(stamp: SourceStamp) -> SourceStamp:
    """The latest revision of its branch."""
    return SourceStamp(
        stamp.branch, repository=stamp.repository, project=stamp.project, codebase=stamp.codebase
    )


def _meaning(results: int | None) -> int:
    """The result of a set for a step that has waited for it."""
    if results == CANCELLED:
        return FAILURE
    return EXCEPTION if results in (None, RETRY) else int(results or SUCCESS)

# -*- test-case-name: tests.stories.test_webold -*-
"""C{/json} of Buildbot 0.8: read-only, and bounded."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from buildbot.model.change import Change
from buildbot.model.records import BuildRecord, StepRecord
from buildbot.model.rows import BuildFilter
from buildbot.model.sourcestamp import changesIn, lastRevision, sourcesIn
from buildbot.schedulers.outlook import schedulersOf
from buildbot.status.build import BuildStatus
from buildbot.status.report import runningBuilds
from buildbot.status.topics import ALL
from buildbot.status.urls import logPath
from buildbot.web.call import Answer, Call, Problem, missing
from buildbot.web.feeds import json08
from buildbot.web.feeds.json08 import BadFlag, Json
from buildbot.web.pages.acting import doorOf
from buildbot.web.properties import withoutSecrets
from buildbot.web.reading import fromTheEnd, runningBuild
from buildbot.web.routes import Parameter, Route
from buildbot.web.serving.gathering import baseOf
from buildbot.web.serving.health import troubles
from buildbot.web.serving.unchanged import kept

#: The builds of a builder whose numbers are shown.
CACHED = 15
#: The builds in C{builds/_all} without C{max}, and the most.
ALL_BUILDS, MOST_BUILDS = 50, 200
#: The most builds in one answer.
ROOM = 400
#: The source of a property, if it is unknown.
_SOURCE = "Build"
_Segments = tuple[str, ...]
_HELP = """\
/json                                     everything below, in one answer
/json/project                             title, titleURL, buildbotURL
/json/builders[/NAME]                     builders
/json/builders/NAME/builds                the numbers of recent builds
/json/builders/NAME/builds/N              a build; -1 is the newest
/json/builders/NAME/builds/_all?max=N     the last builds
/json/builders/NAME/builds/N/source_stamp[/changes]
/json/builders/NAME/builds/N/steps[/INDEX or NAME]
/json/builders/NAME/slaves[/NAME], pendingBuilds
/json/slaves[/NAME], change_sources, metrics
Parameters: as_text=1, compact=0, filter=1, select=PATH (several times), numbuilds=N
"""


async def json(call: Call) -> Answer:
    """One resource, or several with C{select}."""
    if "json" not in call.world.options.feeds:
        raise Problem(404, "This master has no /json", hint="WebStatus: provide_feeds needs 'json'.")
    path = tuple(each for each in call.values.get("path", ()) if each)
    if path[-1:] == ("help",):
        return Answer(_HELP.encode(), json08.TEXT_TYPE.decode())
    try:
        flags = json08.flags(call.given)
    except BadFlag as why:
        raise Problem(400, "A parameter is wrong", str(why)) from None
    opened = await _allowed(call, "viewProperties")
    reader = _Reader(call, await call.may("viewProperties"), opened)

    async def make() -> Answer:
        if flags.select:
            found = [(each, await reader.readOrError((*path, *_split(each)))) for each in flags.select]
            value: object = json08.selected(found)
        else:
            value = await reader.read(path)
        return Answer(json08.written(value, flags), flags.contentType.decode())

    return await kept(call, (ALL,), make, reader.maySeeProperties, opened, ages=True)


async def _allowed(call: Call, action: str) -> tuple[str, ...]:
    """The names of the builders on which the visitor may do an action."""
    names = call.world.status.getBuilderNames()
    if not doorOf(call).guard.rights.rules:  # all builders are equal
        return tuple(names) if await call.may(action) else ()
    return tuple([name for name in names if await call.may(action, name)])


def _split(path: str) -> _Segments:
    return tuple(each for each in path.split("/") if each)


class _Reader:
    """I find the resources of one request."""

    def __init__(self, call: Call, maySeeProperties: bool, opened: Sequence[str]) -> None:
        """@param opened: the builders whose properties the visitor may see."""
        self._opened = frozenset(opened)
        self._call = call
        self._world = call.world
        self._count = call.query["numbuilds"] or CACHED
        self.maySeeProperties = maySeeProperties
        self._room = ROOM

    async def readOrError(self, path: _Segments) -> object:
        """The value of one resource of several. A missing resource does not stop the others."""
        try:
            return await self.read(path)
        except Problem as why:
            if why.status != 404:
                raise
            return dict(json08.MISSING)

    async def read(self, path: _Segments) -> object:
        """The value of a resource. A missing one is a L{Problem} 404."""
        first, rest = path[:1], path[1:]
        if not first:
            names = ("project", "builders", "slaves", "change_sources", "metrics")
            return {name: await self.read((name,)) for name in names}
        readers: Mapping[str, Callable[[_Segments], Awaitable[object]]] = {
            "project": self._project,
            "builders": self._builders,
            "slaves": self._slaves,
            "change_sources": self._sources,
            "metrics": self._metrics,
        }
        if first[0] not in readers:
            raise missing("resource", f"/json/{'/'.join(path)}")
        return await readers[first[0]](rest)

    async def _project(self, path: _Segments) -> object:
        _end(path)
        config = self._world.config
        return json08.project(config.projectName or "", config.projectURL or "", baseOf(self._call))

    async def _sources(self, path: _Segments) -> object:
        _end(path)
        return {
            str(at): {"description": type(each).__name__}
            for at, each in enumerate(self._world.config.sources)
        }

    async def _metrics(self, path: _Segments) -> object:
        """Two counters, and an alarm for each check of C{/readyz} and for missing slaves."""
        _end(path)
        slaves = self._world.botmaster.slaves.values()
        attached = sum(1 for each in slaves if each.slave_status.isConnected())
        alarms = {name: ["CRIT", why] if why else ["OK", ""] for name, why in troubles(self._call).items()}
        lacks = attached < len(slaves)
        said = f"{attached} of {len(slaves)} slaves are connected"
        alarms["attached_slaves"] = ["WARNING" if lacks else "OK", said]
        running = sum(1 for _ in runningBuilds(self._world.botmaster))
        return json08.metrics({"attached_slaves": attached, "active_builds": running}, alarms=alarms)

    # builders

    async def _builders(self, path: _Segments) -> object:
        names = self._world.status.getBuilderNames()
        if not path:
            return await self._several(names)
        name, rest = path[0], path[1:]
        if name not in names:
            raise missing("builder", name)
        if not rest:
            return (await self._several([name]))[name]
        if rest[0] == "builds":
            return await self._builds(name, rest[1:])
        builder = self._world.botmaster.builders[name]
        if rest[0] == "slaves":
            return await self._slaves(rest[1:], [each for each in builder.slavenames if self._isSlave(each)])
        _end(rest[1:])
        if rest[0] == "pendingBuilds":
            return [self._request(name, each) for each in (*builder.starting, *builder.pending)]
        raise missing("resource", "/".join(path))

    async def _several(self, names: Sequence[str]) -> Json:
        cached = await self._world.store.getLastRows(names, self._count) if names else {}
        schedulers = schedulersOf(self._world.status.getSchedulers())
        found: Json = {}
        for name in names:
            builder, status = self._world.botmaster.builders[name], self._world.status.getBuilder(name)
            state, running = status.getState()
            found[name] = json08.builder(
                basedir=builder.builddir,
                category=status.category,
                slaves=status.slavenames,
                schedulers=schedulers.get(name, []),
                cached=sorted(row.number for row in cached[name]),
                current=[each.getNumber() for each in running],
                state=state,
                pending=len(builder.starting) + builder.waiting,
            )
        return found

    def _request(self, name: str, request: Any) -> Json:
        properties = request.properties.toRecord() if name in self._opened else {}
        source = self._source(request.source.toRecord())
        return json08.pendingRequest(
            source=source, properties=self._properties(properties), builder=name, submitted=request.submitted
        )

    # builds

    async def _builds(self, name: str, path: _Segments) -> object:
        if not path:
            rows = (await self._world.store.getLastRows([name], self._count))[name]
            return json08.numbered({row.number: None for row in rows})
        if path[0] == "_all":
            _end(path[1:])
            count = min(self._call.query["max"] or ALL_BUILDS, MOST_BUILDS)
            self._spend(count)
            records = await self._world.store.getBuilds(name, count)
            return {str(each.number): self._build(each) for each in records}
        record = await self._record(name, path[0])
        if path[1:] == ("source_stamp",):
            return self._source(record.sourcestamp or {})
        if path[1:] == ("source_stamp", "changes"):
            changes = changesIn(record.sourcestamp or {})
            return json08.numbered({each.get("number"): self._change(each) for each in changes})
        if path[1:2] == ("steps",):
            return self._steps(record, path[2:])
        _end(path[1:])
        return self._build(record)

    def _spend(self, count: int) -> None:
        """Note that some more builds are in the answer. Too many are a L{Problem}."""
        self._room -= count
        if self._room < 0:
            hint = "Ask for fewer builds with max=, or in several requests."
            raise Problem(400, "The answer would be too long", f"It has at most {ROOM} builds.", hint)

    async def _record(self, name: str, said: str) -> BuildRecord:
        try:
            number = int(said)
        except ValueError:
            raise missing("build", said) from None
        if number < 0:
            counted = await fromTheEnd(self._world, name, number)
            if counted is None:
                raise missing("build", said)
            number = counted
        running = runningBuild(self._world, name, number)
        record = await self._world.store.getBuild(name, number) if running is None else running.toRecord()
        if record is None:
            raise missing("build", said)
        return record

    def _build(self, record: BuildRecord) -> Json:
        number = record.number or 0
        running: BuildStatus | None = None
        if record.finished is None:
            running = runningBuild(self._world, record.builder, number)
        source = record.sourcestamp or {}
        current = None if running is None else running.getCurrentStep()
        steps = [self._step(record, at) for at in range(len(record.steps))]
        properties = self._shown(record.properties or {}) if record.builder in self._opened else {}
        return json08.build(
            builder=record.builder,
            number=number,
            sourceStamps=[self._source(each) for each in sourcesIn(source)],
            reason=record.reason,
            blame=sorted({str(each.get("who")) for each in changesIn(source)}),
            properties=[
                (name, value, record.sourceOf(name) or _SOURCE) for name, value in sorted(properties.items())
            ],
            times=(record.started, record.finished),
            text=record.text,
            results=record.results,
            slave=record.slave,
            logs=[log for step in record.steps for log in self._logs(record, step)],
            eta=None if running is None else running.getETA(),
            steps=steps,
            currentStep=next((each for each in steps if current and each["name"] == current.getName()), None),
        )

    def _steps(self, record: BuildRecord, path: _Segments) -> object:
        if not path:
            return json08.numbered({at: self._step(record, at) for at in range(len(record.steps))})
        _end(path[1:])
        for at, each in enumerate(record.steps):
            if path[0] in (each.name, str(at), str(at - len(record.steps))):
                return self._step(record, at)
        raise missing("step", path[0])

    def _step(self, record: BuildRecord, at: int) -> Json:
        step = record.steps[at]
        return json08.step(
            name=step.name,
            number=at,
            text=step.text,
            results=step.results,
            words=(step.name,) if step.results else (),
            times=(step.started, step.finished),
            statistics=step.statistics or {},
            eta=None,
            urls=step.urls or {},
            isHidden=step.hidden,
            logs=self._logs(record, step),
        )

    def _logs(self, record: BuildRecord, step: StepRecord) -> list[tuple[str, str]]:
        base = baseOf(self._call)
        number = record.number or 0
        return [(log.name, base + logPath(record.builder, number, step.name, log.name)) for log in step.logs]

    def _source(self, source: Mapping[str, Any]) -> Json:
        changes = source.get("changes", ())
        return json08.sourceStamp(
            revision=source.get("revision") or lastRevision([each.get("revision") for each in changes]),
            branch=source.get("branch"),
            changes=[self._change(each) for each in changes],
            project=source.get("project") or "",
            repository=source.get("repository") or "",
            codebase=source.get("codebase") or "",
        )

    def _change(self, record: Mapping[str, Any]) -> Json:
        properties = record.get("properties") if self.maySeeProperties else None
        return json08.change(
            number=record.get("number"),
            branch=record.get("branch"),
            category=record.get("category"),
            who=str(record.get("who") or ""),
            comments=str(record.get("comments") or ""),
            revision=record.get("revision"),
            when=record.get("when") or 0,
            at=Change.fromRecord(record).getTime(),
            files=[str(each) for each in record.get("files") or ()],
            revlink=record.get("revlink") or "",
            properties=self._properties(properties or {}),
            repository=record.get("repository") or "",
            codebase=record.get("codebase") or "",
            project=record.get("project") or "",
        )

    def _shown(self, properties: Mapping[str, Any]) -> dict[str, Any]:
        return withoutSecrets(properties, self._world.config.secrets)

    def _properties(self, record: Mapping[str, Any]) -> list[tuple[str, object, str]]:
        """Properties with their sources, from a record of them."""
        values = self._shown({name: value for name, (value, _) in record.items()})
        return [(name, values[name], str(source)) for name, (_, source) in sorted(record.items())]

    # slaves

    def _isSlave(self, name: str) -> bool:
        return name in self._world.botmaster.slaves

    async def _slaves(self, path: _Segments, names: Sequence[str] | None = None) -> object:
        """@param names: the slaves of one builder; None: all slaves."""
        among = list(self._world.botmaster.slaves) if names is None else names
        if path:
            _end(path[1:])
            if path[0] not in among:
                raise missing("slave", path[0])
            return await self._slave(path[0])
        recent = (await self._world.store.getBuildRows(BuildFilter(), 1000)).rows
        numbers: dict[str, dict[str, list[int]]] = {}
        for row in recent:
            numbers.setdefault(row.slave, {}).setdefault(row.builder, []).append(row.number)
        return {name: self._slaveWith(name, numbers.get(name, {})) for name in among}

    async def _slave(self, name: str) -> Json:
        rows = (await self._world.store.getBuildRows(BuildFilter(slave=name), min(self._count, 1000))).rows
        numbers: dict[str, list[int]] = {}
        for row in rows:
            numbers.setdefault(row.builder, []).append(row.number)
        return self._slaveWith(name, numbers)

    def _slaveWith(self, name: str, numbers: Mapping[str, Sequence[int]]) -> Json:
        slave = self._world.botmaster.slaves[name]
        status = slave.slave_status
        return json08.slave(
            name=name,
            host=status.getHost(),
            admin=status.getAdmin(),
            version=status.version,
            isConnected=status.isConnected(),
            running=[
                self._build(each.toRecord())
                for each in runningBuilds(self._world.botmaster)
                if each.getSlavename() == name
            ],
            builders={builder: numbers.get(builder, ()) for builder, _ in slave.builderList},
        )


def _end(path: _Segments) -> None:
    """Raise the L{Problem} that a path goes too far."""
    if path:
        raise missing("resource", "/".join(path))


_PARAMETERS = (
    Parameter("as_text", "Indented text for people."),
    Parameter("compact", "0: with blanks."),
    Parameter("filter", "1: without null, false and empty values."),
    Parameter("select", "A resource below this one; several are one answer.", repeated=True),
    Parameter("numbuilds", "How many numbers of builds are shown.", "integer", least=1, most=1000),
    Parameter("max", "The most builds in builds/_all.", "integer", least=1, most=MOST_BUILDS),
)
ROUTES = (
    Route("/json", json, "The state of the master, as in 0.8.", _PARAMETERS, kind="json"),
    Route("/json/{path:rest}", json, "One resource of it; /json/help lists all.", _PARAMETERS, kind="json"),
)

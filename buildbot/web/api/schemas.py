# -*- test-case-name: tests.stories.test_webapi -*-
"""The JSON Schemas (2020-12) of the answers of C{/api/v1}, by name."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]


def _of(*kinds: str, about: str = "") -> Schema:
    schema: Schema = {"type": kinds[0] if len(kinds) == 1 else list(kinds)}
    return {**schema, "description": about} if about else schema


def _list(items: Schema, about: str = "") -> Schema:
    schema = {"type": "array", "items": items}
    return {**schema, "description": about} if about else schema


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _orNull(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _object(about: str, optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    return {
        "type": "object",
        "description": about,
        "properties": properties,
        "required": [name for name in properties if name not in optional],
    }


def _page(kind: str, about: str) -> Schema:
    """A part of a list."""
    following = _of("string", "null", about="The cursor of the next part; null at the end.")
    return _object(about, **{kind[0].lower() + kind[1:] + "s": _list(_ref(kind)), "next": following})


TEXT, MAYBE_TEXT = _of("string"), _of("string", "null")
WHOLE, FLAG = _of("integer"), _of("boolean")
TIME = _of("number", "string", about="Seconds since 1970; with times=iso a text of RFC 3339.")
MAYBE_TIME = _of("number", "string", "null", about=TIME["description"])
SECONDS = _of("number", "null", about="Seconds.")
RESULTS = _of(
    "integer",
    "null",
    about="0 success, 1 warnings, 2 failure, 3 skipped, 4 exception, 5 retry, 6 cancelled; null: running.",
)
RESULT = _of("string", "null", about="The name of the result; null: running.")
ANY: Schema = {}

_SOURCE = {
    "branch": MAYBE_TEXT,
    "revision": MAYBE_TEXT,
    "project": TEXT,
    "repository": TEXT,
}
_BUILD = {
    "builder": TEXT,
    "number": WHOLE,
    "slave": TEXT,
    "started": TIME,
    "finished": MAYBE_TIME,
    "lasts": SECONDS,
    "results": RESULTS,
    "result": RESULT,
    "text": _list(TEXT, "Words about the outcome."),
    "reason": TEXT,
    **_SOURCE,
    "changes": _list(WHOLE, "The numbers of its changes."),
}
_CHANGE = {
    "number": WHOLE,
    "who": TEXT,
    "branch": MAYBE_TEXT,
    "revision": MAYBE_TEXT,
    "project": TEXT,
    "repository": TEXT,
    "category": MAYBE_TEXT,
}
_LOG = _object(
    "A log of a step.",
    name=TEXT,
    length=_of("integer", "null", about="The bytes of its file; null while it grows."),
    trouble=_of("string", about="What is missing of it, and why; empty if it is complete."),
    html=FLAG,
)
_STEP = _object(
    "A step of a build.",
    name=TEXT,
    started=TIME,
    finished=MAYBE_TIME,
    results=RESULTS,
    result=RESULT,
    text=_list(TEXT),
    logs=_list(_ref("Log")),
    urls=_of("object", "null", about="Its links: name and URL."),
    hidden=FLAG,
    statistics=_of("object", "null", about="The numbers that it has counted: name -> number."),
)
_BESIDE = _list(_ref("Source"), "The sources of the further codebases; missing if there is only one.")
_REQUEST = _object(
    "A request that waits for its build.",
    ("beside",),
    id=WHOLE,
    builder=TEXT,
    submitted=TIME,
    attempts=WHOLE,
    interruptions=WHOLE,
    reason=TEXT,
    **_SOURCE,
    codebase=TEXT,
    changes=_list(_of("integer", "null")),
    changeCount=WHOLE,
    beside=_BESIDE,
    why=_of("string", about="Why it waits."),
)

SCHEMAS: dict[str, Schema] = {
    "Problem": _object(
        "What is wrong with a request (RFC 9457).",
        ("detail", "hint"),
        type=TEXT,
        title=TEXT,
        status=WHOLE,
        detail=TEXT,
        hint=_of("string", about="What to do."),
    ),
    "Master": _object(
        "The master. Those who administer it see more: its directory, process, ports and refused logins.",
        (
            *(
                "pid",
                "basedir",
                "ports",
                "pages",
                "refused",
                "guesses",
                "files",
                "pollers",
                "outgoing",
                "logStorage",
                "masters",
                "pagesOnly",
                "troubles",
            ),
        ),
        pid=WHOLE,
        since=TIME,
        version=TEXT,
        basedir=TEXT,
        projectName=MAYBE_TEXT,
        generation=_of("integer", about="The number of configurations applied since the start."),
        ports=_list(TEXT),
        pages=_list(TEXT),
        slaves=WHOLE,
        connected=_of("integer", about="The connected slaves."),
        builders=WHOLE,
        refused=_list(_of("object")),
        guesses=_list(_of("object")),
        files=_of("object"),
        running=_of("integer", about="The running builds."),
        waiting=_list(_ref("Waiting")),
        storeTrouble=_of("string", about="The error of the store; empty while it works."),
        storeServer=_of("string", about="The database server of the store; empty if it is a file."),
        storeLapse=_of("string", about="Why the database has lost what it had acknowledged; else empty."),
        masters=_of("object", "null", about="The masters of the store; null with a store in a file."),
        shutdown=_of(
            "object",
            "null",
            about="The person who wants the master to stop after the running builds, if any.",
        ),
        givenUp=_list(_of("object")),
        pollers=_list(_of("object")),
        outgoing=_list(_of("object")),
        logStorage=_of("object", "null"),
        pagesOnly=_list(_of("object")),
        troubles=_list(_of("object")),
        keeps=_object("How many builds are kept.", builds=ANY, days=ANY),
    ),
    "Waiting": _object(
        "The requests that wait for a builder.",
        builder=TEXT,
        requests=WHOLE,
        since=TIME,
        lasts=SECONDS,
        why=TEXT,
    ),
    "Build": _object("A build in a list.", **_BUILD, who=_of("string", about="The authors of its changes.")),
    "Builds": _page("Build", "Builds, those with the latest start first."),
    "WholeBuild": _object(
        "A build with its steps, logs, changes, properties and test results.",
        ("properties", "sources", "beside"),
        **{**_BUILD, "changes": _list(_ref("Change"), "Those of all codebases.")},
        codebase=TEXT,
        changeCount=WHOLE,
        beside=_BESIDE,
        step=_of("string", "null", about="The running step."),
        eta=_of("number", "null", about="The seconds until its end, estimated."),
        note=TEXT,
        logTrouble=_of("string", about="Its incomplete logs, with reasons."),
        gotRevision={
            "description": "The revision that the slave found; an object by codebase if there are several."
        },
        steps=_list(_ref("Step")),
        requests=_list(WHOLE),
        properties=_of("object", "null", about="Name -> value. Missing for those who may not see them."),
        sources=_of("object", "null", about="The source of each property; null if no source is known."),
        tests=_list(_ref("Test")),
        moreTests=_of("integer", about="The number of further test results that were not kept."),
    ),
    "Source": _object(
        "The source of one codebase.",
        **_SOURCE,
        codebase=TEXT,
        changes=_list(_of("integer", "null"), "The numbers of its changes, at most the latest 100."),
        changeCount=WHOLE,
    ),
    "Test": _object(
        "The result of one test.",
        name=_list(TEXT, "The parts of its full name."),
        results=RESULTS,
        text=_list(TEXT),
        logs=_of("object", "null", about="The beginnings of the reports on it: name -> text."),
    ),
    "Step": _STEP,
    "Log": _LOG,
    "Builder": _object(
        "A builder.",
        name=TEXT,
        state=_of("string", about="idle, building, offline or waiting."),
        category=MAYBE_TEXT,
        tags=_list(TEXT),
        slaves=_list(TEXT),
        schedulers=_list(TEXT),
        running=_list(WHOLE, "The numbers of its running builds."),
        pending=_of("integer", about="The waiting requests."),
        why=_of("string", about="Why requests wait; empty if none does."),
        last=_orNull(_ref("Build")),
        good=_orNull(_ref("Build")),
        red=_orNull(_ref("Build")),
    ),
    "Builders": _page("Builder", "Builders, in the order of the configuration."),
    "Slave": _object(
        "A slave. Those who administer the master see its address and refused logins, too.",
        ("address", "refused"),
        name=TEXT,
        connected=FLAG,
        state=TEXT,
        since=MAYBE_TIME,
        address=MAYBE_TEXT,
        generation=MAYBE_TEXT,
        version=MAYBE_TEXT,
        admin=MAYBE_TEXT,
        host=MAYBE_TEXT,
        told=MAYBE_TIME,
        builders=_list(TEXT),
        attachedTo=_list(TEXT),
        failing=_of("object"),
        pending=FLAG,
        running=WHOLE,
        paused=_of("object", "null"),
        drained=FLAG,
        note=TEXT,
        refused=_of("object", "null"),
        instance=_of("object", "null", about="Of a slave that the master starts: its state."),
        bytes=_of("object"),
        events=_list(_object("An event.", when=TIME, text=TEXT), "In a list, only the latest three."),
    ),
    "Slaves": _page("Slave", "Slaves, in the order of the configuration."),
    "ShortChange": _object(
        "A change in a list.",
        **_CHANGE,
        came=_of("number", "string", about="The time of its arrival."),
        summary=_of("string", about="The first line of its comments."),
        files=_of("integer", about="The number of its files."),
        codebase=TEXT,
    ),
    "ShortChanges": _object(
        "Changes, the newest first.",
        changes=_list(_ref("ShortChange")),
        next=_of("string", "null", about="The cursor of the next part; null at the end."),
    ),
    "Change": _object(
        "A change.",
        ("properties",),
        **{**_CHANGE, "number": _of("integer", "null")},
        when=TIME,
        comments=TEXT,
        files=_list(TEXT),
        revlink=MAYBE_TEXT,
        codebase=TEXT,
        properties=_of("object", about="Name -> [value, source]. Missing for those who may not see them."),
    ),
    "Disk": _object(
        "What takes room in the directory of the master, in bytes.",
        server=_of("string", about="The database that has the store; empty if it is a file."),
        store=WHOLE,
        logs=WHOLE,
        stored=_of("integer", about="The logs in object storage, not on this disk."),
        twistdLog=_of("integer", about="The log of the process, with its older parts."),
        free=_of("integer", "null", about="What the master can still write."),
        builders=_list(
            _object(
                "A builder.",
                builder=TEXT,
                builds=_of("integer", "null", about="The builds in the store; null if it does not answer."),
                withLogs=_of("integer", about="The builds that have logs."),
                logs=WHOLE,
                stored=WHOLE,
            ),
            "The builders, those with the largest logs first.",
        ),
        keeps=_of("object", about="The limits: builds, days, logsOf (builds with logs), logs (bytes)."),
        goes=_of(
            *("object", "null"),
            about="What the next removal removes: builds, changes, logsOf (builds whose logs go), size."
            " null if the store does not answer.",
        ),
        storeTrouble=_of("string", about="Why the store does not answer; empty if it does."),
    ),
    "SlaveRecord": _object(
        "What `buildbot slave --json` prints.",
        slave=_orNull(_ref("Slave")),
        running=_list(_of("object")),
        finished=_list(_of("object"), "Its latest builds, the newest first."),
    ),
    "ChangeRecord": _object(
        "What `buildbot change --json` prints.",
        ("properties",),
        **{**_CHANGE, "number": _of("integer", "null")},
        when=TIME,
        comments=TEXT,
        files=_list(TEXT),
        revlink=MAYBE_TEXT,
        codebase=TEXT,
        properties=_of("object", about="Name -> [value, source]. Missing for those who may not see them."),
        builds=_list(_ref("Build"), "The builds that include it, those with the latest start first."),
        waiting=_list(_ref("Request"), "The requests that wait with it."),
        pending=_list(TEXT, "The schedulers that will build it."),
    ),
    "Request": _REQUEST,
    "RequestState": _object(
        "What became of a request.",
        builder=TEXT,
        request=WHOLE,
        state=_of("string", about="waiting, running, finished or cancelled."),
        build=_of("integer", "null", about="The number of its build."),
        why=_of("string", about="Why it waits; may be empty."),
    ),
    "Requests": _page("Request", "The waiting requests, the oldest first."),
    "Scheduler": _object(
        "A scheduler.",
        name=TEXT,
        kind=_of("string", about="The name of its class."),
        builders=_list(TEXT),
        due=_of("number", "string", "null", about="The time of its next builds, if it knows it."),
        times=_list(TIME, "The times of its next builds, the next one first, at most ten."),
        waitsFor=_of("string", about="The event that it waits for; empty for a class of a plug-in."),
        pending=_of("integer", about="The changes that wait for its next builds."),
        upstream=_of("string", "null", about="The scheduler whose build sets it waits for."),
        triggeredBy=_list(TEXT, "The builders whose steps trigger it."),
    ),
    "Status": _object(
        "What `buildbot status --json` prints.", master=_of("object"), slaves=_list(_ref("Slave"))
    ),
    "Overview": _object(
        "What `buildbot builds --json` prints.",
        running=_list(_of("object")),
        waiting=_list(_ref("Waiting")),
        requests=_list(_of("object")),
        finished=_list(_of("object")),
        storeTrouble=TEXT,
    ),
    "Audit": _object(
        "The latest actions of people and scripts.",
        entries=_list(
            _object(
                "One action.",
                when=TIME,
                who=TEXT,
                how=TEXT,
                address=TEXT,
                action=TEXT,
                subject=TEXT,
                outcome=TEXT,
                detail=TEXT,
                number=WHOLE,
            )
        ),
        next=_of("string", "null", about="The cursor of the next part; null at the end."),
    ),
    "Root": _object(
        "The version of the API. Addresses are relative to the address of the answer.",
        name=TEXT,
        version=TEXT,
        api=TEXT,
        openapi=TEXT,
        documentation=TEXT,
        events=TEXT,
    ),
    "Record": _of("object", about="A build as it is stored."),
    "Parameters": _object(
        "The ForceSchedulers of a builder, with their parameters.",
        builder=TEXT,
        schedulers=_list(_of("object")),
    ),
    "Description": _of("object", about="A description as OpenAPI 3.1."),
    "Schedulers": _object("The schedulers.", schedulers=_list(_ref("Scheduler"))),
}


def keysOf(name: str) -> tuple[str, ...]:
    """The fields of the objects of a schema; of a list, those of its items."""
    properties = SCHEMAS[name]["properties"]
    for each in properties.values():
        if each.get("type") == "array" and "next" in properties:
            return keysOf(each["items"]["$ref"].rpartition("/")[2])
    return tuple(properties)


#: What the commands of the command line answer.
SCHEMAS.update(
    {
        "Forced": _object(
            "A request for a build.",
            builder=TEXT,
            request=_of("integer", about="The number of the request."),
            build=_of("integer", "null", about="The number of the build; null while the request waits."),
            why=_of("string", about="Why it waits; empty if the build has begun."),
        ),
        "Stopped": _object(
            "What was stopped.",
            builder=TEXT,
            stopped=_list(WHOLE, "The numbers of the builds."),
            cancelled=_list(WHOLE, "The numbers of the requests."),
        ),
        "Cancelled": _object("The cancelled requests.", builder=TEXT, cancelled=_list(WHOLE)),
        "SentChange": _object("A change that is stored.", change=_of("integer", about="Its number.")),
        "StoppedChange": _object(
            "What was stopped.",
            change=WHOLE,
            stopped=_list(_list(_of("string", "integer")), "Builder and number of each build."),
            cancelled=_list(WHOLE, "The numbers of the requests."),
        ),
        "Pinged": _object(
            "The slaves of a builder.",
            builder=TEXT,
            slaves=WHOLE,
            answered=_of("boolean", about="True if there is a slave, and all have answered."),
        ),
        "Paused": _object(
            "A pause.",
            slave=TEXT,
            who=TEXT,
            when=TIME,
            why=TEXT,
            kind=TEXT,
            running=_of("integer", about="The running builds of the slave."),
        ),
        "Unpaused": _object("The end of a pause.", slave=TEXT, unpaused=FLAG),
        "Reconfigured": _object(
            "The outcome of a reconfig: all of the new configuration is in force, or nothing of it.",
            generation=_of("integer", about="The number of the configuration in force."),
            applied=_of("boolean", about="True if the new configuration is in force."),
            output=_of("string", about="The output of master.cfg."),
            changes=_list(TEXT),
            warnings=_list(TEXT),
            errors=_list(TEXT, "The errors, with their lines in master.cfg."),
            pending=_list(TEXT, "The slaves that have not accepted their builder list yet."),
            notes=_list(TEXT),
        ),
        "Shutdown": _object(
            "A stop of the master.",
            running=_of("integer", about="The builds that the master waits for."),
        ),
        "ShutdownCancelled": _object(
            "The answer to a cancelled stop.",
            cancelled=_of("boolean", about="False if there was no stop to cancel."),
        ),
        "Disconnected": _object("A disconnection.", disconnected=FLAG, address=MAYBE_TEXT),
    }
)


def _body(**properties: Schema) -> Schema:
    """The body of an action; all its keys may be left out."""
    return {"type": "object", "properties": properties, "additionalProperties": False}


_REASON = _of("string", about="The reason, for people.")
_PROPERTIES = _of("object", about="Properties for the build: name -> plain value.")
#: The JSON Schemas of the bodies of actions, by the name of the operation.
BODIES: dict[str, Schema] = {
    "postBuildersBuilderForceBody": _body(
        branch=MAYBE_TEXT,
        revision=MAYBE_TEXT,
        reason=_REASON,
        properties=_PROPERTIES,
        scheduler=_of("string", "null", about="The ForceScheduler that makes the request."),
        params=_of("object", about="Its parameters, by full name: a text, or a list of texts."),
        codebase=_of("string", "null", about="That of the source, without a scheduler."),
    ),
    "postBuildersBuilderStopBody": _body(
        reason=_REASON, pending=_of("boolean", about="True to cancel the waiting requests, too.")
    ),
    "postBuildersBuilderBuildsNumberStopBody": _body(
        reason=_REASON, pending=_of("boolean", about="True to cancel the waiting requests, too.")
    ),
    "postBuildersBuilderBuildsNumberRebuildBody": _body(
        reason=_REASON,
        absolute=_of("boolean", about="False to build the source as requested, not the same revision."),
        properties=_PROPERTIES,
    ),
    "postChangesBody": {
        **_body(
            who=_of("string", about="The author."),
            files=_list(TEXT, "The paths of the files in the repository."),
            comments=_of("string", about="The comments of the commit."),
            branch=MAYBE_TEXT,
            revision=MAYBE_TEXT,
            category=MAYBE_TEXT,
            when=_of("number", "null", about="The time of the commit, in seconds since the epoch."),
            revlink=MAYBE_TEXT,
            properties=_of("object", "null", about="Properties for the builds: name -> plain value."),
            links=_list(TEXT, "Addresses about the change."),
            isdir=_of("boolean", about="True if the only file is a directory."),
            repository=MAYBE_TEXT,
            project=MAYBE_TEXT,
            codebase=MAYBE_TEXT,
        ),
        "required": ["who", "files", "comments"],
    },
    "postChangesNumberStopBody": _body(builder=_of("string", about="Only builds of this builder.")),
    "postReconfigBody": _body(
        dryRun=_of("boolean", about="True to report the changes only."),
        timeout=_of("number", "null", about="The seconds that master.cfg may run."),
        drain=_of("boolean", about="True to let removed slaves finish their builds."),
    ),
    "postSlavesSlavePauseBody": _body(why=_REASON),
    "postSlavesSlaveDrainBody": _body(why=_REASON),
}

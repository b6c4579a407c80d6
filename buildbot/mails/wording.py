# -*- test-case-name: tests.stories.test_mail -*-
"""What a mail about a build says, unless the configuration has a function for that."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from buildbot.logs.live import LogFile
from buildbot.mails.logtext import ended
from buildbot.model.change import Change
from buildbot.model.results import EXCEPTION, FAILURE, Results, outcomeWords
from buildbot.model.sourcestamp import SourceStamp
from buildbot.reporters.revision import Built, builtOf
from buildbot.status.build import BuildStatus
from buildbot.status.slave import SlaveStatus
from buildbot.status.step import BuildStepStatus
from buildbot.text.plural import counted
from buildbot.text.printable import plain, plainLine
from buildbot.text.urls import withoutPasswords

#: The most lines of a log in a mail, the most characters of a line, and the longest log that is read for it.
LAST_LINES = 50
LONGEST_LINE = 300
LONGEST_LOG = 1 << 20
#: The most changes, and the most lines of the comment of each.
MOST_CHANGES = 20
MOST_COMMENT_LINES = 8
#: The sequences by which programs colour their output on a terminal.
_COLOURS = re.compile(r"\x1b\[[0-9;:]*[A-Za-z]")


def defaultMessage(mode: Any, name: str, build: Any, results: int, master_status: Any) -> dict[str, str]:
    """The text about a build, in the shape that a C{messageFormatter} returns.

    @return: C{body}, and its C{type}: "plain".
    """
    return {"body": bodyOf(build, results, master_status), "type": "plain"}


def message(attrs: Mapping[str, Any]) -> tuple[str, str]:
    """The text about a build, in the shape that a C{customMesg} of 0.7.11 returns.

    @param attrs: the argument of such a function.
    @return: the text, and C{"plain"}.
    """
    result = attrs["result"]
    facts = [
        f"The build of {attrs['builderName']} has the result {result}.",
        f"Words: {' '.join(attrs['buildText'])}",
        f"Slave: {attrs['slavename']}",
        f"Reason: {attrs['reason']}",
        f"Source: {attrs['revision'] or 'latest'} in {attrs['branch'] or 'the main line'}",
        f"People: {', '.join(attrs['responsibleUsers'])}",
    ]
    facts += [f"Build: {attrs['buildURL']}"] if attrs["buildURL"] else []
    return withoutPasswords(plain("\n".join(facts) + "\n")), "plain"


def bodyOf(
    build: BuildStatus,
    results: int,
    status: Any,
    brokenSince: BuildStatus | None = None,
    tail: Sequence[str] | None = None,
) -> str:
    """The text about one build.

    @param status: the status of the master.
    @param brokenSince: the first failed build of the outage that this build goes on with, or ends.
    @param tail: the last lines of the L{failedLog}; None: read them now, if the log is not long.
    """
    lines = [
        *_facts(build, results, status, brokenSince),
        *_failure(build, status, tail),
        *_changes(build, status),
    ]
    return withoutPasswords(plain("\n".join(lines) + "\n"))


def summaryOf(builds: Sequence[BuildStatus], status: Any, tails: Sequence[Sequence[str] | None]) -> str:
    """The text about the builds of a build set: a table of them, then what failed.

    @param tails: the last lines of the L{failedLog} of each build; None where it has none.
    """
    lines = ["The builds:", ""]
    for build in builds:
        lines.append(f"  {headline(build, build.getResults())}")
        url = status.getURLForThing(build)
        lines += [f"    {url}"] if url else []
    for build, tail in zip(builds, tails, strict=True):
        failure = list(_failure(build, status, tail))
        lines += ["", f"-- {build.getBuilder().getName()} --", *failure] if failure else []
    lines += _changes(builds[0], status) if builds else []
    return withoutPasswords(plain("\n".join(lines) + "\n"))


def headline(build: BuildStatus, results: int | None) -> str:
    """One line about a build: C{full #12 failed: compile}."""
    word = Results[results] if results is not None and 0 <= results < len(Results) else "unknown"
    return plainLine(
        f"{build.getBuilder().getName()} #{build.getNumber()}: {outcomeWords(word, build.getText())}"
    )


def slaveText(slave: SlaveStatus, lost: float, status: Any) -> str:
    """The text about a slave that is missing.

    @param lost: since when, in seconds since the epoch.
    """
    since = datetime.fromtimestamp(lost).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
    title, url = status.getProjectName(), status.getURLForThing(slave)
    lines = [
        f"The slave {plainLine(slave.getName())} has been away since {since}"
        + (f", from the master of {plainLine(title)}." if title else "."),
        *([url] if url else []),
        "",
    ]
    facts = [("Address", slave.address), ("Admin", slave.getAdmin()), ("Host", slave.getHost())]
    lines += [f"{word + ':':<10} {plainLine(str(value))}" for word, value in facts if value]
    lines += [
        "",
        "Please check whether its machine and its process run. The next mail comes when it is back.",
    ]
    return withoutPasswords(plain("\n".join(lines) + "\n"))


def backText(slave: SlaveStatus, lost: float, now: float, status: Any) -> str:
    """The text about a slave that is back.

    @param lost: since when it was away; C{now}: the time. In seconds since the epoch.
    """
    since, back = (
        datetime.fromtimestamp(each).astimezone().strftime("%Y-%m-%d %H:%M:%S %z") for each in (lost, now)
    )
    title, url = status.getProjectName(), status.getURLForThing(slave)
    lines = [
        f"The slave {plainLine(slave.getName())} is back since {back}"
        + (f", at the master of {plainLine(title)}." if title else "."),
        *([url] if url else []),
        "",
        f"It had been away since {since}.",
    ]
    return withoutPasswords(plain("\n".join(lines) + "\n"))


def _facts(build: BuildStatus, results: int, status: Any, brokenSince: BuildStatus | None) -> Iterator[str]:
    title = status.getProjectName()
    yield headline(build, results) + (f", in {plainLine(title)}" if title else "")
    url = status.getURLForThing(build)
    yield from [url, ""] if url else [""]
    built = builtOf(build)
    facts = [
        ("Slave", build.getSlavename()),
        ("Reason", build.getReason()),
        *(_ofSource(*built[0]) if len(built) == 1 else map(_inOneLine, built)),
        ("By", ", ".join(build.getResponsibleUsers())),
    ]
    if brokenSince is not None and brokenSince.number != build.number:
        word = "Broken since" if results in (FAILURE, EXCEPTION) else "Was broken since"
        facts.append((word, f"build {brokenSince.number}"))
    for word, value in facts:
        if value:
            yield f"{word + ':':<10} {plainLine(str(value))}"


def _ofSource(stamp: SourceStamp, revision: str | None) -> list[tuple[str, str | None]]:
    patch = "with a patch" if stamp.patch else None
    return [("Branch", stamp.branch), ("Revision", revision), ("Patch", patch)]


def _inOneLine(built: Built) -> tuple[str, str]:
    """The source of one of several codebases."""
    stamp, revision = built
    facts = [
        *((f"branch {stamp.branch}", stamp.branch), (f"revision {revision}", revision)),
        *((stamp.repository, stamp.repository), ("with a patch", stamp.patch)),
    ]
    told = ", ".join(word for word, value in facts if value)
    return "Codebase", f"{stamp.codebase or 'without a name'}: {told or 'the latest revision'}"


def _failure(build: BuildStatus, status: Any, tail: Sequence[str] | None = None) -> Iterator[str]:
    """The first step that failed, and the end of its log."""
    step = firstFailed(build)
    if step is None:
        return
    yield from ("", f"Step {plainLine(step.getName())}: {plainLine(' '.join(step.getText()))}")
    log = failedLog(build)
    if log is None:
        return
    url = status.getURLForThing(log)
    yield from [url] if url else []
    lines = _end(log) if tail is None else tail
    yield from ("", *(f"    {_COLOURS.sub('', line)[:LONGEST_LINE]}".rstrip("\r") for line in lines))


def failedLog(build: BuildStatus) -> LogFile | None:
    """The log of the first step that failed; None if it has none."""
    step = firstFailed(build)
    if step is None:
        return None
    logs = [log for log in step.getLogs() if log.hasContents() and not getattr(log, "isHTML", False)]
    return next((each for each in logs if each.getName() == "stdio"), logs[0] if logs else None)


def firstFailed(build: BuildStatus) -> BuildStepStatus | None:
    """The first step that failed."""
    return next((step for step in build.getSteps() if step.getResults()[0] in (FAILURE, EXCEPTION)), None)


def _end(log: LogFile) -> list[str]:
    if log.length > LONGEST_LOG:
        return ["(the log is too long for this mail)"]
    try:
        return ended(log.getText(), LAST_LINES)
    except OSError:
        return ["(the log cannot be read)"]


def _changes(build: BuildStatus, status: Any) -> Iterator[str]:
    changes: list[Change] = build.getChanges()
    if not changes:
        return
    yield from ("", "Changes:")
    if len(changes) > MOST_CHANGES:
        yield f"  ({counted(len(changes) - MOST_CHANGES, 'earlier change')})"
    for change in changes[-MOST_CHANGES:]:
        revision = f" {plainLine(str(change.revision))[:40]}" if change.revision else ""
        yield f"  {plainLine(str(change.who))}{revision}"
        comment = str(change.comments).strip().split("\n")
        for line in comment[:MOST_COMMENT_LINES]:
            yield f"    {line[:LONGEST_LINE]}"
        url = change.revlink or status.getURLForThing(change)
        yield from [f"    {url}"] if url else []

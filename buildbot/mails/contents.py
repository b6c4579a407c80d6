# -*- test-case-name: tests.stories.test_mail -*-
"""Fill the mails about builds: subject, text, headers, attachments, and the thread of an outage."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from email.message import Message
from email.utils import format_datetime
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.logs.live import LogFile
from buildbot.mails.letter import Attachment, Letter, asText, modern
from buildbot.mails.logtext import bringAll, lastLines, textOf
from buildbot.mails.wording import (
    LAST_LINES,
    LONGEST_LOG,
    backText,
    bodyOf,
    failedLog,
    slaveText,
    summaryOf,
)
from buildbot.model.properties import render
from buildbot.model.results import FAILURE, SUCCESS, Results
from buildbot.reporters.asking import asked
from buildbot.reporters.broken import BROKEN
from buildbot.reporters.revision import revisionOf
from buildbot.status.build import BuildStatus
from buildbot.status.slave import SlaveStatus
from buildbot.text.idnames import inId
from buildbot.text.urls import withoutPasswords

log = Logger()

#: The subject without one in the configuration: with a title as in 0.8, else as in 0.7.5.
SUBJECT_WITH_TITLE = "buildbot %(result)s in %(title)s on %(builder)s"
SUBJECT = "buildbot %(result)s in %(builder)s"
#: The builder in the subject of a mail about a build set, as in 0.8.
WHOLE_SET = "whole buildset"
#: The most characters of all logs of a mail before they are compressed.
MOST_LOGS = 16 << 20


@dataclass(frozen=True)
class Wishes:
    """I am what the configuration says about the contents; see L{buildbot.mails.notifier.MailNotifier}."""

    fromaddr: str
    mode: str | tuple[str, ...]
    subject: str | None = None
    addLogs: bool | Sequence[str] = False
    addPatch: bool = True
    extraHeaders: Mapping[str, Any] | None = None
    customMesg: Callable[..., Any] | None = None
    messageFormatter: Callable[..., Any] | None = None
    extraRecipients: tuple[str, ...] = ()
    unsubscribe: str | None = None
    toInterested: bool = True


class Contents:
    """I fill the mails of one notifier.

    @ivar own: identifies the notifier; others differ, also those of other masters on the same host.
    """

    def __init__(self, wishes: Wishes, status: Any, basedir: str, clock: IReactorTime) -> None:
        """@param status: the status of the master.
        @param basedir: the directory of the master; two masters on one host have different ones.
        """
        self._wishes = wishes
        self._status = status
        self._clock = clock
        self._hostname = _host(socket.gethostname())
        # two notifiers, or two masters on one host, write different mails about one build number
        told = (
            *(basedir, wishes.fromaddr, wishes.mode, wishes.extraRecipients, wishes.subject, wishes.addLogs),
            *(wishes.toInterested, wishes.customMesg is None, wishes.messageFormatter is None),
        )
        self.own = sha256(repr(told).encode("utf-8", "replace")).hexdigest()[:8]

    @property
    def _host(self) -> str:
        """The host in ids: that of the pages, which may change with a reconfig."""
        url = self._status.getBuildbotURL()
        return _host(urlsplit(url).hostname or "") if url else self._hostname

    def messageId(self, name: str, number: object, started: float, event: str = "") -> str:
        """The Message-ID of a mail. It is the same after a restart."""
        what = f"{inId(name)}.{number}{event and '.'}{event}.{int(started):x}.{self.own}"
        return f"<{what}@{self._host}>"

    async def ofBuild(self, build: BuildStatus, results: int, first: BuildStatus | None) -> Letter:
        """The mail about one build.

        @param first: the first build of its outage; see L{buildbot.reporters.outages.Outages.first}.
        """
        wishes, name = self._wishes, build.getBuilder().getName()
        text, html, subject = await self._text(build, results, first)
        return Letter(
            wishes.fromaddr,
            self.subject(build, results, name) if subject is None else subject,
            text,
            self._idOf(build),
            html,
            None if first is None else self._idOf(first),
            {**self._headers(build, results), **self._extra([build])},
            await self._attachments([build]),
        )

    async def ofSet(
        self, reason: str, builds: Sequence[BuildStatus], name: str = WHOLE_SET, event: str = "set"
    ) -> Letter:
        """The mail about the builds of a set, or of a digest.

        @param reason: of the set, in words; C{name}: the builder in the subject.
        @param event: tells the mail from others that end with the same build.
        """
        wishes, last = self._wishes, builds[-1]
        results = FAILURE if any(build.getResults() in BROKEN for build in builds) else SUCCESS
        texts = [reason, ""]
        html: str | None = None
        if wishes.messageFormatter is None and wishes.customMesg is None:
            tails = [await self._tail(build) for build in builds]
            texts.append(summaryOf(builds, self._status, tails))
        else:
            for build in builds:
                text, page, _ = await self._text(build, build.getResults() or 0, None)
                texts.append(text)
                if page is not None:
                    html = (html or "") + page
        text = withoutPasswords("\n".join(texts)) if html is None or any(texts[2:]) else ""
        id = self.messageId(last.getBuilder().getName(), last.number, last.started, event)
        subject = self.subject(last, results, name)
        headers = {**self._headers(last, results), **self._extra(builds)}
        return Letter(
            wishes.fromaddr, subject, text, id, html, None, headers, await self._attachments(builds)
        )

    def ofSlave(self, slave: SlaveStatus, lost: float) -> Letter:
        """The mail about a slave that is missing.

        @param lost: since when, in seconds since the epoch.
        """
        name = slave.getName()
        return Letter(
            self._wishes.fromaddr,
            f"buildbot: slave {name} is missing",
            slaveText(slave, lost, self._status),
            self.messageId(name, "lost", lost),
            headers=self._slaveHeaders(name),
        )

    def ofSlaveBack(self, slave: SlaveStatus, lost: float, now: float) -> Letter:
        """The mail about a slave that is back: an answer to L{ofSlave}.

        @param lost: since when it was away; C{now}: the time. In seconds since the epoch.
        """
        name = slave.getName()
        return Letter(
            self._wishes.fromaddr,
            f"buildbot: slave {name} is back",
            backText(slave, lost, now, self._status),
            self.messageId(name, "back", lost),
            thread=self.messageId(name, "lost", lost),
            headers=self._slaveHeaders(name),
        )

    def _slaveHeaders(self, name: str) -> dict[str, str]:
        return {**self._list("slaves"), "X-Buildbot-Slave": name}

    def _idOf(self, build: BuildStatus) -> str:
        return self.messageId(build.getBuilder().getName(), build.number, build.started)

    # parts

    def subject(self, build: BuildStatus, results: int | None, name: str, word: str | None = None) -> str:
        """The subject of a mail; C{results} are None at the start of the build.

        @param word: the word for the results; None: the usual one.
        """
        title = self._status.getProjectName()
        template = self._wishes.subject or (SUBJECT_WITH_TITLE if title else SUBJECT)
        values = {
            "result": word or ("building" if results is None else Results[results]),
            "builder": name,
            "projectName": title,
            "title": title,
            "number": build.getNumber(),
            "branch": build.getSourceStamp().branch or "",
            "slave": build.getSlavename(),
            "reason": build.getReason(),
        }
        return template % values

    async def _text(
        self, build: BuildStatus, results: int, first: BuildStatus | None
    ) -> tuple[str, str | None, str | None]:
        """The plain text, the HTML and the subject of a mail; None for what is not there."""
        wishes, name = self._wishes, build.getBuilder().getName()
        try:
            if wishes.messageFormatter is not None or wishes.customMesg is not None:
                await bringAll(build)
            if wishes.messageFormatter is not None:
                call = wishes.messageFormatter
                made = await asked(self._clock, call, wishes.mode, name, build, results, self._status)
                page = made.get("html")
                text, html, subject = _read(made["body"], made.get("type", "plain"), made.get("subject"))
                return text, html if page is None else _asText(page), subject
            if wishes.customMesg is not None:
                body, kind = await asked(self._clock, wishes.customMesg, self._attributes(build, results))
                return _read(body, kind, None)
        except PLUGIN_ERRORS:
            log.failure("the function for the text of mails failed; the usual text is sent")
            note = "(The function of the configuration for this text failed: see twistd.log.)\n\n"
            return note + bodyOf(build, results, self._status, first), None, None
        return bodyOf(build, results, self._status, first, await self._tail(build)), None, None

    async def _tail(self, build: BuildStatus) -> list[str] | None:
        """The last lines of the log of the step that failed; None if there is none."""
        failed = failedLog(build)
        if failed is None:
            return None
        try:
            return await lastLines(build, failed, LAST_LINES)
        except OSError as error:
            return [f"(the log cannot be read: {error.strerror})"]

    def _attributes(self, build: BuildStatus, results: int) -> dict[str, Any]:
        """The argument of a C{customMesg}, as in 0.7.11."""
        status, source = self._status, build.getSourceStamp()
        logs = [
            (
                f"{each.getStep().getName()}.{each.getName()}",
                status.getURLForThing(each),
                _lines(each),
                each.getStep().getResults()[0],
            )
            for each in build.getLogs()
        ]
        return {
            "builderName": build.getBuilder().getName(),
            "projectName": status.getProjectName(),
            "mode": self._wishes.mode,
            "result": Results[results],
            "buildURL": status.getURLForThing(build),
            "buildbotURL": status.getBuildbotURL(),
            "buildText": build.getText(),
            "buildProperties": build.getProperties(),
            "slavename": build.getSlavename(),
            "reason": build.getReason(),
            "responsibleUsers": build.getResponsibleUsers(),
            "branch": source.branch,
            "revision": source.revision,
            "patch": source.patch,
            "changes": source.allChanges(),
            "logs": logs,
        }

    def _headers(self, build: BuildStatus, results: int) -> dict[str, str]:
        name = build.getBuilder().getName()
        revision = revisionOf(build)
        headers = {
            **self._list(name),
            "X-Buildbot-Builder": name,
            "X-Buildbot-Result": Results[results],
        }
        return headers if revision is None else {**headers, "X-Buildbot-Revision": revision}

    def _list(self, name: str) -> dict[str, str]:
        """The headers of the list of mails about a builder, or about all slaves."""
        title = self._status.getProjectName()
        place = ".".join([_slug(each)[:60] for each in (name, title) if each] + [self._host])
        given = self._wishes.unsubscribe
        if given is None:
            return {"List-Id": f"<{place}>"}
        url = given if given.startswith("https://") else f"mailto:{given}"
        return {"List-Id": f"<{place}>", "List-Unsubscribe": f"<{url}>"}

    def _extra(self, builds: Sequence[BuildStatus]) -> dict[str, str]:
        found = {}
        for name, value in (self._wishes.extraHeaders or {}).items():
            try:
                found[name] = str(render(value, builds[-1]))
            except PLUGIN_ERRORS as error:
                log.warn("the header {name} is left out: {error!r}", name=name, error=error)
        return found

    async def _attachments(self, builds: Iterable[BuildStatus]) -> list[Attachment]:
        found = []
        room = MOST_LOGS
        for build in builds:
            for stamp in build.getSourceStamps() if self._wishes.addPatch else ():
                if stamp.patch:
                    of = f"-{_slug(stamp.codebase)}" if build.source.beside else ""
                    found.append(Attachment(f"source-patch{of}.diff", _asText(stamp.patch[1]), "x-diff"))
            for each in build.getLogs():
                name = f"{each.getStep().getName()}.{each.getName()}"
                if not each.hasContents() or not self._isAttached(name, each.getName()):
                    continue
                if each.length > room:
                    url = self._status.getURLForThing(each) or ""
                    found.append(Attachment(f"{name}.txt", f"This log is too long for a mail. {url}\n"))
                    continue
                room -= each.length
                try:
                    found.append(Attachment(name, await textOf(build, each)))
                except OSError as error:
                    told = f"This log cannot be read: {error.strerror}\n"
                    found.append(Attachment(f"{name}.txt", told))
        return found

    def _isAttached(self, *names: str) -> bool:
        wanted = self._wishes.addLogs
        return bool(wanted) if isinstance(wanted, (bool, int)) else not set(wanted).isdisjoint(names)

    # mails of others

    def completed(self, mail: Message, now: float) -> Message:
        """Add the missing headers to a mail of a plug-in, and return it."""
        mail = modern(mail)
        if "From" not in mail:
            mail["From"] = self._wishes.fromaddr
        if "Date" not in mail:
            mail["Date"] = format_datetime(datetime.fromtimestamp(now, timezone.utc))
        if "Message-ID" not in mail:
            told = sha256(asText(mail).encode()).hexdigest()[:16]
            mail["Message-ID"] = self.messageId("mail", told, now)
        return mail


def _lines(log: LogFile) -> list[str]:
    """The lines of a log that is not too long."""
    if log.length > LONGEST_LOG:
        return []
    try:
        return log.getText().splitlines()
    except OSError as error:
        return [f"(the log cannot be read: {error.strerror})"]


def _read(body: object, kind: object, subject: object) -> tuple[str, str | None, str | None]:
    """The text, the HTML and the subject. Functions of Python 2 encode their texts, so bytes are UTF-8."""
    said, text = None if subject is None else _asText(subject), _asText(body)
    return ("", text, said) if kind in ("html", b"html") else (text, None, said)


def _asText(data: object) -> str:
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else str(data)


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9-]+", "-", name).strip("-") or "x"


def _host(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name).strip("-.")[:60] or "localhost"

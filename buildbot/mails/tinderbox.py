# -*- test-case-name: tests.stories.test_tinderbox -*-
"""TinderboxMailNotifier of C{c['status']}: mails that a Tinderbox server reads, as in 0.7.5 to 0.8.14."""

from __future__ import annotations

import bz2
import gzip
from base64 import encodebytes
from collections.abc import Iterator, Sequence
from typing import Any

from buildbot.config.arguments import Kind, arguments
from buildbot.config.kinds import FLAG, TEXT, isText, oneOf, orNone
from buildbot.mails.argumentkinds import ADDRESSES
from buildbot.mails.contents import SUBJECT
from buildbot.mails.letter import Letter
from buildbot.mails.logtext import endOf
from buildbot.mails.notifier import MailNotifier
from buildbot.model.properties import isRenderable, render
from buildbot.model.results import CANCELLED, EXCEPTION, RETRY, SUCCESS, WARNINGS
from buildbot.status.build import BuildStatus
from buildbot.text.printable import plain, plainLine

#: The most characters of all logs in a mail; of longer ones the end is sent.
MOST_LOGS = 1_000_000
#: The word for a result, as in 0.8.14; all others are "busted".
_WORDS = {
    SUCCESS: "success",
    WARNINGS: "testfailed",
    **dict.fromkeys((EXCEPTION, RETRY, CANCELLED), "exception"),
}
_COMPRESSIONS = ("", "bzip2", "gzip")


class TinderboxMailNotifier(MailNotifier):
    """I send a mail at the start of each build, and one with its logs at its end."""

    compare_attrs: Sequence[str] = (
        *MailNotifier.compare_attrs,
        *("tree", "binaryURL", "logCompression", "errorparser", "columnName", "useChangeTime"),
    )

    @arguments(
        tree=TEXT,
        extraRecipients=ADDRESSES,
        binaryURL=TEXT,
        logCompression=oneOf(*_COMPRESSIONS),
        errorparser=TEXT,
        columnName=orNone(Kind("text", lambda value: isText(value) or isRenderable(value))),
        useChangeTime=FLAG,
    )
    def __init__(
        self,
        fromaddr: str,
        tree: str,
        extraRecipients: Sequence[str] | str,
        categories: Sequence[str] | str | None = None,
        builders: Sequence[str] | str | None = None,
        relayhost: str = "localhost",
        subject: str | None = None,
        binaryURL: str = "",
        logCompression: str = "",
        errorparser: str = "unix",
        columnName: Any = None,
        useChangeTime: bool = False,
        **more: Any,
    ) -> None:
        """@param tree: the name of the tree on the server.
        @param extraRecipients: the addresses of the server.
        @param binaryURL: where the results of the build can be fetched.
        @param logCompression: "bzip2" or "gzip" to compress the logs.
        @param errorparser: the parser that the server uses for the logs.
        @param columnName: the name of the column, with properties; None: that of the builder.
        @param useChangeTime: True to give the time of the first change as that of the build.
        @param more: the arguments about the mail server: see L{MailNotifier}.
        """
        MailNotifier.__init__(
            self,
            fromaddr,
            categories=categories,
            builders=builders,
            relayhost=relayhost,
            subject=SUBJECT if subject is None else subject,
            extraRecipients=extraRecipients,
            sendToInterestedUsers=False,
            **more,
        )
        self.tree = tree
        self.binaryURL = binaryURL
        self.logCompression = logCompression
        self.errorparser = errorparser
        self.columnName = columnName
        self.useChangeTime = useChangeTime

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Tell the start of a build."""
        self.work.do(self._send(build, None))

    async def told(self, build: BuildStatus, results: int) -> None:
        """Tell the end of a build."""
        try:
            await self._send(build, results)
        finally:
            self.mark.looked(build)
        await self.mark.keep()

    async def _send(self, build: BuildStatus, results: int | None) -> None:
        word = wordOf(results)
        name = build.getBuilder().getName()
        logs = "" if results is None else f"\n{self._packed(await _logsOf(build))}"
        letter = Letter(
            self.fromaddr,
            self.contents.subject(build, results, name, word),
            "\n".join([*self._lines(build, results, word), logs]) + "\n",
            self.contents.messageId(name, build.number, build.started, word),
            longest=None,
        )
        await self.postbox.post(letter, (self.extraRecipients, []), name)

    def _lines(self, build: BuildStatus, results: int | None, word: str) -> Iterator[str]:
        started = build.getTimes()[0]
        changes = build.getChanges()
        if self.useChangeTime and changes:
            started = changes[0].when
        column = build.getBuilder().getName() if self.columnName is None else render(self.columnName, build)
        facts = [
            ("tree", self.tree),
            ("builddate", int(started or 0)),
            ("status", word),
            ("build", column),
            ("errorparser", self.errorparser),
        ]
        if results is not None:
            facts += [("binaryurl", self.binaryURL)]
            facts += [("logcompression", self.logCompression), ("logencoding", "base64")] * bool(
                self.logCompression
            )
        yield from (f"tinderbox: {key}: {plainLine(str(value))}" for key, value in facts)
        yield "tinderbox: END"

    def _packed(self, text: str) -> str:
        if not self.logCompression:
            return plain(text)
        data = text.encode("utf-8", "replace")
        packed = bz2.compress(data) if self.logCompression == "bzip2" else gzip.compress(data, mtime=0)
        return encodebytes(packed).decode("ascii")


def wordOf(results: int | None) -> str:
    """The word for the result of a build; None: it runs."""
    return "building" if results is None else _WORDS.get(results, "busted")


async def _logsOf(build: BuildStatus) -> str:
    """The text of all logs, each below a line with its name."""
    parts: list[str] = []
    left = MOST_LOGS
    for log in reversed([each for each in build.getLogs() if each.hasContents()]):
        title = f"======== {log.getStep().getName()} {log.getName()} ========\n"
        try:
            text = await endOf(build, log, left) if left > 0 else "(left out)\n"
        except OSError as error:
            text = f"(cannot be read: {error.strerror})\n"
        left -= len(text)
        parts.append(f"{title}{text}\n")
    return "".join(reversed(parts))

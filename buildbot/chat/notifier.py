# -*- test-case-name: tests.stories.test_chat -*-
"""The base of status targets that write in the rooms of chat servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from twisted.logger import Logger

from buildbot.chat.shapes import Line, withLine
from buildbot.chat.wording import linesOfBuild, linesOfSet, linesOfText
from buildbot.config.arguments import Kind
from buildbot.config.kinds import FLAG, NAMES_OR_ONE, TEXT, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.mails.argumentkinds import MODE
from buildbot.mails.deciding import modesOf, wantsMail
from buildbot.model.records import BuildsetRecord
from buildbot.model.results import SUCCESS, worst
from buildbot.reporters.asking import asked
from buildbot.status.build import BuildStatus
from buildbot.store.interface import StoreFailed
from buildbot.text.idnames import inId
from buildbot.text.plural import counted
from buildbot.webhooks.base import PostingReceiver
from buildbot.webhooks.http import Address

log = Logger()

#: The builds that are told unless the configuration says otherwise: a builder broke, or is good again.
USUAL: Sequence[str] = ("problem", "change")
#: The kinds of the arguments that all chat servers have.
KINDS = {
    "mode": MODE,
    "builders": orNone(NAMES_OR_ONE),
    "categories": orNone(NAMES_OR_ONE),
    "buildSetSummary": FLAG,
    "messageFormatter": orNone(Kind("a function", callable)),
    "caFile": orNone(TEXT),
}


class ChatStatus(PostingReceiver):
    """I write about each build, or build set, that needs a message. L{buildbot.mails.deciding} says which.

    @cvar shape: makes the JSON of the server of lines and the result.
    """

    compare_attrs: Sequence[str] = (
        *("address", "mode", "builders", "categories", "buildSetSummary", "messageFormatter", "more"),
    )
    tellsApart = ("builders", "categories", "mode", "more")
    shape: Callable[[Sequence[Line], int | None], dict[str, Any]]

    def __init__(
        self,
        address: Address,
        mode: str | Sequence[str],
        builders: Sequence[str] | str | None,
        categories: Sequence[str] | str | None,
        buildSetSummary: bool,
        messageFormatter: Callable[..., Any] | None,
        more: Mapping[str, str | None],
    ) -> None:
        """@param mode: which builds are told; one word or several.
        @param buildSetSummary: True to write one message for all builds of a build set.
        @param messageFormatter: a function (mode, name, build, results, status) that returns the text, or a
            dict with C{body}; None: no message. It may return a Deferred.
        @param more: further keys of each message; those with None are left out.
        """
        PostingReceiver.__init__(self, address, builders, categories)
        self.mode = mode if isinstance(mode, str) else tuple(mode)
        self.modes = modesOf(self.mode)
        self.buildSetSummary = bool(buildSetSummary)
        self.messageFormatter = messageFormatter
        self.more = {key: value for key, value in more.items() if value is not None}
        self.tellsBuilds, self.tellsSets = not self.buildSetSummary, self.buildSetSummary

    async def tell(self, build: BuildStatus, results: int) -> None:
        """Write about a build, if it needs a message."""
        before = await self._before(build)
        if not wantsMail(self.modes, results, None if before is None else before.getResults()):
            return
        if self.messageFormatter is None:
            lines = linesOfBuild(build, results, self.status, await self._first(build, before))
        else:
            lines = await self._formatted([build])
        name = build.getBuilder().getName()
        id = f"chat.{build.number}.{int(build.started):x}.{inId(name, 60)}"
        self._say(id, lines, results, f"{name} #{build.number}", name)

    async def tellSet(self, buildset: BuildsetRecord, builds: list[BuildStatus]) -> None:
        """Write about a build set, if one of its builds needs a message."""
        results = SUCCESS
        isWanted = False
        for build in builds:
            own = build.getResults() or SUCCESS
            before = await self._before(build)
            isWanted |= wantsMail(self.modes, own, None if before is None else before.getResults())
            results = worst(results, own)
        if isWanted:
            if self.messageFormatter is None:
                lines = linesOfSet(buildset.reason, builds, self.status)
            else:
                lines = await self._formatted(builds)
            id = f"chat.set.{buildset.id}.{int(buildset.submitted):x}"
            self._say(id, lines, results, f"build set {buildset.id}", "")

    async def _before(self, build: BuildStatus) -> BuildStatus | None:
        try:
            return await self.outages.before(build)
        except StoreFailed as why:
            log.warn("cannot read the build before: {why}", why=why.reason)
            return None

    async def _first(self, build: BuildStatus, before: BuildStatus | None) -> BuildStatus | None:
        try:
            return await self.outages.first(build, before)
        except StoreFailed as why:
            log.warn("cannot read the build before: {why}", why=why.reason)
            return None

    async def _formatted(self, builds: Sequence[BuildStatus]) -> list[Line]:
        """The lines of the function of the configuration. Where it fails, the usual ones are taken."""
        lines: list[Line] = []
        clock = self.master.botmaster.resources.clock
        for build in builds:
            name, results = build.getBuilder().getName(), build.getResults() or SUCCESS
            told = (self.mode, name, build, results, self.status)
            try:
                answer = await asked(clock, self.messageFormatter or (lambda *told: None), *told)
                said = answer.get("body") if isinstance(answer, Mapping) else answer
                lines += linesOfText("" if said is None else str(said))
            except PLUGIN_ERRORS:
                log.failure("the function for the text of messages failed; the usual text is sent")
                lines += linesOfBuild(build, results, self.status, None)
        return lines

    def _say(self, id: str, lines: Sequence[Line], results: int, subject: str, group: str) -> None:
        if lines:
            body = json.dumps({**type(self).shape(lines, results), **self.more})
            self.enqueue(id, {"id": id, "body": body, "path": self.pathOf(id)}, subject, group)

    def withOmitted(self, body: Any, count: int) -> Any:
        """See L{PostingReceiver}."""
        return withLine(body, f"({counted(count, 'earlier message')} had no room)")

    def pathOf(self, id: str) -> str:
        """What follows the path of the address for a message with this id."""
        return ""

# -*- test-case-name: tests.stories.test_forges -*-
"""The base of status targets that show the results of builds beside the commits on a forge."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import unquote

from twisted.logger import Logger

from buildbot.config.arguments import Kind
from buildbot.config.kinds import isText
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.properties import isRenderable, render
from buildbot.reporters.revision import revisionIn
from buildbot.status.build import BuildStatus
from buildbot.text.idnames import inId
from buildbot.text.urls import withoutPasswords
from buildbot.webhooks.base import PostingReceiver
from buildbot.webhooks.http import Address

log = Logger()

_SHA = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")

RENDERED = Kind(
    "text, perhaps with properties", lambda value: isText(value) or isRenderable(value), standIn="x"
)


class CommitStatus(PostingReceiver):
    """I post the state of each build: that it runs at its start, and its result at its end.

    @cvar begun: the state of a build that runs; C{states}: those of results; C{other}: that of all others.
    @cvar named: the key of the name of a status.
    @cvar longest: the most characters of a description.
    """

    compare_attrs: Sequence[str] = (
        *("address", "sha", "startDescription", "endDescription", "context", "builders", "categories"),
    )
    tellsApart = ("builders", "categories", "context", "sha")
    begun = "pending"
    states: Mapping[int, str]
    other: str
    named = "context"
    longest = 140

    def __init__(
        self,
        address: Address,
        sha: Any,
        startDescription: Any,
        endDescription: Any,
        context: Any,
        builders: Sequence[str] | str | None,
        categories: Sequence[str] | str | None,
    ) -> None:
        """@param sha: the commit; None: the revision that was built.
        @param startDescription, endDescription: the text beside the state; None: the usual one.
        @param context: the name of the status; None: one for each builder.
        """
        PostingReceiver.__init__(self, address, builders, categories)
        self.sha = sha
        self.startDescription, self.endDescription = startDescription, endDescription
        self.context = context

    def repositoryPath(self, build: BuildStatus) -> str:
        """The path of the repository in the API of the forge. It may raise any error of a property."""
        raise NotImplementedError

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Post that a build runs."""
        self.work.do(self._post(build, None))

    async def tell(self, build: BuildStatus, results: int) -> None:
        """Post the result of a build."""
        await self._post(build, results)

    async def _post(self, build: BuildStatus, results: int | None) -> None:
        name = build.getBuilder().getName()
        try:
            repository = self.repositoryPath(build)
            sha = revisionIn(build, unquote(repository)) if self.sha is None else render(self.sha, build)
            context = f"buildbot/{name}" if self.context is None else str(render(self.context, build))
            given = self.startDescription if results is None else self.endDescription
            said = self._usual(build, results) if given is None else str(render(given, build))
        except PLUGIN_ERRORS as error:
            log.warn(
                "build {number} of {name} has no status: {error!r}",
                number=build.number,
                name=name,
                error=error,
            )
            return
        if not isinstance(sha, str) or not _SHA.fullmatch(sha):
            log.info("build {number} of {name} has no commit for a status", number=build.number, name=name)
            return
        state = self.begun if results is None else self.states.get(results, self.other)
        url = self.status.getURLForThing(build)
        body = {
            "state": state,
            "description": withoutPasswords(said)[: self.longest],
            self.named: context,
            **({} if url is None else {"target_url": url}),
        }
        id = f"{state}.{build.number}.{int(build.started):x}.{inId(name, 60)}"
        message = {"id": id, "path": f"{repository}/statuses/{sha}", "body": json.dumps(body)}
        self.enqueue(id, message, f"{name} #{build.number} {state}", f"{sha} {context}")

    def _usual(self, build: BuildStatus, results: int | None) -> str:
        """The description without one in the configuration."""
        if results is None:
            started = datetime.fromtimestamp(build.started, timezone.utc)
            return f"Build {build.number} has begun at {started:%Y-%m-%d %H:%M} UTC"
        return " ".join(build.getText()) or "Build ended"

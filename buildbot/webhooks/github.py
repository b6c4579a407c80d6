# -*- test-case-name: tests.stories.test_github -*-
"""GitHubStatus of C{c['status']}: shows the results of builds beside the commits on GitHub, as in 0.8."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote

from twisted.logger import Logger

from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import NAMES_OR_ONE, isText, orNone
from buildbot.config.plugincode import PLUGIN_ERRORS
from buildbot.model.properties import isRenderable, render
from buildbot.model.results import FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS
from buildbot.reporters.revision import revisionOf
from buildbot.status.build import BuildStatus
from buildbot.text.idnames import inId
from buildbot.text.urls import withoutPasswords
from buildbot.webhooks.base import PostingReceiver
from buildbot.webhooks.http import Address
from buildbot.webhooks.urlkind import TOKEN, URL

log = Logger()

#: The API of GitHub itself. That of an own GitHub server ends with C{/api/v3}.
API = "https://api.github.com"
#: The most characters of a description.
LONGEST = 140
#: The state for a result; all others are "error".
_STATES = {SUCCESS: "success", WARNINGS: "success", SKIPPED: "success", FAILURE: "failure", RETRY: "pending"}
_SHA = re.compile(r"[0-9a-fA-F]{40}|[0-9a-fA-F]{64}")

_TEXT = Kind("text, perhaps with properties", lambda value: isText(value) or isRenderable(value), standIn="x")


class GitHubStatus(PostingReceiver):
    """I post the state of each build: pending at its start, and its result at its end."""

    compare_attrs: Sequence[str] = (
        *("address", "repoOwner", "repoName", "sha", "startDescription", "endDescription"),
        *("context", "builders", "categories"),
    )

    @arguments(
        token=TOKEN,
        repoOwner=_TEXT,
        repoName=_TEXT,
        sha=orNone(_TEXT),
        startDescription=orNone(_TEXT),
        endDescription=orNone(_TEXT),
        baseURL=orNone(URL),
        context=orNone(_TEXT),
        builders=orNone(NAMES_OR_ONE),
        categories=orNone(NAMES_OR_ONE),
    )
    def __init__(
        self,
        token: str,
        repoOwner: Any,
        repoName: Any,
        sha: Any = None,
        startDescription: Any = None,
        endDescription: Any = None,
        baseURL: str | None = None,
        context: Any = None,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
    ) -> None:
        """@param token: of an account that may write statuses.
        @param sha: the commit; None: the revision that was built.
        @param startDescription, endDescription: the text beside the state; None: the usual one.
        @param baseURL: the API of an own server; None: that of GitHub.
        @param context: the name of the status; None: one for each builder.
        """
        url = (baseURL or API).rstrip("/")
        # What waits while a token is wrong must find the right one under the same name.
        texts = isinstance(repoOwner, str) and isinstance(repoName, str)
        account = f"{repoOwner}/{repoName}" if texts else token
        address = Address(url, token=token, refusing=(404,), kind="GitHub status", account=account)
        PostingReceiver.__init__(self, address, builders, categories)
        remember(self)
        self.repoOwner, self.repoName, self.sha = repoOwner, repoName, sha
        self.startDescription, self.endDescription = startDescription, endDescription
        self.context = context

    def buildStarted(self, builderName: str, build: Any) -> Any:
        """Post that a build runs."""
        self.work.do(self._post(build, None))

    def buildFinished(self, builderName: str, build: Any, results: int) -> None:
        """Post the result of a build."""
        self.work.do(self._post(build, results))

    async def _post(self, build: BuildStatus, results: int | None) -> None:
        name = build.getBuilder().getName()
        try:
            owner, repository = (str(render(each, build)) for each in (self.repoOwner, self.repoName))
            sha = revisionOf(build) if self.sha is None else render(self.sha, build)
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
        state = "pending" if results is None else _STATES.get(results, "error")
        url = self.status.getURLForThing(build)
        body = {
            "state": state,
            "description": withoutPasswords(said)[:LONGEST],
            "context": context,
            **({} if url is None else {"target_url": url}),
        }
        path = f"/repos/{quote(owner, safe='')}/{quote(repository, safe='')}/statuses/{sha}"
        id = f"{state}.{build.number}.{int(build.started):x}.{inId(name, 60)}"
        message = {"id": id, "path": path, "body": json.dumps(body)}
        await self.sender.add(id, message, f"{name} #{build.number} {state}", f"{sha} {context}")

    def _usual(self, build: BuildStatus, results: int | None) -> str:
        """The description without one in the configuration."""
        if results is None:
            started = datetime.fromtimestamp(build.started, timezone.utc)
            return f"Build {build.number} has begun at {started:%Y-%m-%d %H:%M} UTC"
        return " ".join(build.getText()) or "Build ended"

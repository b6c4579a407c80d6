# -*- test-case-name: tests.stories.test_github -*-
"""GitHubStatus and GiteaStatus of C{c['status']}: show the results of builds beside the commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from buildbot.config.arguments import arguments, remember
from buildbot.config.kinds import NAMES_OR_ONE, orNone
from buildbot.model.properties import render
from buildbot.model.results import FAILURE, RETRY, SKIPPED, SUCCESS, WARNINGS
from buildbot.status.build import BuildStatus
from buildbot.webhooks.commitstatus import RENDERED, CommitStatus
from buildbot.webhooks.http import Address
from buildbot.webhooks.urlkind import TOKEN, URL

#: The API of GitHub itself. That of an own GitHub server ends with C{/api/v3}.
API = "https://api.github.com"
_STATES = {SUCCESS: "success", WARNINGS: "success", SKIPPED: "success", FAILURE: "failure", RETRY: "pending"}


def _accountOf(owner: Any, name: Any, token: str) -> str:
    """Tells the queue of one repository from others. What waits while a token is wrong must find the right
    one under the same name.
    """
    return f"{owner}/{name}" if isinstance(owner, str) and isinstance(name, str) else token


def _pathOf(owner: Any, name: Any, build: BuildStatus) -> str:
    """The path of a repository; both are rendered."""
    return "/repos/" + "/".join(quote(str(render(each, build)), safe="") for each in (owner, name))


class GitHubStatus(CommitStatus):
    """I post the state of each build: pending at its start, and its result at its end."""

    compare_attrs: Sequence[str] = (*CommitStatus.compare_attrs, "repoOwner", "repoName")
    states: Mapping[int, str] = _STATES
    other = "error"

    @arguments(
        token=TOKEN,
        repoOwner=RENDERED,
        repoName=RENDERED,
        sha=orNone(RENDERED),
        startDescription=orNone(RENDERED),
        endDescription=orNone(RENDERED),
        baseURL=orNone(URL),
        context=orNone(RENDERED),
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
        @param baseURL: the API of an own server; None: that of GitHub.
        """
        account = _accountOf(repoOwner, repoName, token)
        url = (baseURL or API).rstrip("/")
        address = Address(url, token=token, refusing=(404,), kind="GitHub status", account=account)
        CommitStatus.__init__(
            self, address, sha, startDescription, endDescription, context, builders, categories
        )
        remember(self)
        self.repoOwner, self.repoName = repoOwner, repoName

    def repositoryPath(self, build: BuildStatus) -> str:
        """See L{CommitStatus}."""
        return _pathOf(self.repoOwner, self.repoName, build)


class GiteaStatus(CommitStatus):
    """I post the state of each build to a server of Gitea or Forgejo."""

    compare_attrs: Sequence[str] = (*CommitStatus.compare_attrs, "repoOwner", "repoName")
    states: Mapping[int, str] = {**_STATES, WARNINGS: "warning"}
    other = "error"

    @arguments(
        baseURL=URL,
        token=TOKEN,
        repoOwner=RENDERED,
        repoName=RENDERED,
        sha=orNone(RENDERED),
        startDescription=orNone(RENDERED),
        endDescription=orNone(RENDERED),
        context=orNone(RENDERED),
        builders=orNone(NAMES_OR_ONE),
        categories=orNone(NAMES_OR_ONE),
    )
    def __init__(
        self,
        baseURL: str,
        token: str,
        repoOwner: Any,
        repoName: Any,
        sha: Any = None,
        startDescription: Any = None,
        endDescription: Any = None,
        context: Any = None,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
    ) -> None:
        """@param baseURL: the server, such as C{https://git.example.org}.
        @param token: of an account that may write statuses.
        """
        url = baseURL.rstrip("/") + "/api/v1"
        account = _accountOf(repoOwner, repoName, token)
        address = Address(url, token=token, refusing=(404,), kind="Gitea status", account=account)
        CommitStatus.__init__(
            self, address, sha, startDescription, endDescription, context, builders, categories
        )
        remember(self)
        self.repoOwner, self.repoName = repoOwner, repoName

    def repositoryPath(self, build: BuildStatus) -> str:
        """See L{CommitStatus}."""
        return _pathOf(self.repoOwner, self.repoName, build)

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


class RepositoryStatus(CommitStatus):
    """I post the state of each build to a forge whose repositories have an owner and a name."""

    compare_attrs: Sequence[str] = (*CommitStatus.compare_attrs, "repoOwner", "repoName")
    states: Mapping[int, str] = _STATES
    other = "error"

    def __init__(self, url: str, kind: str, token: str, repoOwner: Any, repoName: Any, *told: Any) -> None:
        """@param url: the API of the forge; C{kind}: its name for people.
        @param told: the arguments of L{CommitStatus} after the address.
        """
        # Tells the queue of one repository from others. What waits while a token is wrong must find the right
        # one under the same name.
        isNamed = isinstance(repoOwner, str) and isinstance(repoName, str)
        account = f"{repoOwner}/{repoName}" if isNamed else token
        address = Address(url, token=token, refusing=(404,), kind=kind, account=account)
        CommitStatus.__init__(self, address, *told)
        remember(self)
        self.repoOwner, self.repoName = repoOwner, repoName

    def repositoryPath(self, build: BuildStatus) -> str:
        """See L{CommitStatus}."""
        parts = (self.repoOwner, self.repoName)
        return "/repos/" + "/".join(quote(str(render(each, build)), safe="") for each in parts)


class GitHubStatus(RepositoryStatus):
    """I post the state of each build: pending at its start, and its result at its end."""

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
        url = (baseURL or API).rstrip("/")
        RepositoryStatus.__init__(
            *(self, url, "GitHub status", token, repoOwner, repoName),
            *(sha, startDescription, endDescription, context, builders, categories),
        )


class GiteaStatus(RepositoryStatus):
    """I post the state of each build to a server of Gitea or Forgejo."""

    states: Mapping[int, str] = {**_STATES, WARNINGS: "warning"}

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
        RepositoryStatus.__init__(
            *(self, url, "Gitea status", token, repoOwner, repoName),
            *(sha, startDescription, endDescription, context, builders, categories),
        )

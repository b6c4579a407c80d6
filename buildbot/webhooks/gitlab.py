# -*- test-case-name: tests.stories.test_forges -*-
"""GitLabStatus of C{c['status']}: shows the results of builds beside the commits on GitLab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from buildbot.config.arguments import arguments, remember
from buildbot.config.kinds import NAMES_OR_ONE, orNone
from buildbot.model.properties import render
from buildbot.model.results import CANCELLED, RETRY, SKIPPED, SUCCESS, WARNINGS
from buildbot.status.build import BuildStatus
from buildbot.webhooks.commitstatus import RENDERED, CommitStatus
from buildbot.webhooks.http import Address
from buildbot.webhooks.urlkind import TOKEN, URL

#: The public server.
SERVER = "https://gitlab.com"


class GitLabStatus(CommitStatus):
    """I post the state of each build: running at its start, and its result at its end.

    A build that is tried again is canceled: GitLab lets no running status wait again, but lets a new one run.
    """

    compare_attrs: Sequence[str] = (*CommitStatus.compare_attrs, "project")
    begun = "running"
    states: Mapping[int, str] = {
        **dict.fromkeys((SUCCESS, WARNINGS, SKIPPED), "success"),
        **dict.fromkeys((CANCELLED, RETRY), "canceled"),
    }
    other = "failed"
    named = "name"
    longest = 255

    @arguments(
        token=TOKEN,
        project=RENDERED,
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
        project: Any,
        sha: Any = None,
        startDescription: Any = None,
        endDescription: Any = None,
        baseURL: str | None = None,
        context: Any = None,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
    ) -> None:
        """@param token: an access token with the scope C{api}.
        @param project: the path of the project, such as C{group/ship}, or its number as text.
        @param baseURL: an own server, such as C{https://git.example.org}; None: gitlab.com.
        """
        account = project if isinstance(project, str) else token
        url = (baseURL or SERVER).rstrip("/") + "/api/v4"
        address = Address(
            url, token=token, bearer=True, refusing=(404,), kind="GitLab status", account=account
        )
        CommitStatus.__init__(
            self, address, sha, startDescription, endDescription, context, builders, categories
        )
        remember(self)
        self.project = project

    def repositoryPath(self, build: BuildStatus) -> str:
        """See L{CommitStatus}."""
        return f"/projects/{quote(str(render(self.project, build)), safe='')}"

# -*- test-case-name: tests.stories.test_chat -*-
"""SlackStatus, MattermostStatus, DiscordStatus and TeamsStatus of C{c['status']}: write to a webhook.

The address of such a webhook is a secret: who knows it can write. It is never shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from buildbot.chat import shapes
from buildbot.chat.notifier import KINDS, USUAL, ChatStatus
from buildbot.config.arguments import arguments, remember
from buildbot.config.kinds import TEXT, orNone
from buildbot.webhooks.http import Address
from buildbot.webhooks.urlkind import URL


class SlackStatus(ChatStatus):
    """I write to an incoming webhook of Slack."""

    shape = staticmethod(shapes.slack)

    @arguments(url=URL, **KINDS)
    def __init__(
        self,
        url: str,
        mode: str | Sequence[str] = USUAL,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
        buildSetSummary: bool = False,
        messageFormatter: Callable[..., Any] | None = None,
        caFile: str | None = None,
    ) -> None:
        """See L{ChatStatus}.

        @param url: of the webhook.
        @param caFile: the file of a certificate to trust.
        """
        address = Address(url, caFile=caFile, kind="Slack messages")
        ChatStatus.__init__(self, address, mode, builders, categories, buildSetSummary, messageFormatter, {})
        remember(self)


class MattermostStatus(ChatStatus):
    """I write to an incoming webhook of Mattermost."""

    shape = staticmethod(shapes.mattermost)

    @arguments(url=URL, channel=orNone(TEXT), username=orNone(TEXT), **KINDS)
    def __init__(
        self,
        url: str,
        mode: str | Sequence[str] = USUAL,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
        buildSetSummary: bool = False,
        messageFormatter: Callable[..., Any] | None = None,
        caFile: str | None = None,
        channel: str | None = None,
        username: str | None = None,
    ) -> None:
        """See L{ChatStatus}.

        @param url: of the webhook.
        @param caFile: the file of a certificate to trust.
        @param channel: another channel than that of the webhook, if the server allows it.
        @param username: the name beside the messages, if the server allows it.
        """
        address = Address(url, caFile=caFile, kind="Mattermost messages", account=channel or "")
        more = {"channel": channel, "username": username}
        ChatStatus.__init__(
            self, address, mode, builders, categories, buildSetSummary, messageFormatter, more
        )
        remember(self)


class DiscordStatus(ChatStatus):
    """I write to a webhook of Discord."""

    shape = staticmethod(shapes.discord)

    @arguments(url=URL, username=orNone(TEXT), **KINDS)
    def __init__(
        self,
        url: str,
        mode: str | Sequence[str] = USUAL,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
        buildSetSummary: bool = False,
        messageFormatter: Callable[..., Any] | None = None,
        caFile: str | None = None,
        username: str | None = None,
    ) -> None:
        """See L{ChatStatus}.

        @param url: of the webhook.
        @param caFile: the file of a certificate to trust.
        @param username: the name beside the messages.
        """
        address = Address(url, caFile=caFile, kind="Discord messages")
        more = {"username": username}
        ChatStatus.__init__(
            self, address, mode, builders, categories, buildSetSummary, messageFormatter, more
        )
        remember(self)


class TeamsStatus(ChatStatus):
    """I write to a workflow of Microsoft Teams that begins with a webhook request."""

    shape = staticmethod(shapes.teams)

    @arguments(url=URL, **KINDS)
    def __init__(
        self,
        url: str,
        mode: str | Sequence[str] = USUAL,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
        buildSetSummary: bool = False,
        messageFormatter: Callable[..., Any] | None = None,
        caFile: str | None = None,
    ) -> None:
        """See L{ChatStatus}.

        @param url: of the workflow.
        @param caFile: the file of a certificate to trust.
        """
        address = Address(url, caFile=caFile, kind="Teams messages")
        ChatStatus.__init__(self, address, mode, builders, categories, buildSetSummary, messageFormatter, {})
        remember(self)

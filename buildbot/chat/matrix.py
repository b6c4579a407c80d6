# -*- test-case-name: tests.stories.test_chat -*-
"""MatrixStatus of C{c['status']}: writes in a room of Matrix.

Each message has a transaction id, which is the same when it is sent again. So the room shows it once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any
from urllib.parse import quote

from buildbot.chat import shapes
from buildbot.chat.notifier import KINDS, USUAL, ChatStatus
from buildbot.config.arguments import Kind, arguments, remember
from buildbot.config.kinds import isText
from buildbot.webhooks.http import Address
from buildbot.webhooks.urlkind import TOKEN, URL

_ROOM = Kind(
    "the id of a room, which begins with '!'",
    lambda value: isText(value) and value[:1] == "!" and len(value) > 1 and value.split() == [value],
    standIn="!x",
)


class MatrixStatus(ChatStatus):
    """I write in one room, which the account must have joined."""

    shape = staticmethod(shapes.matrix)

    @arguments(server=URL, token=TOKEN, room=_ROOM, **KINDS)
    def __init__(
        self,
        server: str,
        token: str,
        room: str,
        mode: str | Sequence[str] = USUAL,
        builders: Sequence[str] | str | None = None,
        categories: Sequence[str] | str | None = None,
        buildSetSummary: bool = False,
        messageFormatter: Callable[..., Any] | None = None,
        caFile: str | None = None,
    ) -> None:
        """See L{ChatStatus}.

        @param server: the home server, such as C{https://matrix.example.org}.
        @param token: the access token of an account.
        @param room: the id of the room, such as C{!abc:example.org}.
        @param caFile: the file of a certificate to trust.
        """
        url = server.rstrip("/") + "/_matrix/client/v3/rooms"
        address = Address(
            *(url, None, caFile, token), bearer=True, kind="Matrix messages", account=room, method="PUT"
        )
        ChatStatus.__init__(self, address, mode, builders, categories, buildSetSummary, messageFormatter, {})
        remember(self)
        self.room = room

    def pathOf(self, id: str) -> str:
        """See L{ChatStatus}. The transaction id does not depend on the token, which may be renewed."""
        transaction = sha256(f"{self.room} {id}".encode("utf-8", "replace")).hexdigest()[:32]
        return f"/{quote(self.room, safe='')}/send/m.room.message/{transaction}"

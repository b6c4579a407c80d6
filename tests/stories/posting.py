"""A master that posts messages to a web server in memory, for the stories about webhooks and GitHub."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred, fail, succeed

from buildbot.reporters.work import Work
from buildbot.webhooks import base
from tests.stories.changes import CONFIG, ChangeCase

DO = Work.do


class Server:
    """I am a web server that can be told to fail.

    @ivar key: the key of a message that C{got} shows: C{"id"} or C{"path"}.
    @ivar got: (the value of this key, body) of each accepted message.
    @ivar trouble: the exception of each delivery; None: accept.
    @ivar address: the address of the last target.
    """

    def __init__(self, key: str) -> None:
        self.key = key
        self.got: list[tuple[str, dict[str, Any]]] = []
        self.trouble: Exception | None = None
        self.address: Any = None

    def target(self, address: object, *args: object, **more: object) -> Slot:
        """Stands in for L{buildbot.webhooks.http.HttpTarget}."""
        self.address = address
        return Slot(self)

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        if self.trouble is not None:
            return fail(self.trouble)
        self.got.append((message[self.key], json.loads(message["body"])))
        return succeed(None)


class Slot:
    """I am the target of one sender."""

    def __init__(self, server: Server) -> None:
        self._server = server

    def deliver(self, message: Mapping[str, Any], /) -> Deferred[None]:
        return self._server.deliver(message)

    def rest(self) -> None:
        """Nothing to close."""


class PostingCase(ChangeCase):
    """A master with one builder, whose messages go to a server in memory.

    @ivar key: see L{Server}.
    """

    key = "id"

    def setUp(self) -> None:
        super().setUp()
        self.server = Server(self.key)
        self.patch(base, "HttpTarget", self.server.target)
        self.write(CONFIG.replace(", Dependent('package', quick, ['package'])", ""))

    def build(self, status: int = 0) -> None:
        """Commit something, and let it be built; the command ends with this status."""
        self.slaves[-1].onCommand = lambda command: command.end(status)
        self.send()
        self.wait(70)

    def loseBuild(self, status: int = 0) -> None:
        """Let a build end just before the master is killed, so that nothing of it is queued; start again."""
        self.wait(5)
        self.patch(Work, "do", lambda work, coroutine: coroutine.close())
        self.build(status)
        self.kill()
        self.patch(Work, "do", DO)
        self.begin()
        self.wait(5)

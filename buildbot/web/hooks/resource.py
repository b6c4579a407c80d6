# -*- test-case-name: tests.stories.test_hooks -*-
"""The edge of the hooks to twisted.web: C{/change_hook/DIALECT}.

The hooks stand beside the routes of the pages: a forge has no account, and proves each delivery itself.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import ensureDeferred
from twisted.python.failure import Failure
from twisted.web import resource, server

from buildbot.web.call import TEXT, Answer
from buildbot.web.hooks.changehook import ChangeHook, HookAnswer
from buildbot.web.incoming import Incoming, incomingOf
from buildbot.web.jsonanswers import asJSON
from buildbot.web.sending import send

#: The dialect of C{/change_hook} itself, as in 0.8.
DEFAULT = "base"


class HookResource(resource.Resource):
    """I am all resources below C{/change_hook}."""

    isLeaf = True
    #: Forges do not log in to the pages: see L{buildbot.web.root.PUBLIC}.
    isPublic = True

    def __init__(self, hook: ChangeHook) -> None:
        resource.Resource.__init__(self)
        self._hook = hook

    def render(self, request: Any) -> int:
        """Take a delivery. It is taken even if the sender goes away before the answer."""
        incoming = incomingOf(request)
        names = [each.decode("utf-8", "replace") for each in request.postpath if each]
        dialect = "/".join(names) or DEFAULT
        handling = ensureDeferred(
            self._hook.handle(
                dialect, incoming.method, incoming.headers, incoming.body, incoming.peer, incoming.query
            )
        )
        handling.addCallback(_answer, request, incoming)
        handling.addErrback(_failed, request)
        return server.NOT_DONE_YET


def _answer(answer: HookAnswer, request: Any, incoming: Incoming) -> None:
    headers = tuple(answer.headers.items())
    if "application/json" in incoming.headers.get("accept", ""):
        said = {"status": answer.status, "text": answer.text, "changes": list(answer.changes)}
        send(asJSON(said, answer.status, headers), request, incoming)
        return
    body = f"{answer.text}\n".encode("utf-8", "replace")
    send(Answer(body, TEXT, answer.status, headers, cache="no-store"), request, incoming)


def _failed(why: Failure, request: Any) -> None:
    request.processingFailed(why)

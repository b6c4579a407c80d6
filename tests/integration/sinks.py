# -*- test-case-name: tests.integration.test_sinks -*-
"""A web server that speaks as GitHub, GitLab, Gitea, Slack, Mattermost, Discord, Teams and Matrix do.

It checks a request as the real servers do: the address, the token, the shape of the JSON, and its limits.
What it accepts is what people would see. A wrong request has the status of the real server, and is kept for
the test.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from twisted.internet import reactor
from twisted.web.resource import Resource
from twisted.web.server import Site

SHA = "c" * 40
#: The secret in each address, and each token.
SECRET = "canary-6"
#: The states of commits, and the most characters of a description.
_GITHUB = ("pending", "success", "failure", "error")
_GITEA = (*_GITHUB, "warning")
_GITLAB = ("pending", "running", "success", "failed", "canceled", "skipped")
_DESCRIPTION, _GITLAB_DESCRIPTION = 140, 255
_COLOR = re.compile(r"#[0-9a-f]{6}")
_ROOM = "%21room%3Aexample.org"
_MATRIX = re.compile(rf"/matrix/_matrix/client/v3/rooms/{_ROOM}/send/m\.room\.message/([^/]+)")


class Wrong(Exception):
    """A request that a server refuses: the status, and what is wrong."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        super().__init__(why)
        self.status, self.why, self.headers = status, why, headers


class Sinks(Resource):
    """I am all these servers, each below a path of its own, on one port of the loopback.

    @ivar shown: what people see: the name of the server -> the accepted messages.
    @ivar refused: the reasons for the requests that were wrong.
    @ivar busy: how many times each server still answers that it is busy.
    """

    isLeaf = True

    def __init__(self) -> None:
        super().__init__()
        self.shown: dict[str, list[dict[str, Any]]] = {}
        self.refused: list[str] = []
        self.busy: dict[str, int] = {}
        self._transactions: set[str] = set()
        self._port: Any = None  # an IListeningPort while the port is open
        self.number = 0

    def listen(self) -> None:
        """Open the port: any at first, and later the same again."""
        any: Any = reactor
        self._port = any.listenTCP(self.number, Site(self), interface="127.0.0.1")
        self.number = self._port.getHost().port

    async def close(self) -> None:
        """Close the port, so that nobody listens."""
        if self._port is not None:
            port, self._port = self._port, None
            await port.stopListening()

    def url(self, path: str) -> str:
        """The address of a server."""
        return f"http://127.0.0.1:{self.number}/{path}"

    def count(self, name: str) -> int:
        """How many messages of a server people see."""
        return len(self.shown.get(name, ()))

    # requests

    def render(self, request: Any) -> bytes:
        """Answer a request."""
        path = request.uri.decode("ascii")
        name = path.split("/")[1]
        takes: dict[str, Callable[[Any, str, dict[str, Any]], tuple[int, bytes]]] = {
            "github": self._github,
            "gitea": self._gitea,
            "gitlab": self._gitlab,
            "slack": self._slack,
            "mattermost": self._mattermost,
            "discord": self._discord,
            "matrix": self._matrix,
            "teams": self._teams,
            "hook": self._hook,
        }
        try:
            if name not in takes:
                raise Wrong(404, f"nothing at {path}")
            if self.busy.get(name, 0) > 0:
                self.busy[name] -= 1
                return self._isBusy(request, name)
            status, answer = takes[name](request, path, self._json(request))
        except Wrong as wrong:
            self.refused.append(f"{name}: {wrong.why}")
            status, answer = wrong.status, wrong.why.encode()
        request.setResponseCode(status)
        return answer

    def _isBusy(self, request: Any, name: str) -> bytes:
        """Each server says in its own way how long to wait."""
        request.setResponseCode(429)
        if name == "discord":
            return b'{"message": "You are being rate limited.", "retry_after": 0.2, "global": false}'
        if name == "matrix":
            return b'{"errcode": "M_LIMIT_EXCEEDED", "error": "Too many requests", "retry_after_ms": 200}'
        request.setHeader("Retry-After", "1")
        return b"rate_limited"

    def _json(self, request: Any) -> dict[str, Any]:
        self._need(request.getHeader("Content-Type") == "application/json", 400, "no JSON")
        self._need(bool(request.getHeader("User-Agent")), 403, "no User-Agent")
        try:
            body = json.loads(request.content.read())
        except ValueError:
            raise Wrong(400, "bad JSON") from None
        self._need(isinstance(body, dict), 400, "no object")
        return dict(body)

    def _need(self, isGood: object, status: int, why: str) -> None:
        if not isGood:
            raise Wrong(status, why)

    def _show(self, name: str, message: dict[str, Any]) -> None:
        self.shown.setdefault(name, []).append(message)

    # forges

    def _commit(
        self,
        name: str,
        request: Any,
        body: dict[str, Any],
        token: str,
        states: tuple[str, ...],
        named: str,
        longest: int,
    ) -> tuple[int, bytes]:
        self._need(request.method == b"POST", 405, "no POST")
        self._need(request.getHeader("Authorization") == token, 401, "bad credentials")
        self._need(body.get("state") in states, 422, f"state {body.get('state')}")
        self._need(body.get(named), 422, f"no {named}")
        self._need(len(body.get("description") or "") <= longest, 422, "long description")
        self._need(str(body.get("target_url", "http://")).startswith("http"), 422, "bad target_url")
        self._show(name, body)
        return 201, json.dumps({"id": self.count(name)}).encode()

    def _github(self, request: Any, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        self._need(path == f"/github/repos/acme/ship/statuses/{SHA}", 404, f"not found: {path}")
        return self._commit("github", request, body, f"token {SECRET}", _GITHUB, "context", _DESCRIPTION)

    def _gitea(self, request: Any, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        self._need(path == f"/gitea/api/v1/repos/acme/ship/statuses/{SHA}", 404, f"not found: {path}")
        return self._commit("gitea", request, body, f"token {SECRET}", _GITEA, "context", _GITLAB_DESCRIPTION)

    def _gitlab(self, request: Any, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        self._need(path == f"/gitlab/api/v4/projects/acme%2Fship/statuses/{SHA}", 404, f"not found: {path}")
        states = [each["state"] for each in self.shown.get("gitlab", ())]
        self._need(states[-1:] != [body.get("state")], 400, "Cannot transition status")
        return self._commit("gitlab", request, body, f"Bearer {SECRET}", _GITLAB, "name", _GITLAB_DESCRIPTION)

    # chat

    def _bar(self, request: Any, path: str, body: dict[str, Any], wanted: str) -> dict[str, Any]:
        """The only attachment of a message to Slack or Mattermost."""
        self._need(path == wanted and request.method == b"POST", 404, f"no_service: {path}")
        bars = body.get("attachments")
        self._need(isinstance(bars, list) and len(bars) == 1, 400, "no_text")
        bar = dict(body["attachments"][0])
        self._need(bar.get("text") and bar.get("fallback"), 400, "no_text")
        self._need(_COLOR.fullmatch(bar.get("color", "")), 400, "invalid_payload")
        return bar

    def _slack(self, request: Any, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        bar = self._bar(request, path, body, f"/slack/services/T0/B0/{SECRET}")
        self._need(not re.search(r"&(?!amp;|lt;|gt;)", bar["text"]), 400, "invalid_payload")
        self._show("slack", bar)
        return 200, b"ok"

    def _mattermost(self, request: Any, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        bar = self._bar(request, path, body, f"/mattermost/hooks/{SECRET}")
        self._need(len(bar["text"]) < 4000, 400, "too long")
        self._show("mattermost", bar)
        return 200, b"ok"

    def _discord(self, request: Any, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        self._need(path == f"/discord/api/webhooks/1/{SECRET}", 404, f"Unknown Webhook: {path}")
        (bar,) = body.get("embeds") or [{}]
        self._need(0 < len(bar.get("description", "")) <= 4096, 400, "Cannot send an empty message")
        self._need(isinstance(bar.get("color"), int) and bar["color"] < 1 << 24, 400, "Invalid Form Body")
        self._need(body.get("allowed_mentions") == {"parse": []}, 400, "it calls people")
        self._show("discord", bar)
        return 204, b""

    def _teams(self, request: Any, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        self._need(path == f"/teams/workflows/1/triggers/manual?sig={SECRET}", 401, f"unauthorized: {path}")
        (attachment,) = body.get("attachments") or [{}]
        kind = attachment.get("contentType")
        self._need(kind == "application/vnd.microsoft.card.adaptive", 400, "no card")
        card = attachment["content"]
        self._need(card.get("type") == "AdaptiveCard" and card.get("version"), 400, "no card")
        blocks = card.get("body") or [{}]
        self._need(all(each.get("type") == "TextBlock" and each.get("text") for each in blocks), 400, "bad")
        self._show("teams", blocks[0])
        return 202, b""

    def _matrix(self, request: Any, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        found = _MATRIX.fullmatch(path)
        if found is None or request.method != b"PUT":
            raise Wrong(404, f"M_UNRECOGNIZED: {path}")
        self._need(request.getHeader("Authorization") == f"Bearer {SECRET}", 401, "M_UNKNOWN_TOKEN")
        self._need(body.get("msgtype") == "m.notice" and body.get("body"), 400, "M_BAD_JSON")
        html = body.get("formatted_body")
        self._need(body.get("format") == "org.matrix.custom.html" and html, 400, "M_BAD_JSON")
        if found[1] not in self._transactions:  # else it is there already, and has the same event
            self._transactions.add(found[1])
            self._show("matrix", body)
        return 200, json.dumps({"event_id": f"${found[1]}"}).encode()

    def _hook(self, request: Any, path: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """A webhook whose server forgets nothing, also no repetition."""
        self._need(request.getHeader("webhook-signature"), 401, "no signature")
        self._show("hook", {"id": request.getHeader("webhook-id"), **body})
        return 200, b""

# -*- test-case-name: tests.unit.control.test_remote -*-
"""The command line's side of a master on another machine: one request to its API, one answer, blocking."""

from __future__ import annotations

import http.client
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from buildbot.control.client import ControlError, NoAnswer, Unreachable
from buildbot.daemon.oserrors import inWords

#: The most bytes of an answer.
LARGEST = 1 << 24
#: The most bytes of a piece of a long answer.
PIECE = 1 << 16
#: The most seconds to wait for an answer without a time limit, such as the answer of a reconfig.
LONGEST = 3600.0
#: The statuses of a proxy whose master is away.
_OF_PROXY = (502, 503, 504)
#: Command -> its path in the API, for commands about the master and for commands about one slave.
_MASTER = {"reconfig": "reconfig", "shutdown": "shutdown", "cancelshutdown": "shutdown/cancel"}
_SLAVE = ("pause", "drain", "unpause", "disconnect")


@dataclass(frozen=True)
class Question:
    """I am one request to the API.

    @ivar path: below C{/api/v1/}.
    @ivar body: the JSON object of an action; None for a question.
    """

    path: str
    query: Mapping[str, object] = field(default_factory=dict)
    body: Mapping[str, object] | None = None


class NeverTaken(ControlError):
    """The master never takes these values, so it is useless to send them again."""


class NotRemote(ControlError):
    """The API has no such command."""


def questionOf(command: str, params: Mapping[str, Any]) -> Question:
    """The request to the API for a command. The API takes the name of the person from the token.

    @raise NotRemote: the command works only on the master's machine.
    """
    if command == "sendchange":
        return Question("changes", {}, params)
    given = {name: value for name, value in params.items() if name != "who"}
    if command == "status":
        return Question("status", given)
    if command == "builds":
        return Question("overview", given)
    if command == "audit":
        return Question("audit", given)
    if command == "changes":
        return Question("changes", {"limit": given.pop("count", None), **given})
    if command in ("schedulers", "disk"):
        return Question(command, given)
    if command == "slave":
        return Question(f"slaves/{quote(str(given.pop('slave')), safe='')}/record", given)
    if command == "change":
        return Question(f"changes/{given['number']}/record")
    if command in _MASTER:
        return Question(_MASTER[command], {}, given)
    if command in _SLAVE:
        return Question(f"slaves/{quote(str(given.pop('slave')), safe='')}/{command}", {}, given)
    builder = f"builders/{quote(str(given.pop('builder', '')), safe='')}"
    if command == "parameters":
        return Question(f"{builder}/parameters")
    if command == "rebuild":
        return Question(f"{builder}/builds/{given.pop('number')}/rebuild", {}, given)
    if command == "request":
        return Question(f"{builder}/requests/{given['request']}")
    if command == "cancel":
        number = given.pop("request", None)
        return Question(f"{builder}/cancel" if number is None else f"requests/{number}/cancel", {}, {})
    if command == "force":
        return Question(f"{builder}/force", {}, given)
    if command == "build":
        return Question(f"{builder}/builds/{given['number']}/record")
    if command == "stopbuild":
        number = given.pop("number", None)
        if number is None:
            return Question(f"{builder}/stop", {}, given)
        wanted = {name: value for name, value in given.items() if name != "pending" or value}
        return Question(f"{builder}/builds/{number}/stop", {}, wanted)
    raise NotRemote(f"{command} works only on the machine of the master")


class _Stay(urllib.request.HTTPRedirectHandler):
    """I follow no redirect: the token would go to another site."""

    def redirect_request(self, *arguments: Any, **more: Any) -> None:
        """None: the redirect is an error."""


def _opened(asked: urllib.request.Request, timeout: float) -> Any:
    """Send a request, and follow no redirect."""
    return urllib.request.build_opener(_Stay).open(asked, timeout=timeout)


def request(
    url: str,
    token: str,
    command: str,
    params: Mapping[str, Any],
    patience: float | None,
    open: Callable[..., Any] = _opened,
) -> object:
    """Send a command to the master at an address, and return its answer: any JSON value.

    @param url: the address of its web pages.
    @param token: the token of a script; empty for none.
    @param patience: the most seconds to wait; None: L{LONGEST}.
    @param open: sends the request, like C{urlopen}.
    @raise ControlError: the master refused the command, or cannot be reached; L{NoAnswer}: it was too slow;
        L{NeverTaken}: a value cannot be used.
    """
    question = questionOf(command, params)
    asked = urllib.request.Request(_address(url, question, token), _encoded(question))
    asked.add_header("Accept", "application/json")
    if token:
        asked.add_header("Authorization", f"Bearer {token}")
    if question.body is not None:
        asked.add_header("Content-Type", "application/json")
        asked.add_header("Idempotency-Key", os.urandom(16).hex())
    with _told(url, params, LONGEST if patience is None else patience) as seconds:
        with open(asked, timeout=seconds) as answer:
            return _read(answer.read(LARGEST + 1), url)


def stream(
    url: str, token: str, path: str, query: Mapping[str, object], open: Callable[..., Any] = _opened
) -> Iterator[bytes]:
    """The pieces of a long answer, as they come.

    @param path: below the address of the web pages.
    @raise ControlError: the master refuses it, or the connection is cut.
    """
    asked = urllib.request.Request(_address(url, Question(path, query), token, ""))
    asked.add_header("Accept", "text/plain, application/problem+json")
    if token:
        asked.add_header("Authorization", f"Bearer {token}")
    with _told(url, {}, LONGEST) as seconds, open(asked, timeout=seconds) as answer:
        left = answer.headers.get("Content-Length")
        count = 0
        while piece := answer.read1(PIECE):
            count += len(piece)
            yield piece
        if left is not None and count < int(left):
            raise ControlError(f"{url} has sent {count} of {left} bytes: the connection was cut")


def page(
    url: str, token: str, path: str, query: Mapping[str, object], open: Callable[..., Any] = _opened
) -> Any:
    """The JSON of a page. See L{stream}.

    @param query: the values of a parameter that is given more than once are a list.
    """
    asked = urllib.request.Request(_address(url, Question(path, query), token, ""))
    asked.add_header("Accept", "application/json, application/problem+json")
    if token:
        asked.add_header("Authorization", f"Bearer {token}")
    with _told(url, {}, LONGEST) as seconds, open(asked, timeout=seconds) as answer:
        return _read(answer.read(LARGEST + 1), url)


@contextmanager
def _told(url: str, params: Mapping[str, Any], patience: float) -> Iterator[float]:
    """A context that turns each failure of a request into a L{ControlError}."""
    try:
        yield patience
    except urllib.error.HTTPError as refused:
        kind = NeverTaken if refused.code in (400, 413) else ControlError
        words = _refusal(refused, url, params)
        if not words:
            words = f"{url} answers with status {refused.code}"
            if refused.code in _OF_PROXY:
                kind, words = Unreachable, f"{words}: the master behind it does not answer"
            else:
                words += ": is it the address of a Buildbot master?"
        error = kind(words)
        error.status = refused.code
        raise error from None
    except TimeoutError:
        raise NoAnswer(f"the master did not answer within {patience:g} s") from None
    except urllib.error.URLError as why:
        if isinstance(why.reason, TimeoutError):
            raise NoAnswer(f"the master did not answer within {patience:g} s") from None
        raise Unreachable(f"cannot reach {url}: {_words(why.reason)}") from None
    except (OSError, http.client.HTTPException) as why:
        raise Unreachable(f"cannot reach {url}: {_words(why)}") from None


def _address(url: str, question: Question, token: str, root: str = "api/v1/") -> str:
    """The whole address. A token is not sent in the clear to another machine."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ControlError(f"{url!r} is no address of a master: write such as https://ci.example.org/")
    if token and parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ControlError(
            "a token is sent only over https, because others could read it: use an https address"
        )
    given = {name: value for name, value in question.query.items() if value is not None}
    query = f"?{urlencode(given, doseq=True)}" if given else ""
    return f"{url.rstrip('/')}/{root}{question.path}{query}"


def _encoded(question: Question) -> bytes | None:
    return None if question.body is None else json.dumps(question.body).encode()


def _read(answer: bytes, url: str) -> object:
    if len(answer) > LARGEST:
        raise ControlError(f"the answer of {url} has more than {LARGEST} bytes: ask for less")
    try:
        return json.loads(answer)
    except ValueError:
        raise ControlError(
            f"the answer of {url} is no JSON: is it the address of a Buildbot master?"
        ) from None


def _refusal(refused: urllib.error.HTTPError, url: str, params: Mapping[str, Any]) -> str:
    """The reason of a refusal, for the user; "" if it does not come from a master."""
    if refused.headers.get("Location") and 300 <= refused.code < 400:
        return f"{url} leads to {refused.headers['Location']}: give the address of the master itself"
    try:
        told = json.loads(refused.read(LARGEST))
        title, detail, hint = (str(told.get(key) or "") for key in ("title", "detail", "hint"))
    except (ValueError, AttributeError, OSError):
        return ""
    if title == f"There is no builder {params.get('builder')}":  # the words of the control socket
        title = f"no builder {params['builder']!r} in c['builders']"
    words = [detail or title] if refused.code == 409 else [title, detail]
    if refused.code == 401:
        hint = hint or "give --token FILE"
    return ": ".join(filter(None, words)) + (f" ({hint})" if hint else "")


def _words(why: object) -> str:
    if isinstance(why, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {why.verify_message}"
    if isinstance(why, http.client.IncompleteRead):
        return "the connection was cut"
    return inWords(why) if isinstance(why, OSError) else str(why)

# -*- test-case-name: tests.stories.test_webapi -*-
"""Answers in JSON. The passwords of URLs are struck out in them."""

from __future__ import annotations

from collections.abc import Sequence

from buildbot.text.urls import struckJSON
from buildbot.web.call import JSON, Answer, Problem


def asJSON(value: object, status: int = 200, headers: Sequence[tuple[str, str]] = ()) -> Answer:
    """An answer in JSON."""
    body = struckJSON(value, separators=(",", ":"), ensure_ascii=False)
    data = body.encode("utf-8", "backslashreplace")
    return Answer(data + b"\n", JSON, status, tuple(headers))


def problemAsJSON(problem: Problem) -> Answer:
    """The answer of the API to a request that cannot be answered (RFC 9457)."""
    value = {
        "type": "about:blank",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "hint": problem.hint,
    }
    body = struckJSON({key: each for key, each in value.items() if each != ""}).encode()
    return Answer(body, "application/problem+json", problem.status, problem.headers, cache="no-store")
